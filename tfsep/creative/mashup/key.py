"""The key of a song, and how well two keys go together."""

from dataclasses import dataclass

import numpy as np

NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MODES = ("major", "minor")
# How far each degree from the tonic on stands out of the others in a key; fitted by logistic regression to the mean chroma of 1,785
# rendered 16 s songs (Krumhansl's and Temperley's profiles, of notes instead of sound, named 8 to 15 of 100 keys fewer)
_PROFILES = {
    "major": (1.34, -1.17, 0.53, -0.69, 0.61, 0.42, -1.47, 1.26, -0.22, 0.13, -1.11, 0.37),
    "minor": (1.42, -0.92, 0.60, 0.31, -0.91, 0.43, -0.99, 1.20, 0.33, -1.03, 0.41, -0.84),
}
_PRIORS = {"major": -0.24, "minor": 0.24}


@dataclass(frozen=True)
class Key:
    """A key. `tonic` is 0 for C to 11 for B; `mode` "major" or "minor"."""

    tonic: int
    mode: str

    def __str__(self) -> str:
        return f"{NAMES[self.tonic]} {self.mode}"

    @property
    def fifths(self) -> int:
        """Place on the circle of fifths, 0 to 11, of the major key with the same notes."""
        return (self.tonic + (3 if self.mode == "minor" else 0)) * 7 % 12


def find_key(chroma: np.ndarray) -> Key | None:
    """Return the key whose profile fits the mean chroma best (as Krumhansl, "Cognitive foundations of musical pitch", 1990, does).

    Args:
        chroma: `(frames, 12)`, C first, >= 0.
    Returns: None if nothing has a pitch.
    """
    sums = chroma.sum(axis=1, keepdims=True)
    heard = sums[:, 0] > 0.05 * sums.max(initial=0.0)
    if not heard.any():
        return None
    mean = (chroma[heard] / sums[heard]).mean(axis=0)
    if mean.std() < 1e-6:
        return None
    standard = (mean - mean.mean()) / mean.std()
    fits = [(np.roll(_PROFILES[mode], tonic) @ standard + _PRIORS[mode], tonic, mode) for mode in MODES for tonic in range(12)]
    _, tonic, mode = max(fits)
    return Key(tonic, mode)


def distance(one: Key, other: Key) -> int:
    """Return how many steps of the circle of fifths the notes of two keys lie apart, 0 to 6; relative keys have the same notes."""
    steps = (one.fifths - other.fifths) % 12
    return min(steps, 12 - steps)


def best_shift(moved: Key, other: Key, most: int) -> int:
    """Return by how many semitones to shift `moved` so that it goes with `other`: the smallest shift of those that bring it nearest.

    Args:
        most: semitones up or down that are allowed.
    """
    shifts = sorted(range(-most, most + 1), key=abs)
    return min(shifts, key=lambda shift: distance(Key((moved.tonic + shift) % 12, moved.mode), other))
