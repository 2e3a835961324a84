"""Rendered songs on disk: `OUT/<genre>-<seed>-<index>/{mixture,drums,bass,other,vocals}.flac` and `song.json`."""

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

import tfsep
from tfsep.data.render.compose import GENRES, GrooveLibrary, Progressions, compose
from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.data.render.material import Material
from tfsep.data.render.mix import quantise
from tfsep.data.render.perform import perform
from tfsep.errors import DataError, TfsepError, UsageError

GROOVES_FOLDER = "midi/drums/groove"
PROGRESSIONS_FILE = "midi/songs/free-midi-chords/progressions.json"
LONGEST_S = 600.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """What to render.

    Args:
        material: folder with manifest.csv.
        out: folder for the songs; made if missing.
        songs: how many. seconds: length of each.
        seed: song i depends on `(seed, i)` and the settings, not on `jobs`.
        genres: names to draw from, or empty for all.
        jobs: processes.
        grade_b: also use material of licence confidence B.
    """

    material: Path
    out: Path
    songs: int
    seconds: float
    seed: int = 0
    genres: tuple[str, ...] = ()
    jobs: int = 1
    grade_b: bool = False

    def __post_init__(self) -> None:
        if self.songs < 1:
            raise UsageError(f"--songs {self.songs}: use 1 or more")
        if not 1.0 <= self.seconds <= LONGEST_S:
            raise UsageError(f"--seconds {self.seconds:g}: use 1 to {LONGEST_S:g}")
        if self.seed < 0:
            raise UsageError(f"--seed {self.seed}: use 0 or more")
        if self.jobs < 1:
            raise UsageError(f"--jobs {self.jobs}: use 1 or more")
        unknown = [genre for genre in self.genres if genre not in GENRES]
        if unknown:
            raise UsageError(f"--genres {','.join(unknown)}: unknown; use some of {', '.join(sorted(GENRES))}")


@dataclass(frozen=True, kw_only=True)
class RenderedSong:
    """What became of one song."""

    name: str
    seconds: float
    skipped: bool


class SongRenderer:
    """Renders songs one by one; each process has one, with its own cache of samples."""

    def __init__(self, config: RenderConfig) -> None:
        self.config = config
        self.material = Material.load(config.material, grade_b=config.grade_b)
        grooves, progressions = config.material / GROOVES_FOLDER, config.material / PROGRESSIONS_FILE
        self.grooves = GrooveLibrary.load(grooves) if grooves.is_dir() else None
        self.progressions = Progressions.load(progressions) if progressions.is_file() else None

    def genre(self, index: int) -> str:
        """Return the genre of a song; all are equally frequent within each round of as many songs as there are genres."""
        names = sorted(self.config.genres or GENRES)
        order = np.random.default_rng((self.config.seed, index // len(names), 1)).permutation(len(names))
        return names[order[index % len(names)]]

    def render(self, index: int) -> RenderedSong:
        """Render song `index`, or skip it if its folder is there.

        Raises: UsageError if the folder holds a song of other settings; TfsepError if it cannot be written.
        """
        config, genre = self.config, self.genre(index)
        name = f"{genre}-{config.seed}-{index:05d}"
        final, partial = config.out / name, config.out / f".partial-{name}"
        settings = {"seconds": config.seconds, "seed": config.seed, "index": index, "grade_b": config.grade_b}
        if final.exists():
            _check_same(final, settings)
            return RenderedSong(name=name, seconds=config.seconds, skipped=True)
        composing, performing = (np.random.default_rng((config.seed, index, purpose)) for purpose in (2, 3))
        score = compose(genre, seconds=config.seconds, rng=composing, grooves=self.grooves, progressions=self.progressions)
        performance = perform(score, self.material, performing)
        stems, mixture = quantise(performance.stems)
        record = settings | {
            "genre": genre,
            "family": GENRES[genre].family,
            "tempo_bpm": round(score.tempo_bpm, 3),
            "key": score.key,
            "mode": score.mode,
            "swing": score.swing,
            "beats_s": [round(t, 4) for t in score.beats_s],
            "downbeats_s": [round(t, 4) for t in score.downbeats_s],
            "sections": [asdict(section) for section in score.sections],
            "chords": [asdict(chord) for chord in score.chords],
            "tags": score.tags,
            "hits": [
                {"time_s": round(hit.time_s, 5), "drum": hit.drum, "piece": hit.piece, "velocity": round(hit.velocity, 3)}
                for hit in sorted(score.drum_hits, key=lambda hit: (hit.time_s, hit.drum))
            ],
            "loop": performance.loop,
            "silent_stems": [stem for stem, audio in stems.items() if not audio.any()],
            "sources": performance.sources,
            "version": tfsep.__version__,
        }
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for stem, audio in (stems | {"mixture": mixture}).items():
                # 0.5 takes half the time of 0.8 for 1 % more bytes (measured on rendered songs)
                soundfile.write(partial / f"{stem}.flac", audio, SAMPLE_RATE, subtype="PCM_16", compression_level=0.5)
            (partial / "song.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            partial.rename(final)
        except (OSError, soundfile.LibsndfileError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise TfsepError(f"{final}: cannot be written ({error}); free space or choose another --out") from None
        return RenderedSong(name=name, seconds=config.seconds, skipped=False)


def _check_same(folder: Path, settings: dict[str, object]) -> None:
    """Raise if a finished song was rendered with other settings."""
    try:
        record = json.loads((folder / "song.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: song.json cannot be read ({error}); remove the folder and render again") from None
    for key, value in settings.items():
        if record.get(key) != value:
            raise UsageError(f"{folder}: was rendered with {key}={record.get(key)}, not {value}; choose another --out")


_renderer: SongRenderer | None = None  # of a worker process: `ProcessPoolExecutor` hands its tasks no other place to keep it


def _start_worker(config: RenderConfig) -> None:
    global _renderer
    _renderer = SongRenderer(config)


def _render_in_worker(index: int) -> RenderedSong:
    return _renderer.render(index)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that are started within use one thread each: the songs are what is parallel."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _writable(out: Path) -> None:
    """Make the output folder and try it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".partial-probe"
        probe.mkdir(exist_ok=True)
        probe.rmdir()
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written to ({error.strerror}); choose another folder") from None


def render_songs(config: RenderConfig, on_song: Callable[[RenderedSong], None] = lambda song: None) -> list[RenderedSong]:
    """Render all songs of a configuration; those already in `config.out` are skipped.

    Args:
        config: what to render.
        on_song: called in this process after each song, in the order in which they are done.
    Returns: one result a song, by index.
    Raises: the first error of any song; the songs that were done by then are kept.
    """
    _writable(config.out)
    if config.jobs == 1:
        renderer, done = SongRenderer(config), []
        for index in range(config.songs):
            done.append(renderer.render(index))
            on_song(done[-1])
        return done
    Material.load(config.material, grade_b=config.grade_b)  # bad material is told here, once, and not by every process
    results: dict[int, RenderedSong] = {}
    with _single_threaded():
        pool = ProcessPoolExecutor(
            config.jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(config,)
        )
        try:
            waiting = iter(range(config.songs))
            futures = {
                pool.submit(_render_in_worker, index): index for _, index in zip(range(2 * config.jobs), waiting, strict=False)
            }
            while futures:
                finished, _ = wait(futures, return_when=FIRST_COMPLETED)
                for future in finished:
                    index = futures.pop(future)
                    results[index] = future.result()
                    on_song(results[index])
                    following = next(waiting, None)
                    if following is not None:
                        futures[pool.submit(_render_in_worker, following)] = following
        except BrokenProcessPool:
            raise TfsepError(
                "a rendering process was killed (out of memory?); run again with fewer --jobs, done songs are kept"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return [results[index] for index in sorted(results)]


def render_with_progress(config: RenderConfig) -> list[RenderedSong]:
    """`render_songs` with a progress bar on standard error that tells songs a second and the multiple of real time."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("rendering"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("songs", total=config.songs, speed="")
        start_s, rendered = time.monotonic(), 0

        def advance(song: RenderedSong) -> None:
            nonlocal rendered
            rendered += not song.skipped
            spent_s = max(time.monotonic() - start_s, 1e-6)
            speed = f"{rendered / spent_s:.2f} songs/s, {rendered * config.seconds / spent_s:.0f} x real time"
            progress.update(task, advance=1, speed=speed)

        return render_songs(config, advance)
