"""What the genre classifier learns from: songs with a genre family, and log-mel excerpts of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfsep.audio import read_info
from tfsep.contract_genre import GenreContract
from tfsep.data.cache import CachedTrack
from tfsep.data.genres import family_of, genre_of
from tfsep.data.loading import load_tracks
from tfsep.data.registry import open_source
from tfsep.data.source import StemSource, Track
from tfsep.data.stem_names import read_object
from tfsep.dsp.genre_excerpts import GenreInput, excerpt_starts
from tfsep.errors import AudioError, DataError

CACHE_CHANNELS = 2  # as separation models are trained, so that songs are decoded once for both
MIX_GAIN_DB = 6.0  # by which stems are louder or quieter in remixes, at most
EQUALISER_DB = 6.0
LOW_PASS_SHARE = 0.3  # of training excerpts
LOWEST_CUTOFF = 0.7  # of the bands that a low pass leaves at least


@dataclass(frozen=True, kw_only=True)
class GenreSong:
    """A song to learn from or to be judged by; `artist` is empty where nothing tells it."""

    track: CachedTrack
    family: str
    artist: str = ""


@dataclass(frozen=True)
class _Labelled:
    """A source whose tracks have a genre that the table of genres knows; those without are left out."""

    source: StemSource

    @property
    def paired(self) -> bool:
        return self.source.paired

    def names(self) -> frozenset[str]:
        return self.source.names()

    def tracks(self) -> Sequence[Track]:
        labelled = [(track, genre_of(track)) for track in self.source.tracks()]
        return [replace(track, genre=genre) for track, genre in labelled if genre]


def read_songs(text: str, cache: Path, contract: GenreContract, *, on_skip: Callable[[str], None]) -> list[GenreSong]:
    """Return the songs of a source `[KIND:]PATH` whose genre is known.

    Args:
        on_skip: told in one line what is left out.
    Raises: DataError if no song has a genre that is known; else as `load_tracks`.
    """
    source = open_source(text)
    found, labelled = len(source.tracks()), _Labelled(source)
    artists = {track.name: artist_of(track) for track in labelled.tracks()}
    if not artists:
        raise DataError(
            f"{text}: none of its {found} songs has a genre that is known: put them into folders named rock, jazz ..., write "
            'song.json with {"genre": "house"}, or tag the files'
        )
    if len(artists) < found:
        on_skip(f"{text}: {found - len(artists)} of {found} songs have no genre that is known, and are left out")
    loaded = load_tracks(labelled, cache, sample_rate_hz=contract.spec.sample_rate_hz, channels=CACHE_CHANNELS, on_skip=on_skip)
    return [GenreSong(track=track, family=family_of(track.genre), artist=artists[track.name]) for track in loaded.tracks]


def artist_of(track: Track) -> str:
    """Return who made a song, in lower case: of `song.json`, of a name "Artist - Title" as in MUSDB18, of the first file's tags.

    Empty if nothing tells it.
    """
    said = read_object(track.paths[0].parent / "song.json").get("artist")
    artist, dash, _ = Path(track.name).name.partition(" - ")
    if isinstance(said, str) and said.strip():
        return said.strip().casefold()
    if dash:
        return artist.strip().casefold()
    try:
        return read_info(track.paths[0]).tags.get("artist", "").strip().casefold()
    except AudioError:
        return ""


def apart(songs: Sequence[GenreSong], held_out: Sequence[GenreSong]) -> list[GenreSong]:
    """Return the songs that are not held out, nor made by an artist of whom a song is: an album's sound gives its songs away."""
    keys = {song.track.key for song in held_out}
    artists = {song.artist for song in held_out} - {""}
    return [song for song in songs if song.track.key not in keys and song.artist not in artists]


def divided(songs: Sequence[GenreSong], share: float, seed: int) -> tuple[list[GenreSong], list[GenreSong]]:
    """Return most songs, and about a `share` of each family, one song at least, set apart; no artist is in both."""
    rng = np.random.default_rng(seed)
    most, few = [], []
    for family in sorted({song.family for song in songs}):
        of_family = [song for song in songs if song.family == family]
        groups: dict[str, list[GenreSong]] = {}
        for song in of_family:
            groups.setdefault(song.artist or song.track.key, []).append(song)
        taken = 0
        for key in rng.permutation(sorted(groups)):
            enough = taken + len(groups[key]) > max(1, share * len(of_family))
            (most if enough else few).extend(groups[key])
            taken += 0 if enough else len(groups[key])
    return most, few


class Excerpts:
    """Cuts the classifier's input out of cached songs."""

    def __init__(self, contract: GenreContract):
        self.contract = contract
        self._input = GenreInput(contract)

    def of_song(self, song: GenreSong) -> np.ndarray:
        """Return what is heard of a song as it is, float32 `(excerpts, frames, mel_bands, channels)`, silent excerpts left out."""
        whole = _mono_stems(song.track).sum(axis=0)[:, np.newaxis]
        starts = excerpt_starts(song.track.length, self.contract)
        return self._input.stacked([self._input.log_mel(whole[start:]) for start in starts])

    def varied(self, song: GenreSong, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return excerpts to learn from: from anywhere, remixed, equalised, some with the highs cut off; shape as `of_song`."""
        stems, samples, heard = _mono_stems(song.track), self.contract.excerpt_samples, []
        for _ in range(count):
            start = int(rng.integers(0, max(1, song.track.length - samples)))
            gains = 10 ** (rng.uniform(-MIX_GAIN_DB, MIX_GAIN_DB, len(stems)) / 20)
            mel = self._input.log_mel((gains.astype(np.float32) @ stems[:, start : start + samples])[:, np.newaxis])
            heard.append(None if mel is None else self._equalised(mel, rng))
        return self._input.stacked(heard)

    def _equalised(self, mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        bands, gain = self.contract.mel_bands, self.contract.spec.feature_gain
        points = rng.uniform(-EQUALISER_DB, EQUALISER_DB, 5)
        curve = 10 ** (np.interp(np.linspace(0, 4, bands), np.arange(5), points) / 20)
        if rng.random() < LOW_PASS_SHARE:
            curve[int(rng.uniform(LOWEST_CUTOFF, 1) * bands) :] = 0
        magnitude = np.expm1(mel) / gain * curve[:, np.newaxis]
        return np.log1p(gain * magnitude).astype(np.float32)


def _mono_stems(track: CachedTrack) -> np.ndarray:
    """Return each stem of a track, float32 `(stems, samples)`."""
    channels = track.samples.shape[2]
    total = np.array(track.samples[:, :, 0], np.float32)
    for channel in range(1, channels):
        total += track.samples[:, :, channel]
    return total * np.float32(track.gain / channels)
