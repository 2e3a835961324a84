"""Training batches from records: a drop-in for `CropMixer` where the data does not fit into memory or on the disk."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsep.data.cache import CachedTrack
from tfsep.data.mixing import ALL, EQUALISER_POINTS, CropMixer, MixingConfig, Pool
from tfsep.data.records.index import read_index
from tfsep.data.records.location import check_location
from tfsep.data.records.segment import check_codec
from tfsep.data.records.stream import RecordFolder, SegmentStream
from tfsep.errors import DataError

_RESERVE = 8  # segments kept of stems that are rare


@dataclass(frozen=True)
class RecordSource:
    """A folder of records, or its address, and how often it is drawn from, relative to others."""

    location: str | Path
    weight: float = 1.0


class _Window:
    """The part of a stream that batches are drawn from: it moves on with them, and stays where all of the folder fits into it.

    Args:
        room: segments in the window.
    """

    def __init__(self, stream: SegmentStream, room: int):
        self.stream = stream
        self.room = min(room, stream.folder.index.segments)
        self.fixed = self.room == stream.folder.index.segments
        self._held: deque[CachedTrack] = deque()
        self._first, self._coming = 0, None

    def at(self, first: int, slack: int) -> list[CachedTrack]:
        """Return the segments from `first` on; keep `slack` before them, for threads that come late.

        Raises: DataError as `SegmentStream`.
        """
        first = 0 if self.fixed else first
        if self._coming is None or not self._first <= first <= self._first + len(self._held) + self.room:
            self._held.clear()
            self._first, self._coming = first, self.stream.start_at(first)
        while self._first + len(self._held) < first + self.room:
            try:
                self._held.append(next(self._coming))
            except DataError:
                self._coming = None  # it has ended; who asks again shall be told again
                raise
            if len(self._held) > self.room + slack:
                self._held.popleft()
                self._first += 1
        if self.fixed:
            self._coming = iter(())  # lets go of the threads
        offset = first - self._first
        return [self._held[offset + i] for i in range(self.room)]


class RecordDataset:
    """Draws crops as `CropMixer` does, by its rules, from a window that moves through records.

    Batch `index` depends on the records, the arguments, `index` and its size alone: not on what was asked for before, on
    threads, nor on when. A window holds `window_mb` of decoded segments; each batch moves it on by as much audio as the batch
    takes. All segments of an epoch pass through it, each as often as any other.

    A stem that is in none of the segments of a window is drawn from a reserve of up to 8 segments that have it.

    Args:
        sources: folders of records, or addresses.
        stems, samples, config, seed: as `CropMixer`.
        sample_rate_hz, channels: what the records must hold.
        pools: other tracks to draw from beside the records, by weight.
        exclude: names of songs never to draw from.
        window_mb: decoded segments in memory for all sources together, in 10^6 bytes.
        cycle: shards of a source that are read at once.
        parallel: threads a source to parse and decompress with; `dataset` mixes with as many.

    Raises: DataError for a folder without usable records, of another rate or number of channels, whose segments are too short
    for the crops, or if no song has one of the stems; UsageError, MissingExtraError as `check_location`; ValueError for
    arguments out of range.
    """

    def __init__(
        self,
        sources: Sequence[RecordSource],
        *,
        stems: Sequence[str],
        samples: int,
        sample_rate_hz: int,
        channels: int,
        config: MixingConfig,
        seed: int,
        pools: Sequence[Pool] = (),
        exclude: frozenset[str] = frozenset(),
        window_mb: float = 600.0,
        cycle: int = 4,
        parallel: int = 2,
    ):
        for name, value in (("samples", samples), ("cycle", cycle), ("parallel", parallel), ("sources", len(sources))):
            if value < 1:
                raise ValueError(f"{name}={value}: use 1 or more")
        if not window_mb > 0:
            raise ValueError(f"window_mb={window_mb}: use a number above 0")
        weights = [source.weight for source in (*sources, *pools)]
        if not all(0 < weight < float("inf") for weight in weights):
            raise ValueError(f"weights of sources are {weights}: use positive numbers")
        self.stems, self.samples, self.channels = tuple(stems), samples, channels
        self.config, self.seed, self.parallel = config, seed, parallel
        self._pools, self._lock = tuple(pools), threading.Lock()
        self.folders = tuple(_open(source, sample_rate_hz, channels, samples, config) for source in sources)
        self._shares = [source.weight / sum(weights) for source in sources]
        self._weights = [source.weight for source in sources]
        self._left_out = [_excluded(folder, exclude) for folder in self.folders]
        streams = [SegmentStream(folder, seed + number, cycle, parallel) for number, folder in enumerate(self.folders)]
        self._windows = [_Window(stream, _room(stream.folder, window_mb / len(streams))) for stream in streams]
        self._reserves: dict[str, list[list[CachedTrack]]] = {}
        self._holders = {stem: [self._sets_with(stem, number) for number in range(len(sources))] for stem in self.stems}
        for stem, holders in self._holders.items():
            if not any(holders) and not any(track.parts(stem, self.stems) for pool in pools for track in pool.tracks):
                raise DataError(f"no song in the data has the stem {stem}: add songs that have, or train other stems")

    @property
    def in_memory(self) -> bool:
        """Whether the windows hold all there is, so that it is read once."""
        return all(window.fixed for window in self._windows)

    def batch(self, index: int, size: int, share: slice = ALL) -> tuple[np.ndarray, np.ndarray]:
        """Return batch `index` as `CropMixer.batch`; from any thread.

        Batches asked for in order are fast; one far away costs the reading of a window.

        Raises: DataError naming a shard that is missing or damaged.
        """
        with self._lock:
            held = []
            for number, window in enumerate(self._windows):
                segments = window.at(self._first(number, index, size), self._first(number, self.parallel + 1, size))
                held.append([track for track in segments if track.name not in self._left_out[number]])
            for stem in self.stems:
                if not any(track.parts(stem, self.stems) for tracks in (*held, *self._fixed_tracks()) for track in tracks):
                    for tracks, reserve in zip(held, self._reserve(stem), strict=True):
                        tracks += reserve
        pools = [
            Pool(tracks=tuple(tracks), weight=weight) for tracks, weight in zip(held, self._weights, strict=True) if tracks
        ]
        return self._mixer([*pools, *self._pools]).batch(index, size, share)

    def equaliser(self, index: int, size: int, share: slice = ALL) -> np.ndarray:
        """Return the equalisers of batch `index` as `CropMixer.equaliser`: they depend on its seed alone."""
        silence = np.zeros((len(self.stems), 1, self.channels), np.int16)
        anything = CachedTrack(name="", key="", genre=None, stems=self.stems, samples=silence, gain=1.0)
        return self._mixer([Pool(tracks=(anything,))]).equaliser(index, size, share)

    def dataset(self, size: int, *, start: int = 0, stop: int | None = None) -> tf.data.Dataset:
        """Return batches `start` to `stop - 1` (without end if None) with their equalisers, made ahead by `parallel` threads.

        Returns: a `tf.data.Dataset` of audio `(size, stems, channels, samples)`, known `(size, stems)` and equalisers
        `(size, stems, points)`, float32: what `SupervisedTrainer` takes. Errors reach who iterates as `tf.errors.OpError`.
        """

        def make(index: np.ndarray) -> tuple[np.ndarray, ...]:
            return *self.batch(int(index), size), self.equaliser(int(index), size)

        def shaped(index: tf.Tensor) -> tuple[tf.Tensor, ...]:
            parts = tf.numpy_function(make, [index], [tf.float32] * 3)
            return tuple(tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True))

        stems = len(self.stems)
        shapes = ((size, stems, self.channels, self.samples), (size, stems), (size, stems, EQUALISER_POINTS))
        options = tf.data.Options()
        options.threading.private_threadpool_size = self.parallel
        indices = tf.data.Dataset.range(start, stop if stop is not None else np.iinfo(np.int64).max)
        return indices.map(shaped, num_parallel_calls=self.parallel, deterministic=True).prefetch(2).with_options(options)

    def _mixer(self, pools: Sequence[Pool]) -> CropMixer:
        return CropMixer(
            pools, stems=self.stems, samples=self.samples, channels=self.channels, config=self.config, seed=self.seed
        )

    def _first(self, number: int, index: int, size: int) -> int:
        """Return the segment at which the window of a source begins for a batch."""
        held = self.folders[number].index
        return int(index * size * self.samples * self._shares[number] * held.segments / held.samples)

    def _fixed_tracks(self) -> Iterator[Sequence[CachedTrack]]:
        return (pool.tracks for pool in self._pools)

    def _sets_with(self, stem: str, number: int) -> frozenset[tuple[str, ...]]:
        """Return the sets of stems in a source that have `stem`, by the rules of `CachedTrack.parts`."""
        songs = (song for song in self.folders[number].index.songs if song.name not in self._left_out[number])
        nothing = np.zeros((0, 0, self.channels), np.int16)
        return frozenset(
            stems
            for stems in {song.stems for song in songs}
            if CachedTrack(name="", key="", genre=None, stems=stems, samples=nothing, gain=1.0).parts(stem, self.stems)
        )

    def _reserve(self, stem: str) -> list[list[CachedTrack]]:
        """Return for each source some segments that have `stem`."""
        if stem not in self._reserves:
            self._reserves[stem] = [
                window.stream.some_with(sets, left_out, _RESERVE) if sets else []
                for window, sets, left_out in zip(self._windows, self._holders[stem], self._left_out, strict=True)
            ]
        return self._reserves[stem]


def _open(source: RecordSource, sample_rate_hz: int, channels: int, samples: int, config: MixingConfig) -> RecordFolder:
    """Return a source's folder. Raises: as `RecordDataset`."""
    location = check_location(source.location)
    index = read_index(location)
    spec = index.spec
    check_codec(spec.codec)
    if (spec.sample_rate_hz, spec.channels) != (sample_rate_hz, channels):
        raise DataError(
            f"{location}: records of {spec.sample_rate_hz} Hz and {spec.channels} channels, the model takes {sample_rate_hz} Hz "
            f"and {channels}: pack them with --rate {sample_rate_hz} --channels {channels}"
        )
    longest = samples * (1 + config.speed_range) + 64  # that a crop is made from, see `CropMixer`
    if 0.75 * spec.segment_samples < longest:
        needed = int(np.ceil(longest / 0.75 / sample_rate_hz))
        raise DataError(
            f"{location}: segments of {spec.segment_s:g} s are too short for crops of {samples / sample_rate_hz:.2f} s: "
            f"pack with --segment {needed} or more"
        )
    return RecordFolder(location, index)


def _excluded(folder: RecordFolder, names: frozenset[str]) -> frozenset[str]:
    """Return the songs that `names` mean. Raises: DataError if these are all."""
    left_out = frozenset(song.name for song in folder.index.songs if names.intersection(song.names))
    if all(song.name in left_out for song in folder.index.songs):
        raise DataError(
            f"{folder.location}: all of its {len(folder.index.songs)} songs are excluded or held out for validation: add others"
        )
    return left_out


def _room(folder: RecordFolder, window_mb: float) -> int:
    """Return how many segments, decoded, are about so large."""
    index = folder.index
    stems = sum(song.samples * len(song.stems) for song in index.songs)
    return max(1, int(window_mb * 1e6 * index.segments / (2 * index.spec.channels * stems)))
