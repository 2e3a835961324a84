"""The endless stream of a folder's segments, in an order drawn by seed and epoch, read ahead by `tf.data`."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfsep.data.cache import CachedTrack
from tfsep.data.records.index import RecordIndex, Shard, check_hashes
from tfsep.data.records.location import first_line, inside
from tfsep.data.records.segment import parse_segment, to_track
from tfsep.errors import DataError

_SHARD_BUFFER_BYTES = 1 << 22


@dataclass(frozen=True)
class RecordFolder:
    """A folder of records and its index; `location` is a path or an address, see `check_location`."""

    location: str
    index: RecordIndex


@dataclass(frozen=True)
class SegmentStream:
    """Segments of a folder, numbered from 0 without end; what a number stands for depends on the seed alone.

    Each epoch takes the shards in an order of its own, `cycle` at a time, and of these a segment from each in turn. Packing has
    shuffled the segments already, so that neighbours in the stream are of different songs.

    Args:
        cycle: shards that are read at once.
        parallel: threads that parse and decompress. They change nothing in the stream.
    """

    folder: RecordFolder
    seed: int
    cycle: int = 4
    parallel: int = 2

    def start_at(self, first: int) -> Iterator[CachedTrack]:
        """Yield the segments from number `first` on, without end; at most `cycle` shards are read in vain.

        Raises: DataError naming the shard that cannot be read, is damaged or is not of this program.
        """
        spec = self.folder.index.spec
        opened: deque[Shard] = deque(maxlen=4 * self.cycle)  # where to look for what is damaged

        def rounds() -> Iterator[tuple[list[str], int]]:
            for shards, skip in self._rounds(first):
                opened.extend(shards)
                yield [inside(self.folder.location, shard.file) for shard in shards], skip

        def interleaved(paths: tf.Tensor, skip: tf.Tensor) -> tf.data.Dataset:
            files = tf.data.Dataset.from_tensor_slices(paths)
            return files.interleave(
                lambda path: tf.data.TFRecordDataset(path, buffer_size=_SHARD_BUFFER_BYTES),
                cycle_length=self.cycle,
                block_length=1,
                num_parallel_calls=self.cycle,
                deterministic=True,
            ).skip(skip)

        signature = (tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int64))
        records = tf.data.Dataset.from_generator(rounds, output_signature=signature).flat_map(interleaved)
        segments = records.map(
            lambda record: parse_segment(record, codec=spec.codec, channels=spec.channels),
            num_parallel_calls=self.parallel,
            deterministic=True,
        ).prefetch(2 * self.parallel)
        return self._read(segments.with_options(_options(self.cycle + self.parallel)), opened)

    def some_with(self, wanted: frozenset[tuple[str, ...]], left_out: frozenset[str], count: int) -> list[CachedTrack]:
        """Return up to `count` segments that have one of these sets of stems and are not of the songs `left_out`.

        They depend on the seed alone. Raises: DataError as `start_at`.
        """
        spec, found = self.folder.index.spec, []
        for shard in self._order(0):
            if not wanted.intersection(shard.stem_sets):
                continue
            records = tf.data.TFRecordDataset(inside(self.folder.location, shard.file), buffer_size=_SHARD_BUFFER_BYTES)
            segments = records.map(lambda record: parse_segment(record, codec=spec.codec, channels=spec.channels))
            for track in self._read(segments, [shard]):
                if track.stems in wanted and track.name not in left_out:
                    found.append(track)
                if len(found) == count:
                    return found
        return found

    def _order(self, epoch: int) -> list[Shard]:
        shards = self.folder.index.shards
        return [shards[i] for i in np.random.default_rng((self.seed, epoch, len(shards))).permutation(len(shards))]

    def _rounds(self, first: int) -> Iterator[tuple[list[Shard], int]]:
        """Yield the shards that are read together and how many of their segments to skip, from that with number `first` on."""
        epoch, skip = divmod(first, self.folder.index.segments)
        while True:
            order = self._order(epoch)
            for start in range(0, len(order), self.cycle):
                shards = order[start : start + self.cycle]
                segments = sum(shard.segments for shard in shards)
                if skip < segments:
                    yield shards, skip
                skip = max(0, skip - segments)
            epoch += 1

    def _read(self, segments: tf.data.Dataset, opened: Iterable[Shard]) -> Iterator[CachedTrack]:
        try:
            for parts in segments.as_numpy_iterator():
                yield to_track(parts)
        except tf.errors.OpError as error:  # says which record, but not of which file
            for _ in check_hashes(self.folder.location, tuple(dict.fromkeys(opened))):
                pass
            raise DataError(
                f"{self.folder.location}: a record cannot be read though all shards are as the index says "
                f"({first_line(error)}): pack again with this version"
            ) from None


def _options(threads: int) -> tf.data.Options:
    """Return options that keep order, memory and threads as they are told, and out of the way of the training step's threads."""
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    options.threading.private_threadpool_size = threads
    return options
