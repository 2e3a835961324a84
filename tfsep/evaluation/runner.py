"""Evaluates models and baselines over folders of songs, in this process or in several."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tfsep
from tfsep.errors import TfsepError, UsageError
from tfsep.evaluation.dataset import find_songs
from tfsep.evaluation.drums import check_onsets
from tfsep.evaluation.estimators import (
    BASELINE_LABELS,
    HPSS_LABEL,
    Hpss,
    StreamingSeparator,
    check_stems,
    labels_of,
    load_model,
    training_of,
)
from tfsep.evaluation.excerpts import Picture
from tfsep.evaluation.metrics import check_museval
from tfsep.evaluation.result import EvaluatedModel, Evaluation, SongFailure, SongResult
from tfsep.evaluation.scoring import Measures, score_song
from tfsep.evaluation.targets import unscored_stems

OnProgress = Callable[[float, int, str], None]  # songs done so far, a fraction counts; how many there are; name of the latest


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An evaluation and the spectrograms for its report: of the best and the worst excerpt of all songs."""

    evaluation: Evaluation
    pictures: tuple[Picture, ...]


def evaluate(
    models: Sequence[str | Path | StreamingSeparator],
    data: Sequence[str | Path],
    *,
    songs: int | None = None,
    with_bsseval: bool = False,
    with_hits: bool = False,
    jobs: int = 1,
    threads: int = 2,
    command: str | None = None,
    on_progress: OnProgress | None = None,
) -> Outcome:
    """Score models beside the mixture itself and the HPSS baseline, on songs whose stems are known.

    A song that is broken is listed among the failures; the others are still scored.

    Args:
        models: names or paths as `Separator.load` takes them, or separators; none scores the baselines alone.
        data: folders `SONG/{mixture,drums,bass,other,vocals}.{wav,flac,ogg,...}`, or folders of such folders.
        songs: score this many, spread evenly over those found.
        with_bsseval: also BSSEval v4, which is slow and holds whole songs in memory.
        with_hits: also onset F1 and log-spectral distance of drums, which holds whole songs in memory.
        jobs: processes, each of which loads the models; above 1 `models` must be names or paths.
        threads: of each model.
        command: the command line, kept in the result.
        on_progress: called now and then in this thread.
    Raises: DataError for folders without songs, UsageError for arguments out of range or a model that has no known stem,
        ModelError for a model that cannot be loaded, MissingExtraError for a missing package.
    """
    for name, value in (("jobs", jobs), ("threads", threads)):
        if value < 1:
            raise UsageError(f"{name}={value}: use 1 or more")
    if not data:
        raise UsageError("no data: name a folder of songs")
    if jobs > 1 and not all(isinstance(model, str | Path) for model in models):
        raise UsageError(f"jobs={jobs}: models in memory are evaluated in one process, use jobs=1 or give their paths")
    folders = find_songs([Path(folder) for folder in data], limit=songs)
    if with_bsseval:
        check_museval()
    if with_hits:
        check_onsets()
    measures = Measures(bsseval=with_bsseval, hits=with_hits)
    labels = labels_of(models)
    loaded = _load(dict(zip(labels, models, strict=True)), threads)
    described = tuple(
        EvaluatedModel(
            label=label,
            path=str(model) if isinstance(model, str | Path) else None,
            stems=tuple(loaded[label].stems),
            unscored=unscored_stems(loaded[label].stems),
            training=training_of(loaded[label]),
        )
        for label, model in zip(labels, models, strict=True)
    )
    tell = on_progress or (lambda done, total, name: None)
    jobs = min(jobs, len(folders))
    if jobs == 1:
        results = _score_here(folders, loaded | {HPSS_LABEL: Hpss()}, measures, tell)
    else:
        loaded.clear()  # the workers load their own
        results = _score_in_processes(folders, dict(zip(labels, models, strict=True)), measures, jobs, threads, tell)
    scored, failures, pictures = {}, {}, []
    for folder, result in results:
        if isinstance(result, TfsepError):
            failures[folder] = SongFailure(folder=str(folder), error=str(result))
        else:
            scored[folder] = result[0]
            pictures = _extremes([*pictures, *result[1]])
    evaluation = Evaluation(
        models=described,
        estimators=(*labels, *BASELINE_LABELS),
        data=tuple(str(folder) for folder in data),
        songs=tuple(scored[folder] for folder in folders if folder in scored),
        failures=tuple(failures[folder] for folder in folders if folder in failures),
        bsseval=with_bsseval,
        hits=with_hits,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        tfsep_version=tfsep.__version__,
        command=command,
    )
    return Outcome(evaluation=evaluation, pictures=tuple(pictures))


_Result = tuple[SongResult, list[Picture]] | TfsepError


def _load(models: Mapping[str, str | Path | StreamingSeparator], threads: int) -> dict[str, StreamingSeparator]:
    loaded = {label: load_model(model, threads) if isinstance(model, str | Path) else model for label, model in models.items()}
    for label, model in loaded.items():
        check_stems(label, model.stems)
    return loaded


def _extremes(pictures: Sequence[Picture]) -> list[Picture]:
    """Keep the best and the worst, the latter only where it is another excerpt."""
    ordered = sorted(pictures, key=lambda picture: -picture.excerpt.sdr_db)
    if not ordered or (ordered[0].song, ordered[0].excerpt.start_s) == (ordered[-1].song, ordered[-1].excerpt.start_s):
        return ordered[:1]
    return [ordered[0], ordered[-1]]


def _score_here(
    folders: Sequence[Path], estimators: Mapping[str, StreamingSeparator], measures: Measures, tell: OnProgress
) -> Iterator[tuple[Path, _Result]]:
    for index, folder in enumerate(folders):
        done = float(index)

        def progress(share: float, folder: Path = folder) -> None:
            nonlocal done
            done += share
            tell(done, len(folders), folder.name)

        try:
            yield folder, score_song(folder, estimators, measures=measures, progress=progress)
        except TfsepError as error:
            yield folder, error
        tell(index + 1.0, len(folders), folder.name)


def _score_in_processes(
    folders: Sequence[Path],
    models: Mapping[str, str | Path],
    measures: Measures,
    jobs: int,
    threads: int,
    tell: OnProgress,
) -> Iterator[tuple[Path, _Result]]:
    # spawned, since model runtimes have threads, which a fork does not survive
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start_worker, (models, threads)) as pool:
        waiting: dict[Future, Path] = {pool.submit(_score_in_worker, folder, measures): folder for folder in folders}
        try:
            for count, future in enumerate(as_completed(waiting), 1):
                folder = waiting[future]
                tell(float(count), len(folders), folder.name)
                yield folder, future.result()
        except BrokenProcessPool:
            raise TfsepError(f"--jobs {jobs}: a process died, most likely for lack of memory: use fewer jobs") from None
        finally:
            pool.shutdown(cancel_futures=True)


_estimators: dict[
    str, StreamingSeparator
] = {}  # of a worker: `ProcessPoolExecutor` hands its tasks no other place to keep them


def _start_worker(models: Mapping[str, str | Path], threads: int) -> None:
    _estimators.update(_load(models, threads) | {HPSS_LABEL: Hpss()})


def _score_in_worker(folder: Path, measures: Measures) -> _Result:
    try:
        return score_song(folder, _estimators, measures=measures)
    except TfsepError as error:  # returned, not raised: one with arguments of its own cannot be unpickled
        return TfsepError(str(error))
