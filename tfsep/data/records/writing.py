"""Packs tracks into shards of records; a kill at any moment costs at most the group that was being packed."""

import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsep.audio.atomic import AtomicFile, part_path, write_error
from tfsep.data.cache import CachedTrack, fingerprint
from tfsep.data.files import without_suffix
from tfsep.data.records.index import INDEX_NAME, PARTIAL_NAME, RECORDS_VERSION, RecordIndex, Shard, Skipped, Song, parse_index
from tfsep.data.records.location import first_line, sha256_of
from tfsep.data.records.segment import check_codec, encode_segment
from tfsep.data.records.spec import RecordSpec
from tfsep.data.source import Track
from tfsep.errors import AudioError, DataError, UsageError

Advance = Callable[[int, int], None]


@dataclass
class _Group:
    """Songs in memory, on their way into shards."""

    tracks: list[CachedTrack] = field(default_factory=list)
    songs: list[Song] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(track.samples.nbytes for track in self.tracks)


def write_records(
    tracks: Sequence[Track], folder: Path, *, spec: RecordSpec, threads: int = 2, advance: Advance | None = None
) -> RecordIndex:
    """Pack tracks into `folder`: `shard-00000.tfrecord`, ... and `index.json`.

    The same tracks, spec and seed give the same bytes. A packing that was interrupted goes on after its last whole group; one
    that is done is left as it is. A track that cannot be read is skipped and named in the index.

    Args:
        threads: that read songs ahead and compress segments.
        advance: called with the songs that are done and their number.

    Raises: DataError if there is no track, or none can be read; UsageError if the folder holds records of other songs or
    settings; AudioError if it cannot be written; MissingExtraError if the codec's library is not installed.
    """
    if not tracks:
        raise DataError("no songs to pack: give folders that hold some")
    check_codec(spec.codec)
    job = _job(tracks, spec)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from None
    index = _begun(folder, job) or RecordIndex(spec=spec, job=job)
    if (folder / INDEX_NAME).is_file():
        return index
    order = [tracks[i] for i in np.random.default_rng(spec.seed).permutation(len(tracks))]
    group = _Group()
    for number, (track, content) in enumerate(_read_ahead(order, index.tracks_done, spec, threads), index.tracks_done + 1):
        if isinstance(content, CachedTrack):
            group.tracks.append(content)
            group.songs.append(_described(track, content))
        else:
            group.skipped.append(Skipped(name=track.name, reason=str(content)))
        if group.size >= spec.group_mb * 1e6 or number == len(order):
            index = _flush(group, index, folder, number, threads)
            group = _Group()
        if advance is not None:
            advance(number, len(order))
    if not index.shards:
        (folder / PARTIAL_NAME).unlink(missing_ok=True)
        raise DataError(f"none of the {len(order)} songs can be packed; the first: {index.skipped[0].reason}")
    index.write(folder / INDEX_NAME)
    (folder / PARTIAL_NAME).unlink(missing_ok=True)
    return index


def _job(tracks: Sequence[Track], spec: RecordSpec) -> str:
    """Return a hash of what is to be packed, and how."""
    described: list[object] = [RECORDS_VERSION, spec.to_json()]
    for track in tracks:
        try:
            files = fingerprint(track, spec.sample_rate_hz, spec.channels)
        except OSError as error:  # deleted since it was listed
            raise DataError(f"{error.filename}: cannot be read ({error.strerror}): look what became of it") from None
        # The same file as drums and as a mixture are two tracks.
        described.append([files, track.name, track.genre, track.recipe or track.stems])
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def _begun(folder: Path, job: str) -> RecordIndex | None:
    """Return the index of what was packed before, if anything. Raises: UsageError if that was something else."""
    for name in (INDEX_NAME, PARTIAL_NAME):
        path = folder / name
        if path.is_file():
            index = parse_index(path.read_bytes(), str(path))
            if index.job != job:
                raise UsageError(
                    f"{folder}: holds records of other songs or settings: give another folder, or the same songs and options"
                )
            return index
    return None


def _read_ahead(
    order: Sequence[Track], start: int, spec: RecordSpec, threads: int
) -> Iterator[tuple[Track, CachedTrack | AudioError | DataError]]:
    """Yield each track from `start` on with its content or why there is none, read in threads, in order."""
    with ThreadPoolExecutor(threads, thread_name_prefix="pack") as pool:
        waiting: deque[tuple[Track, Future]] = deque()
        try:
            for track in order[start:]:
                waiting.append((track, pool.submit(_read, track, spec)))
                if len(waiting) > threads:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _read(track: Track, spec: RecordSpec) -> CachedTrack | AudioError | DataError:
    """Return a track as int16, scaled as `tfsep.data.cache` does, so that both hold the same samples."""
    try:
        stems = track.read(spec.sample_rate_hz, spec.channels)
    except (AudioError, DataError) as error:
        return error
    names = sorted(stems)
    joined = np.stack([stems[stem] for stem in names])
    if not joined.size:
        return DataError(f"{track.name}: is empty: leave it out or export it again")
    if not np.isfinite(joined).all():
        return DataError(f"{track.name}: holds samples that are not numbers: export it again")
    scale = max(1.0, float(np.abs(joined).max()))
    samples = np.rint(joined * (32767 / scale)).astype(np.int16)
    return CachedTrack(
        name=track.name, key=track.name, genre=track.genre, stems=tuple(names), samples=samples, gain=scale / 32767
    )


def _described(track: Track, content: CachedTrack) -> Song:
    """Return a song's entry in the index, with all names that a run could know it by, as `tfsep.data.files.path_names` has them."""
    names = {track.name, *track.name.split("/")}
    plain = {without_suffix(name) for name in names}
    for path in track.paths:
        # A song, or its folder, may be a link, and a run that must not train on it may know the other name.
        names |= {place.resolve().name for place in (path, path.parent) if without_suffix(place.name) in plain}
    names |= {without_suffix(name) for name in names}
    return Song(name=track.name, names=tuple(sorted(names)), genre=track.genre, stems=content.stems, samples=content.length)


def _flush(group: _Group, index: RecordIndex, folder: Path, tracks_done: int, threads: int) -> RecordIndex:
    """Write a group's shards, then the index so far; return that."""
    spec = index.spec
    cuts = [
        (track, start, stop) for track in group.tracks for start, stop in segment_bounds(track.length, spec.segment_samples)
    ]
    order = np.random.default_rng((spec.seed, tracks_done)).permutation(len(cuts))
    shards, position = [], 0
    while position < len(order):
        path = folder / f"shard-{len(index.shards) + len(shards):05d}.tfrecord"
        chosen = [cuts[i] for i in order[position:]]
        shard = _write_shard(path, chosen, spec, threads)
        shards.append(shard)
        position += shard.segments
    index = replace(
        index,
        tracks_done=tracks_done,
        songs=index.songs + tuple(group.songs),
        skipped=index.skipped + tuple(group.skipped),
        shards=index.shards + tuple(shards),
    )
    index.write(folder / PARTIAL_NAME)
    return index


def segment_bounds(length: int, aim: int) -> list[tuple[int, int]]:
    """Return start and stop of the segments of a song: of equal length to a sample, and near to `aim`."""
    count = max(1, round(length / aim))
    edges = [length * i // count for i in range(count + 1)]
    return list(itertools.pairwise(edges))


def _write_shard(path: Path, cuts: list[tuple[CachedTrack, int, int]], spec: RecordSpec, threads: int) -> Shard:
    """Write as many of `cuts` as fill a shard."""
    segments = samples = size = 0
    stem_sets = set()
    with ThreadPoolExecutor(threads, thread_name_prefix="encode") as pool, AtomicFile(path):
        waiting: deque[Future] = deque()
        coming = iter(cuts)
        try:
            # TensorFlow writes to the file by its temporary name; AtomicFile flushes and renames it.
            with tf.io.TFRecordWriter(str(part_path(path))) as writer:
                while segments < len(cuts) and size < spec.shard_mb * 1e6:
                    while len(waiting) <= threads and (cut := next(coming, None)):
                        waiting.append(pool.submit(_encode, cut, spec))
                    record = waiting.popleft().result()
                    writer.write(record)
                    track, start, stop = cuts[segments]
                    segments, samples, size = segments + 1, samples + stop - start, size + len(record)
                    stem_sets.add(track.stems)
        except tf.errors.OpError as error:
            raise AudioError(f"{path}: cannot be written ({first_line(error)}): free space or choose another folder") from None
        finally:
            for future in waiting:
                future.cancel()
        digest, whole = sha256_of(str(part_path(path))), part_path(path).stat().st_size
    return Shard(
        file=path.name, size=whole, sha256=digest, segments=segments, samples=samples, stem_sets=tuple(sorted(stem_sets))
    )


def _encode(cut: tuple[CachedTrack, int, int], spec: RecordSpec) -> bytes:
    return encode_segment(*cut, codec=spec.codec, sample_rate_hz=spec.sample_rate_hz)
