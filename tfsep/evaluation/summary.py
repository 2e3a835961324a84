"""Means over songs, improvement over the mixture, and how far to trust it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfsep.evaluation.estimators import MIXTURE_LABEL
from tfsep.evaluation.result import Evaluation, SongResult, StemScore

RESAMPLES = 10_000
METRICS = ("sdr_db", "si_sdr_db")
HIT_METRICS = ("onset_f1", "lsd_highs_db")
BSSEVAL_METRICS = ("sdr_db", "isr_db", "sir_db", "sar_db")


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One metric over the songs that have it, in its own unit.

    `gain` is the mean improvement over the mixture, `gain_low` to `gain_high` its 95 % bootstrap interval, None
    for a single song.
    """

    songs: int
    mean: float
    median: float
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class StemSummary:
    """All songs' scores of one estimator on one stem; `metrics`, `bsseval` and `hits` by name of the metric."""

    estimator: str
    stem: str
    metrics: dict[str, Aggregate]
    bsseval: dict[str, Aggregate]
    hits: dict[str, Aggregate]


def summarise(evaluation: Evaluation) -> tuple[StemSummary, ...]:
    """Summarise each stem for each estimator that has a score of it, in the order of stems, then estimators."""
    summaries = []
    for stem in evaluation.stems():
        for estimator in evaluation.estimators:
            metrics = _aggregates(evaluation.songs, estimator, stem, METRICS, lambda score: score)
            bsseval = _aggregates(evaluation.songs, estimator, stem, BSSEVAL_METRICS, lambda score: score.bsseval)
            hits = _aggregates(evaluation.songs, estimator, stem, HIT_METRICS, lambda score: score.hits)
            if metrics:
                summaries.append(StemSummary(estimator=estimator, stem=stem, metrics=metrics, bsseval=bsseval, hits=hits))
    return tuple(summaries)


def genre_means(evaluation: Evaluation) -> dict[str, tuple[int, dict[str, dict[str, float]]]]:
    """Return for each genre the number of songs and the mean SDR `[estimator][stem]` in dB; empty if no song has a genre."""
    genres = sorted({song.genre for song in evaluation.songs if song.genre})
    result = {}
    for genre in genres:
        songs = [song for song in evaluation.songs if song.genre == genre]
        means: dict[str, dict[str, float]] = {}
        for estimator in evaluation.estimators:
            for stem in evaluation.stems():
                values = [value for song in songs if (value := sdr_db(song, estimator, stem)) is not None]
                if values:
                    means.setdefault(estimator, {})[stem] = float(np.mean(values))
        result[genre] = (len(songs), means)
    return result


def sdr_db(song: SongResult, estimator: str, stem: str) -> float | None:
    """Return the SDR of the whole song, None if there is none."""
    score = song.scores.get(estimator, {}).get(stem)
    return None if score is None else score.sdr_db


def bootstrap_interval(values: Sequence[float], *, level: float = 0.95, seed: int = 0) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval of the mean (Efron 1979); None for fewer than two values.

    Args:
        level: probability that the interval is to hold.
        seed: of the resampling.
    """
    if len(values) < 2:
        return None
    rng = np.random.default_rng(seed)
    array = np.asarray(values, float)
    means = np.concatenate([array[rng.integers(0, len(array), (RESAMPLES // 10, len(array)))].mean(axis=1) for _ in range(10)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the evaluation as JSON values, with the summary, which readers of `Evaluation.from_json` do without."""
    means = {genre: {"songs": count, "sdr_db": scores} for genre, (count, scores) in genre_means(evaluation).items()}
    return evaluation.to_json() | {"summary": [asdict(row) for row in summarise(evaluation)], "genres": means}


def _aggregates(
    songs: Sequence[SongResult], estimator: str, stem: str, metrics: Sequence[str], part: Any
) -> dict[str, Aggregate]:
    found = {}
    for metric in metrics:
        values, gains = [], []
        for song in songs:
            value = _value(song.scores.get(estimator, {}).get(stem), metric, part)
            mixture = _value(song.scores.get(MIXTURE_LABEL, {}).get(stem), metric, part)
            if value is not None:
                values.append(value)
                if mixture is not None:
                    gains.append(value - mixture)
        if values:
            found[metric] = _aggregate(values, gains if estimator != MIXTURE_LABEL else [])
    return found


def _value(score: StemScore | None, metric: str, part: Any) -> float | None:
    scores = None if score is None else part(score)
    return None if scores is None else getattr(scores, metric)


def _aggregate(values: Sequence[float], gains: Sequence[float]) -> Aggregate:
    low, high = bootstrap_interval(gains) or (None, None)
    return Aggregate(
        songs=len(values),
        mean=float(np.mean(values)),
        median=float(np.median(values)),
        gain=float(np.mean(gains)) if gains else None,
        gain_low=low,
        gain_high=high,
    )
