"""What a person sees of a batch: a bar with the time left on a terminal, plain lines elsewhere, and a table at the end."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from tfsep.separation.batch import SongResult
from tfsep.separation.separator import Separator
from tfsep.separation.songs import Song

_PLAIN_WIDTH = 160  # of lines that go to a file or another program


class BatchReport:
    """A `Listener` that shows progress and problems on standard error and the table on standard output."""

    def __init__(self, songs: Sequence[Song]):
        self._songs = len(songs)
        self._errors = _console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._errors,
            disable=not self._errors.is_terminal,
            transient=True,
        )
        self._all: TaskID | None = None
        self._tasks: dict[Song, TaskID] = {}
        self._fractions: dict[Song, float] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        if self._songs > 1:
            self._all = self._progress.add_task(f"{self._songs} songs", total=self._songs)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def problem(self, line: str) -> None:
        """Show a problem, or a warning, as it comes."""
        self._print(f"tfsep: {line}")

    def loaded(self, separator: Separator) -> None:
        """See `Listener`."""
        contract = separator.contract
        if contract.bandwidth_hz is not None:
            limit = f"{contract.bandwidth_hz / 1000:g} kHz"
            self._print(f"model {contract.name}: separates up to {limit}; what lies above stays in {separator.residual_stem}")

    def started(self, song: Song) -> None:
        """See `Listener`."""
        self._tasks[song] = self._progress.add_task(_printable(song.name, self._errors.encoding), total=None)

    def progressed(self, song: Song, done_s: float, total_s: float | None) -> None:
        """See `Listener`."""
        self._progress.update(self._tasks[song], completed=done_s, total=total_s)
        self._count(song, done_s / total_s if total_s else 0.0)

    def finished(self, result: SongResult) -> None:
        """See `Listener`."""
        song = result.song
        if song in self._tasks:
            self._progress.remove_task(self._tasks.pop(song))
        self._count(song, 1.0)
        for warning in result.warnings:
            self.problem(warning)
        if result.status == "failed":
            self.problem(result.problem)
        elif result.status == "skipped":
            self._print(f"{song.path}: its stems are there already, --overwrite makes them again")
        else:
            length = f"{_clock(result.duration_s)} at {_speed(result)} times real time"
            route = f"; {result.route}" if result.route else ""
            self._print(f"{song.path}: {length}{route}, in {result.files[0].parent}")

    def summary(self, results: Sequence[SongResult], out: Path) -> None:
        """Print the table of all songs and where the files are."""
        console = _console(stderr=False)
        if results:
            routed = any(result.route for result in results)
            columns = [Column("length", justify="right"), Column("x real time", justify="right"), "status"]
            table = Table("song", *columns, *(["genre and model"] if routed else []))
            for result in results:
                done = result.status == "done"
                status = {"done": "done", "skipped": "there already"}.get(result.status, result.problem)
                style = "red" if result.status == "failed" else ""
                table.add_row(
                    Text(_printable(result.song.name, console.encoding), overflow="fold"),
                    _clock(result.duration_s) if done else "",
                    _speed(result) if done else "",
                    Text(_printable(status, console.encoding), style=style, overflow="fold"),
                    *([Text(_printable(result.route, console.encoding), overflow="fold")] if routed else []),
                )
            console.print(table)
        counts = Counter(result.status for result in results)
        parts = [f"{counts['done']} separated", f"{counts['skipped']} there already", f"{counts['failed']} failed"]
        line = f"{', '.join(parts)}; the stems are in {out.resolve()}"
        console.print(Text(_printable(line, console.encoding)), soft_wrap=True)

    def _count(self, song: Song, fraction: float) -> None:
        self._fractions[song] = fraction
        if self._all is not None:
            self._progress.update(self._all, completed=sum(self._fractions.values()))

    def _print(self, line: str) -> None:
        self._errors.print(Text(_printable(line, self._errors.encoding)), soft_wrap=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console


def _printable(text: str, encoding: str) -> str:
    """Return `text` with control codes, and what the console's encoding cannot show, replaced by "?"."""
    return "".join(char if char.isprintable() else "?" for char in text).encode(encoding, "replace").decode(encoding)


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _speed(result: SongResult) -> str:
    return f"{result.duration_s / max(result.spent_s, 1e-3):.1f}"
