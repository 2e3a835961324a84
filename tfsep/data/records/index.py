"""The index of a folder of records: what is in which shard, with hashes."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.data.records.location import inside, is_remote, read_bytes, sha256_of
from tfsep.data.records.spec import RecordSpec
from tfsep.errors import DataError

RECORDS_VERSION = 1
INDEX_NAME = "index.json"
PARTIAL_NAME = "packing.json"  # the index so far, until packing is done


@dataclass(frozen=True, kw_only=True)
class Song:
    """A packed song. `names` are those by which it can be excluded: of its folder, and of where a link leads to."""

    name: str
    names: tuple[str, ...]
    genre: str | None
    stems: tuple[str, ...]
    samples: int


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A song that could not be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A file of records.

    Attributes:
        size: bytes.
        samples: of all its segments together, each counted once whatever its stems.
        stem_sets: the sets of stems that its segments have.
    """

    file: str
    size: int
    sha256: str
    segments: int
    samples: int
    stem_sets: tuple[tuple[str, ...], ...]

    def __post_init__(self):
        if Path(self.file).name != self.file or self.file in ("", "..", "."):
            raise ValueError(f"file={self.file!r}: use the plain name of a file")
        if self.segments < 1 or self.samples < self.segments or self.size < 1:
            raise ValueError(f"{self.file}: segments={self.segments}, samples={self.samples}, size={self.size}: use 1 or more")


@dataclass(frozen=True, kw_only=True)
class RecordIndex:
    """All of a folder's shards.

    Attributes:
        job: hash of the songs' files and the spec; packing goes on only where it agrees.
        tracks_done: how many songs of the job are packed or skipped.
    """

    spec: RecordSpec
    job: str
    tracks_done: int = 0
    songs: tuple[Song, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    shards: tuple[Shard, ...] = ()

    @property
    def segments(self) -> int:
        """Segments in all shards."""
        return sum(shard.segments for shard in self.shards)

    @property
    def samples(self) -> int:
        """Samples of all segments, each counted once whatever its stems."""
        return sum(shard.samples for shard in self.shards)

    @property
    def hours(self) -> float:
        """Hours of music."""
        return self.samples / self.spec.sample_rate_hz / 3600

    @property
    def size(self) -> int:
        """Bytes of all shards."""
        return sum(shard.size for shard in self.shards)

    @property
    def genres(self) -> tuple[str, ...]:
        """The songs' genres, sorted."""
        return tuple(sorted({song.genre for song in self.songs if song.genre}))

    @property
    def names(self) -> frozenset[str]:
        """Return what songs may be excluded by."""
        return frozenset(name for song in self.songs for name in song.names)

    @property
    def hash(self) -> str:
        """One hash of all shards, for a run's record."""
        return hashlib.sha256("".join(shard.sha256 for shard in self.shards).encode()).hexdigest()[:16]

    def to_bytes(self) -> bytes:
        """Return the file's content, JSON."""
        return (json.dumps({"records_version": RECORDS_VERSION, **asdict(self)}, indent=1) + "\n").encode()

    def write(self, path: Path) -> None:
        """Write the index, whole or not at all. Raises: AudioError if it cannot be written."""
        try:
            with AtomicFile(path) as target:
                target.file.write(self.to_bytes())
        except OSError as error:  # a full disk
            raise write_error(path, error) from None


def parse_index(content: bytes, location: str) -> RecordIndex:
    """Read an index. Raises: DataError naming `location` if it is damaged or of another version."""
    try:
        fields: dict[str, Any] = json.loads(content)
        version = fields.pop("records_version")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{location}: not an index of records ({error!r}): copy it again or pack again") from None
    if version != RECORDS_VERSION:
        raise DataError(f"{location}: records of version {version}, this program reads {RECORDS_VERSION}: pack them again")
    try:
        index = RecordIndex(
            spec=RecordSpec.from_json(fields.pop("spec")),
            songs=tuple(
                Song(**song | {"names": tuple(song["names"]), "stems": tuple(song["stems"])}) for song in fields.pop("songs")
            ),
            skipped=tuple(Skipped(**song) for song in fields.pop("skipped")),
            shards=tuple(
                Shard(**shard | {"stem_sets": tuple(tuple(stems) for stems in shard["stem_sets"])})
                for shard in fields.pop("shards")
            ),
            **fields,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{location}: not an index of records ({error}): copy it again or pack again") from None
    return index


def read_index(folder: str) -> RecordIndex:
    """Read a folder's index and check that all shards are there and whole, by their size (an address: not at once).

    Raises: DataError if there is no index, it is damaged or of another version, or a shard is missing or cut off.
    """
    location = inside(folder, INDEX_NAME)
    if not is_remote(folder) and not Path(folder).is_dir():
        raise DataError(f"{folder}: not a folder; give one that  tfsep pack  has made")
    try:
        index = parse_index(read_bytes(location), location)
    except FileNotFoundError:
        if not is_remote(folder) and Path(folder, PARTIAL_NAME).is_file():
            raise DataError(f"{folder}: packing was interrupted: run the same  tfsep pack  again, it goes on") from None
        raise DataError(f"{folder}: holds no records ({INDEX_NAME} is missing): make them with  tfsep pack") from None
    if not index.shards:
        raise DataError(f"{location}: names no shards: pack again")
    if not is_remote(folder):
        for shard in index.shards:
            _check_size(Path(folder, shard.file), shard)
    return index


def _check_size(path: Path, shard: Shard) -> None:
    if not path.is_file():
        raise DataError(f"{path}: the index names this shard, but it is missing: copy it again or pack again")
    if path.stat().st_size != shard.size:
        raise DataError(
            f"{path}: {path.stat().st_size} bytes where the index says {shard.size}, cut off or of other records: "
            "copy it again or pack again"
        )


def check_hashes(folder: str, shards: tuple[Shard, ...]) -> Iterator[Shard]:
    """Read shards whole and yield each that is as the index says. Raises: DataError naming the first one that is not."""
    for shard in shards:
        location = inside(folder, shard.file)
        found = sha256_of(location)
        if found != shard.sha256:
            raise DataError(
                f"{location}: damaged or of other records (SHA-256 {found[:12]}..., the index says {shard.sha256[:12]}...): "
                "copy it again or pack again"
            )
        yield shard
