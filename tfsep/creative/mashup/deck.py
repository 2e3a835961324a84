"""A song on a deck: its stems on disk, and all that is known of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Resampler, open_audio
from tfsep.creative.mashup.beats import WEAKEST_PULSE, BeatGrid, track_beats
from tfsep.creative.mashup.features import Features, FeatureStream
from tfsep.creative.mashup.key import Key, find_key
from tfsep.creative.mashup.loudness import LoudnessMeter
from tfsep.creative.mashup.settings import STEMS
from tfsep.creative.mashup.store import StemStore
from tfsep.errors import AudioError
from tfsep.separation.separator import Separator

POWERS_PER_S = 100
_EMPTY_DB = -28.0  # of a stem against the song: what leaks into the drums of rendered songs without any is 29 dB down, or more
Progress = Callable[[float], None]  # the share done, 0 to 1


@dataclass(frozen=True, eq=False)
class Deck:
    """A song that was listened to from beginning to end.

    Attributes:
        name: "A" or "B".
        store: the stems that are played, in the order of `STEMS`.
        powers: float32 `(frames, 4)`, mean square of each of `STEMS`, at `POWERS_PER_S`.
        key: None if nothing in it has a pitch.
        notes: what is odd about the song, a line each.
    """

    name: str
    path: Path
    store: StemStore
    features: Features
    beats: BeatGrid
    key: Key | None
    loudness_lufs: float
    powers: np.ndarray
    notes: tuple[str, ...]


def load_deck(
    name: str,
    path: Path,
    separator: Separator,
    store: StemStore,
    *,
    sample_rate_hz: int,
    hint_bpm: float | None,
    progress: Progress,
) -> Deck:
    """Take a song apart and listen to it, in memory that does not depend on its length.

    Args:
        store: takes the stems that it is named for.
        sample_rate_hz: of the stems; the song is resampled to it first.
    Raises: as `open_audio` and `Separator.stream`; AudioError for a song that is silent, has none of the stems, or no beats.
    """
    streams = FeatureStream(sample_rate_hz)
    meter = LoudnessMeter(sample_rate_hz, store.channels)
    powers = _Powers(sample_rate_hz)
    with open_audio(path) as reader:
        info = reader.info
        resampler = Resampler(info.sample_rate_hz, sample_rate_hz, info.channels)

        def blocks() -> Iterator[np.ndarray]:
            done = 0
            for block in reader.blocks():
                yield _with_channels(resampler.process(block), store.channels)
                done += len(block)
                progress(min(1.0, done / info.frames) if info.frames else 0.0)
            yield _with_channels(resampler.flush(), store.channels)

        for block in separator.stream(blocks(), sample_rate_hz=sample_rate_hz, channels=store.channels):
            store.append([block.stems[stem] for stem in store.names])
            streams.push(block.stems["drums"], block.mixture - block.stems["drums"])
            meter.push(block.mixture)
            powers.push(np.stack([block.stems[stem] for stem in STEMS], axis=1))
        notes = list(reader.warnings)
    loudness = meter.finish()
    if loudness is None:
        raise AudioError(f"{path}: is silent: choose another song for deck {name}")
    features, stem_powers = streams.finish(), powers.finish()
    notes += _check_stems(name, path, store.names, stem_powers)
    beats = _check_beats(name, path, features, track_beats(features, hint_bpm), notes)
    return Deck(name, path, store, features, beats, find_key(features.chroma), loudness, stem_powers, tuple(notes))


def _with_channels(block: np.ndarray, channels: int) -> np.ndarray:
    return np.repeat(block, channels, axis=1) if block.shape[1] < channels else block


def _check_stems(name: str, path: Path, stems: tuple[str, ...], powers: np.ndarray) -> list[str]:
    means = powers.mean(axis=0)
    levels_db = 10 * np.log10((means + 1e-12) / (means.sum() + 1e-12))
    empty = [stem for stem in stems if levels_db[STEMS.index(stem)] < _EMPTY_DB]
    if len(empty) == len(stems):
        raise AudioError(
            f"{path}: there is no sound in its {' and '.join(empty)}, which deck {name} is to play: "
            "take these stems from the other deck, or choose another song"
        )
    return [f"{path}: there is no sound in its {stem}" for stem in empty]


def _check_beats(name: str, path: Path, features: Features, beats: BeatGrid | None, notes: list[str]) -> BeatGrid:
    if beats is None or beats.bars < 1:
        raise AudioError(
            f"{path}: {features.duration_s:.1f} s hold no whole bar with beats: choose a longer song for deck {name}, "
            f"or say its tempo with --tempo-{name.lower()}"
        )
    if beats.strength < WEAKEST_PULSE:
        notes.append(
            f"{path}: hardly any beat was found, so that the {beats.bpm:.1f} BPM may mean nothing: "
            f"if you know its tempo, say it with --tempo-{name.lower()}"
        )
    elif not beats.steady:
        notes.append(f"{path}: the tempo is not steady; the beats are followed where it moves")
    return beats


def means_between(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the means of `(frames, n)` between edges in frames, rounded: float64 `(edges - 1, n)`."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    at = np.clip(np.rint(edges).astype(int), 0, len(values))
    return (sums[at[1:]] - sums[at[:-1]]) / np.maximum(np.diff(at), 1)[:, None]


class _Powers:
    """Mean squares of stretches of 1 / `POWERS_PER_S` seconds; each begins at the sample nearest to its time."""

    def __init__(self, sample_rate_hz: int):
        self._rate_hz = sample_rate_hz
        self._frames = 0  # finished
        self._held = np.zeros((0, len(STEMS)), np.float32)
        self._means: list[np.ndarray] = []

    def push(self, stems: np.ndarray) -> None:
        """Take float32 `(samples, stems, channels)`."""
        self._held = np.concatenate([self._held, np.einsum("tsc,tsc->ts", stems, stems) / stems.shape[2]])
        start = self._edges(self._frames, self._frames + 1)[0]
        end = start + len(self._held)
        # rounding may bring an edge half a sample nearer: one more is looked at
        edges = self._edges(self._frames, end * POWERS_PER_S // self._rate_hz + 2)
        edges = edges[edges <= end] - start
        self._means.append(means_between(self._held, edges).astype(np.float32))
        self._frames += len(edges) - 1
        self._held = self._held[edges[-1] :]

    def finish(self) -> np.ndarray:
        return np.concatenate(self._means) if self._means else np.zeros((0, len(STEMS)), np.float32)

    def _edges(self, first: int, last: int) -> np.ndarray:
        return np.rint(np.arange(first, last) * self._rate_hz / POWERS_PER_S).astype(int)
