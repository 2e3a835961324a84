"""What comparisons of trained arms share: test songs, scores kept by seed, arm, test and song, and paired differences.

Scores are `{seed: {arm: {test: {song: {metric: value or None}}}}}`.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfsep.audio import Audio
from tfsep.audio.atomic import AtomicFile

STEMS = ("drums", "bass", "other", "vocals")
RATE_HZ = 44_100
EXCERPT_S = 60.0  # of each longer song, from its middle
RESAMPLES = 2000

Scores = dict[str, dict[str, dict[str, dict[str, dict[str, float | None]]]]]


class StoredScores:
    """Scores and other findings in a JSON file that is written anew after each, so that a killed benchmark goes on from there.

    Attributes:
        values: what was found, JSON values.
    """

    def __init__(self, path: Path, empty: Mapping[str, Any]):
        self._path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else dict(empty)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with AtomicFile(self._path) as target:
            target.file.write(json.dumps(self.values).encode())


def song_stems(song: Path) -> dict[str, np.ndarray]:
    """Return a song's stems by name, float32 `(samples, 2)` at `RATE_HZ`, as long as the shortest of them."""
    found = sorted(path for stem in STEMS for path in song.glob(f"{stem}.*"))
    stems = {path.stem: Audio.read(path, sample_rate_hz=RATE_HZ, channels=2).samples for path in found}
    length = min(len(samples) for samples in stems.values())
    return {stem: samples[:length] for stem, samples in stems.items()}


def middle(samples: np.ndarray) -> np.ndarray:
    """Return the middle `EXCERPT_S` of `(samples, channels)`, all of what is no longer."""
    count = int(EXCERPT_S * RATE_HZ)
    start = max(0, (len(samples) - count) // 2)
    return samples[start:][:count]


def mean_of(songs: Iterable[Mapping[str, float | None]], metric: str) -> float:
    """Return the mean of a metric over songs that have it."""
    return float(np.mean([song[metric] for song in songs if song[metric] is not None]))


def mean_of_arm(scores: Scores, arm: str, test: str, metric: str) -> float:
    """Return the mean of a metric over seeds and songs."""
    return mean_of((song for by_arm in scores.values() for song in by_arm[arm][test].values()), metric)


def differences(scores: Scores, arm: str, control: str, test: str, metric: str) -> np.ndarray:
    """Return `(seeds, songs)`: the metric of an arm minus that of the control, song by song."""
    return np.array(
        [
            [
                by_arm[arm][test][song][metric] - by_arm[control][test][song][metric]
                for song in by_arm[arm][test]
                if by_arm[arm][test][song][metric] is not None
            ]
            for by_arm in scores.values()
        ]
    )


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of `(seeds, songs)` and its 95 % bootstrap interval, seeds and songs drawn anew each time."""
    rng = np.random.default_rng(0)
    seeds, songs = values.shape
    means = [values[rng.integers(0, seeds, seeds)][:, rng.integers(0, songs, songs)].mean() for _ in range(RESAMPLES)]
    return float(values.mean()), *(float(bound) for bound in np.percentile(means, [2.5, 97.5]))


def cell(scores: Scores, arm: str, control: str, test: str, metric: str) -> str:
    """Return an arm's mean and, in brackets, its difference from the control with the interval, for a table."""
    mean = f"{mean_of_arm(scores, arm, test, metric):.2f}"
    if arm == control:
        return mean
    gain, low, high = interval(differences(scores, arm, control, test, metric))
    return f"{mean} ({gain:+.2f}; {low:+.2f} to {high:+.2f})"
