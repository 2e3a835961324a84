"""Tracks of a source into the cache, past those that cannot be read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.data.cache import CachedTrack, load_cached
from tfsep.data.source import StemSource, Track
from tfsep.errors import AudioError, DataError

SKIPPED_SHARE = 0.1  # of a source's tracks, above which it is taken to be broken as a whole
_NAMED = 5  # unreadable tracks in an error


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What came out of a source. `skipped` has one line for each track that cannot be read, with its name and why."""

    tracks: tuple[CachedTrack, ...]
    skipped: tuple[str, ...] = ()


def load_tracks(
    source: StemSource,
    cache: Path,
    *,
    sample_rate_hz: int,
    channels: int,
    on_progress: Callable[[int, int], None] | None = None,
    on_skip: Callable[[str], None] | None = None,
) -> Loaded:
    """Return all tracks of a source at one rate and number of channels, decoded where the cache has not got them.

    Args:
        on_progress: told after each track how many are done, and of how many.
        on_skip: told at once of each track that is left out, in one line; the same lines are in the result.
    Raises: DataError if no track can be read, or if those that cannot are more than one and more than a tenth; AudioError if
        the cache cannot be written; what `source.tracks()` raises.
    """
    found = source.tracks()
    tracks, skipped = [], []
    for done, track in enumerate(found, 1):
        try:
            tracks.append(_load(track, cache, sample_rate_hz, channels))
        except _UnreadableError as error:
            skipped.append(f"{track.name} is skipped: {error}")
            if on_skip:
                on_skip(skipped[-1])
        if on_progress:
            on_progress(done, len(found))
    if not tracks or (len(skipped) > 1 and len(skipped) > SKIPPED_SHARE * len(found)):
        listed = "; ".join(skipped[:_NAMED]) + ("; ..." if len(skipped) > _NAMED else "")
        raise DataError(f"{len(skipped)} of {len(found)} tracks cannot be read, repair or remove them: {listed}")
    return Loaded(tracks=tuple(tracks), skipped=tuple(skipped))


class _UnreadableError(Exception):
    """A track cannot be read, as opposed to: its cache cannot be written."""


@dataclass(frozen=True)
class _Watched:
    """A track whose reading fails in a way of its own; a `Track`."""

    track: Track

    @property
    def name(self) -> str:
        return self.track.name

    @property
    def genre(self) -> str | None:
        return self.track.genre

    @property
    def stems(self) -> tuple[str, ...]:
        return self.track.stems

    @property
    def paths(self) -> tuple[Path, ...]:
        return self.track.paths

    @property
    def recipe(self) -> str:
        return self.track.recipe

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        try:
            stems = self.track.read(sample_rate_hz, channels)
        except (AudioError, DataError) as error:
            raise _UnreadableError(str(error)) from None
        if not all(len(samples) for samples in stems.values()):
            raise _UnreadableError(f"{self.track.paths[0]}: is too short, there is no sample of it at {sample_rate_hz} Hz")
        return stems


def _load(track: Track, cache: Path, sample_rate_hz: int, channels: int) -> CachedTrack:
    for path in track.paths:
        try:
            path.stat()
        except OSError as error:  # deleted since it was listed
            raise _UnreadableError(f"{path}: cannot be read ({error.strerror})") from None
    return load_cached(_Watched(track), cache, sample_rate_hz=sample_rate_hz, channels=channels)
