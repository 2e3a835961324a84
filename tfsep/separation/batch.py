"""Songs by the dozen: one after the other or in several processes, none of whose troubles stops the rest."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

from tfsep.audio import open_audio
from tfsep.errors import TfsepError, UsageError
from tfsep.separation.job import SeparationJob
from tfsep.separation.separator import Separator
from tfsep.separation.song_files import SongFiles
from tfsep.separation.songs import Song

Progress = Callable[[float, float | None], None]  # seconds done, seconds in all if that is known


@dataclass(frozen=True, kw_only=True)
class SongResult:
    """What became of a song: `status` is "done", "skipped" or "failed", `problem` says why it failed, `route` why this model."""

    song: Song
    status: str
    files: tuple[Path, ...] = ()
    duration_s: float = 0.0
    spent_s: float = 0.0
    problem: str = ""
    route: str = ""
    warnings: tuple[str, ...] = ()


def separate_song(separator: Separator, job: SeparationJob, song: Song, progress: Progress) -> SongResult:
    """Take one song apart and write its stems; they appear under their names when all of them are complete.

    Args:
        progress: is called after each block.
    Returns: the result, also if it failed; then no file has been changed, unless the disk failed
        in the last step.
    """
    start_s = time.monotonic()
    files = job.outputs(song, separator.stems)
    try:
        with open_audio(song.path) as reader:
            info = reader.info
            seconds = 0.0
            chosen, route = separator.for_song(song.path)
            with SongFiles(files, job, separator.stems, separator.residual_stem, info) as written:
                blocks = chosen.stream(
                    reader.blocks(), sample_rate_hz=info.sample_rate_hz, channels=info.channels, stems=job.needed_stems
                )
                for block in blocks:
                    written.write(block)
                    seconds += len(block.mixture) / info.sample_rate_hz
                    progress(seconds, None if info.duration_s is None else max(seconds, info.duration_s))
            warnings = tuple(reader.warnings)
    except TfsepError as error:
        return SongResult(song=song, status="failed", problem=str(error))
    except OSError as error:
        return SongResult(
            song=song, status="failed", problem=f"{song.path}: {error.strerror or error}: check the disk, run again"
        )
    except Exception as error:  # one song's trouble must not take the rest of the night's batch with it
        if job.debug:
            raise
        problem = f"{song.path}: a fault of tfsep ({type(error).__name__}: {error}): report what  tfsep --debug  prints"
        return SongResult(song=song, status="failed", problem=problem)
    return SongResult(
        song=song,
        status="done",
        files=tuple(files.values()),
        duration_s=seconds,
        spent_s=time.monotonic() - start_s,
        route=route,
        warnings=warnings,
    )


class Listener(Protocol):
    """Who wants to know how a batch goes."""

    def loaded(self, separator: Separator) -> None:
        """Hear which model is used."""

    def started(self, song: Song) -> None:
        """Hear that a song was begun."""

    def progressed(self, song: Song, done_s: float, total_s: float | None) -> None:
        """Hear how many seconds of a song are done, and of how many, if that is known."""

    def finished(self, result: SongResult) -> None:
        """Hear what became of a song."""


def run_batch(songs: Sequence[Song], job: SeparationJob, jobs: int, listener: Listener) -> list[SongResult]:
    """Take songs apart.

    Args:
        songs: names all different, as from `find_songs`.
        jobs: how many songs at once, each in a process of its own, which share `job.threads`.
        listener: is told of each step, in this process.
    Returns: a result for each song, in their order.
    Raises: UsageError if the job does not fit the model or `jobs` is below 1; ModelError as `load_runtime`.
    """
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: use 1 or more")
    separator = job.separator()
    job.check_stems(separator.stems)
    listener.loaded(separator)
    results: dict[Song, SongResult] = {}
    inputs = {song.path.resolve() for song in songs}
    for song in songs:
        files = job.outputs(song, separator.stems)
        if any(path.resolve() in inputs for path in files.values()):
            problem = f"{song.path}: its stems would overwrite one of the songs to be separated: choose another --out"
            results[song] = SongResult(song=song, status="failed", problem=problem)
        elif not job.overwrite and all(path.is_file() for path in files.values()):
            results[song] = SongResult(song=song, status="skipped", files=tuple(files.values()))
    for result in results.values():
        listener.finished(result)
    waiting = [song for song in songs if song not in results]
    if jobs == 1 or len(waiting) < 2:
        for song in waiting:
            listener.started(song)
            results[song] = separate_song(separator, job, song, partial(listener.progressed, song))
            listener.finished(results[song])
    else:
        del separator
        _run_processes(waiting, job, min(jobs, len(waiting)), listener, results)
    return [results[song] for song in songs]


def _run_processes(
    songs: list[Song], job: SeparationJob, jobs: int, listener: Listener, results: dict[Song, SongResult]
) -> None:
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks, held or not
    shared = replace(job, threads=max(1, job.threads // jobs))
    waiting = iter(songs)
    busy: dict[Connection, Song] = {}
    processes = []
    try:
        for _ in range(jobs):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, shared), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            _assign(ours, waiting, busy, listener)
        while busy:
            for connection in wait(list(busy)):
                song = busy[connection]
                try:
                    message = connection.recv()
                except (EOFError, ConnectionResetError):
                    problem = f"{song.path}: its process was killed, perhaps for want of memory: use fewer --jobs"
                    message = SongResult(song=song, status="failed", problem=problem)
                    connection.close()
                if isinstance(message, SongResult):
                    results[song] = message
                    del busy[connection]
                    listener.finished(message)
                    if not connection.closed:
                        _assign(connection, waiting, busy, listener)
                else:
                    listener.progressed(song, *message)
    finally:
        for connection in busy:
            connection.close()  # a process that finds nobody listening deletes what it has begun, and ends
        for process in processes:
            process.join()
    for song in songs:
        if song not in results:
            problem = f"{song.path}: was not begun, all processes were killed: use fewer --jobs"
            results[song] = SongResult(song=song, status="failed", problem=problem)
            listener.finished(results[song])


def _assign(connection: Connection, waiting: Iterator[Song], busy: dict[Connection, Song], listener: Listener) -> None:
    """Give the process behind `connection` its next song, or let it end."""
    song = next(waiting, None)
    if song is not None:
        busy[connection] = song
        listener.started(song)
    with suppress(BrokenPipeError):  # it was killed; reading from it will say so
        connection.send(song)
    if song is None:
        connection.close()


def _work(connection: Connection, job: SeparationJob) -> None:
    """Take apart the songs that come through `connection`, until None comes or the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent sees to it
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        separator = job.separator()
        while (song := connection.recv()) is not None:
            connection.send(separate_song(separator, job, song, lambda done_s, total_s: connection.send((done_s, total_s))))
