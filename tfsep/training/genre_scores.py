"""How good a genre classifier is, and how far its probabilities can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 10  # of confidence
_TEMPERATURES = np.geomspace(0.2, 10, 400)


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return probabilities over the last axis."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -log of the true family's probability. Args: `(songs, families)`, `(songs,)`."""
    return float(-np.mean(np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12))))


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return by what to divide logits for the likeliest labels (temperature scaling, Guo et al. 2017, arXiv 1706.04599)."""
    losses = [negative_log_likelihood(softmax(logits, value), labels) for value in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


@dataclass(frozen=True, kw_only=True)
class GenreScores:
    """Of one set of songs.

    Attributes:
        families: names, in the order of the confusion's axes.
        confusion: int `(families, families)`, true by found.
        reliability: int and float `(bins, 3)`: songs, mean confidence, share that is right, by confidence of the found family.
        calibration_error: expected calibration error: mean of |confidence - share that is right| over songs, bin by bin.
        silent: songs that were not judged.
    """

    families: tuple[str, ...]
    confusion: np.ndarray
    reliability: np.ndarray
    calibration_error: float
    log_loss: float
    silent: int = 0

    @property
    def songs(self) -> int:
        """How many were judged."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of songs whose likeliest family is right."""
        return float(np.trace(self.confusion) / self.songs)

    @property
    def largest_share(self) -> float:
        """Accuracy of always naming the most frequent family."""
        return float(self.confusion.sum(axis=1).max() / self.songs)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "songs": self.songs, "silent": self.silent, "accuracy": round(self.accuracy, 4),
            "most_frequent_family": round(self.largest_share, 4), "calibration_error": round(self.calibration_error, 4),
            "log_loss": round(self.log_loss, 4), "families": list(self.families), "confusion": self.confusion.tolist(),
            "reliability": self.reliability.round(4).tolist(),
        }  # fmt: skip


def genre_scores(probabilities: np.ndarray, labels: Sequence[int], families: Sequence[str], *, silent: int = 0) -> GenreScores:
    """Score `(songs, families)` probabilities against the indices of the true families. Raises: ValueError without a song."""
    if not len(labels):
        raise ValueError("no song to score")
    labels = np.asarray(labels)
    found, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    confusion = np.zeros((len(families), len(families)), int)
    np.add.at(confusion, (labels, found), 1)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    reliability = np.zeros((BINS, 3))
    for index in np.unique(bins):
        inside = bins == index
        reliability[index] = inside.sum(), confidence[inside].mean(), (found == labels)[inside].mean()
    error = float((reliability[:, 0] * np.abs(reliability[:, 1] - reliability[:, 2])).sum() / len(labels))
    return GenreScores(
        families=tuple(families), confusion=confusion, reliability=reliability, calibration_error=error,
        log_loss=negative_log_likelihood(probabilities, labels), silent=silent,
    )  # fmt: skip
