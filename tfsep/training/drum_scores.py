"""How well hits are found, class by class, and the thresholds that are best for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfsep.contract_drums import DrumContract
from tfsep.data.rendered_hits import HitTable
from tfsep.dsp.peaks import pick_peaks

TOLERANCE_S = 0.05  # MIREX's
SAME_HIT_S = 0.03  # hits of one class so near to each other count as one
GRID = np.linspace(0.05, 0.95, 37)


@dataclass(frozen=True)
class Counts:
    """Hits that were found rightly, found where none is, and missed."""

    right: int = 0
    extra: int = 0
    missed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.right + other.right, self.extra + other.extra, self.missed + other.missed)

    @property
    def true(self) -> int:
        """How many hits there are."""
        return self.right + self.missed

    @property
    def f1(self) -> float:
        """F-measure, 1 where there is no hit and none was found."""
        return 2 * self.right / (2 * self.right + self.extra + self.missed) if self.right + self.extra + self.missed else 1.0


def merged(times_s: np.ndarray, within_s: float = SAME_HIT_S) -> np.ndarray:
    """Return times in order without those that follow a kept one within `within_s`."""
    kept: list[float] = []
    for time_s in np.sort(times_s):
        if not kept or time_s - kept[-1] > within_s:
            kept.append(float(time_s))
    return np.array(kept)


def count_matches(reference_s: np.ndarray, found_s: np.ndarray, tolerance_s: float = TOLERANCE_S) -> Counts:
    """Match times one to one, as many as can be within `tolerance_s`; both in order.

    Taking the earliest that fits for each time in order is best where all tolerances are equal, so that the numbers are those of
    `mir_eval.onset.f_measure` (Raffel et al. 2014), which is not needed for training.
    """
    right = i = j = 0
    while i < len(reference_s) and j < len(found_s):
        apart = found_s[j] - reference_s[i]
        if abs(apart) <= tolerance_s:
            right, i, j = right + 1, i + 1, j + 1
        elif apart < 0:
            j += 1
        else:
            i += 1
    return Counts(right, len(found_s) - right, len(reference_s) - right)


def best_thresholds(activations: Sequence[np.ndarray], hits: Sequence[HitTable], contract: DrumContract) -> tuple[float, ...]:
    """Return for each class the threshold with the highest F1 over all songs, the highest of those; the contract's without a hit.

    Args:
        activations: of each song, float32 `(frames, classes)`, 0 to 1.
        hits: of each song.
    """
    counts = [[Counts() for _ in GRID] for _ in contract.classes]
    for activation, table in zip(activations, hits, strict=True):
        peaks = pick_peaks(activation, contract.peak_frames)
        for index in range(len(contract.classes)):
            reference_s, at = merged(table.of_class(index)), np.flatnonzero(peaks[:, index])
            times_s, heights = contract.frame_s(at), activation[at, index]
            for place, threshold in enumerate(GRID):
                counts[index][place] += count_matches(reference_s, times_s[heights >= threshold])
    best = [max(range(len(GRID)), key=lambda place, of=of: (of[place].f1, place)) for of in counts]
    return tuple(
        round(float(GRID[place]), 3) if of[place].true else kept
        for of, place, kept in zip(counts, best, contract.thresholds, strict=True)
    )


def counts_at(
    thresholds: Sequence[float], songs: Sequence[tuple[np.ndarray, HitTable]], contract: DrumContract
) -> tuple[Counts, ...]:
    """Return the counts of each class over songs, as activations and hits, at one threshold a class."""
    counts = [Counts() for _ in contract.classes]
    for activation, table in songs:
        found = pick_peaks(activation, contract.peak_frames) & (activation >= np.asarray(thresholds))
        for index in range(len(contract.classes)):
            times_s = contract.frame_s(np.flatnonzero(found[:, index]))
            counts[index] += count_matches(merged(table.of_class(index)), times_s)
    return tuple(counts)
