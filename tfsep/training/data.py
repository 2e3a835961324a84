"""What a run reads before it starts: pools of tracks to draw from, and the songs that are held out."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tfsep.data.cache import CachedTrack
from tfsep.data.loading import load_tracks
from tfsep.data.mixing import Pool
from tfsep.data.records.index import read_index
from tfsep.data.registry import DEFAULT_KIND, open_source, source_names, split_kind
from tfsep.data.source import StemSource
from tfsep.errors import DataError, UsageError
from tfsep.spec import SpectrogramSpec
from tfsep.training.validation import scored_stems

if TYPE_CHECKING:  # it takes TensorFlow, which is not there on Keras' JAX backend
    from tfsep.data.records.dataset import RecordSource

RECORDS = "records:"  # begins the name of a folder that `tfsep pack` made, or of its address


@dataclass(frozen=True)
class DataFolder:
    """A source of recordings, `[KIND:]PATH`, and how often it is drawn from, relative to the others."""

    source: str
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str, *, kind: str | None = None) -> "DataFolder":
        """Read `[KIND:]PATH[@WEIGHT]`.

        Args:
            kind: of a source that does not say its own.
        Raises: UsageError for a weight that is not a positive number.
        """
        source, at, weight = text.rpartition("@")
        if not at:
            source, value = text, 1.0
        else:
            try:
                value = float(weight)
            except ValueError:
                value = 0.0
            if not 0 < value < float("inf"):
                raise UsageError(f"{text}: the weight after @ is {weight!r}; use a positive number, as in songs@2")
        says_none = not source.startswith(RECORDS) and split_kind(source) == (DEFAULT_KIND, Path(source))
        return cls(f"{kind}:{source}" if kind and says_none else source, value)


@dataclass(frozen=True)
class RunData:
    """What is drawn from for one use.

    Attributes:
        record: of each source, JSON values to be kept with the run.
        exclude: names of songs that records may hold, and must not be drawn.
    """

    pools: tuple[Pool, ...]
    record: list[dict[str, Any]]
    records: tuple["RecordSource", ...] = ()
    exclude: frozenset[str] = frozenset()


class DataReader:
    """Reads sources through the cache, for one run, past tracks that cannot be read, each of which is named once."""

    def __init__(self, spec: SpectrogramSpec, cache: Path, console: Console):
        self._spec, self._cache, self._console = spec, cache, console
        self._forbidden: frozenset[str] = frozenset()

    def hold_out(self, validation: Sequence[Path], stems: Sequence[str]) -> list[CachedTrack]:
        """Return the validation songs, which no pool that is read afterwards will hold.

        Raises: DataError if none of them can be scored, or as reading does.
        """
        held_out: list[CachedTrack] = []
        for folder in validation:
            source = open_source(str(folder))
            self._forbidden |= source.names()
            held_out += self._load(source, folder.name)[0]
        if held_out and not any(scored_stems(track, stems) for track in held_out):
            raise DataError(f"none of the {len(held_out)} validation songs can be scored: use songs with {', '.join(stems)}")
        return held_out

    def exclude(self, names: Sequence[str], folders: Sequence[DataFolder]) -> None:
        """Keep songs of these names out of what is read afterwards.

        Raises: UsageError for a name that excludes nothing: a slip of the pen would train on what must not be trained on.
        """
        known = frozenset().union(*(_names(folder.source) for folder in folders)) if names else frozenset()
        unknown = sorted(set(names) - known)
        if unknown:
            raise UsageError(f"--exclude {' '.join(unknown)}: no song of that name in the data; use names of song folders")
        self._forbidden |= frozenset(names)

    def read(self, folders: Sequence[DataFolder]) -> RunData:
        """Return one pool for each source that is no records. Raises: UsageError, DataError, AudioError for unusable sources."""
        pools, records, record = [], [], []
        for folder in folders:
            if folder.source.startswith(RECORDS):
                from tfsep.data.records.dataset import RecordSource

                source = RecordSource(folder.source.removeprefix(RECORDS), folder.weight)
                records.append(source)
                record.append(_record_of_records(source))
                continue
            name = Path(folder.source).name
            tracks, skipped = self._load(open_source(folder.source, exclude=self._forbidden), name)
            pool = Pool(tracks=tuple(tracks), weight=folder.weight)
            pools.append(pool)
            record.append({"folder": name, "kind": split_kind(folder.source)[0], "weight": folder.weight, "songs": len(tracks),
                           "skipped": skipped, "hash": pool_hash(pool),
                           "hours": round(sum(track.length for track in tracks) / self._spec.sample_rate_hz / 3600, 3),
                           "genres": sorted({track.genre for track in tracks if track.genre})})  # fmt: skip
        return RunData(tuple(pools), record, tuple(records), self._forbidden)

    def _load(self, source: StemSource, name: str) -> tuple[list[CachedTrack], int]:
        with self._bar(f"reading {name}") as advance:
            loaded = load_tracks(
                source,
                self._cache,
                sample_rate_hz=self._spec.sample_rate_hz,
                channels=self._spec.channels,
                on_progress=advance,
                on_skip=lambda line: self._console.print(line, markup=False),
            )
        return list(loaded.tracks), len(loaded.skipped)

    @contextmanager
    def _bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        fields = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
        with Progress(*fields, console=self._console, disable=not self._console.is_terminal) as progress:
            task = progress.add_task(text, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)


def _record_of_records(source: "RecordSource") -> dict[str, Any]:
    index = read_index(str(source.location))
    return {"folder": Path(str(source.location)).name, "kind": "records", "weight": source.weight, "songs": len(index.songs),
            "skipped": len(index.skipped), "hash": index.hash, "hours": round(index.hours, 3), "genres": sorted(index.genres)}  # fmt: skip


def _names(source: str) -> frozenset[str]:
    if source.startswith(RECORDS):
        return frozenset(read_index(source.removeprefix(RECORDS)).names)
    return source_names(source)


def pool_hash(pool: Pool) -> str:
    """Return one hash for all files that a pool was read from."""
    return hashlib.sha256("".join(track.key for track in pool.tracks).encode()).hexdigest()[:16]
