"""Songs of clicks and chords whose beats are known, and a separator that takes them apart by frequency."""

from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

RATE_HZ = 16_000
STEMS = ("drums", "bass", "other", "vocals")
_EDGES_HZ = (110.0, 200.0, 600.0, 2500.0)  # kick, bass, other, vocals, the rest of the drums
_CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))  # a bar each


class ByFrequency:
    """A runtime that gives the lowest bins to the bass and the highest to the drums."""

    workers = 1
    contract = ModelContract(
        spec=SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=1024, hop_samples=256, frames=64),
        stems=STEMS,
        overlap_frames=8,
    )

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        hz = np.arange(features.shape[1]) * RATE_HZ / 1024
        place = np.searchsorted(_EDGES_HZ, hz)
        masks = {}
        for stem, numbers in (("bass", [1]), ("other", [2]), ("vocals", [3]), ("drums", [0, 4])):
            masks[stem] = np.broadcast_to(np.isin(place, numbers)[None, :, None], features.shape).astype(np.float32)
        return masks


def beats_of(bpm: float, seconds: float, first_s: float = 0.0) -> np.ndarray:
    return np.arange(first_s, seconds - 0.05, 60 / bpm)


def click_song(beats_s: np.ndarray, seconds: float, *, rate_hz: int = RATE_HZ, root: int = 0, drums: bool = True) -> np.ndarray:
    """Return float32 `(samples, 2)`: a loud burst on each first beat, softer ones on the others and between, and chords."""
    rng = np.random.default_rng(1)
    song = np.zeros(round(seconds * rate_hz))
    burst = np.exp(-np.arange(round(0.03 * rate_hz)) / (0.006 * rate_hz))
    low = np.sin(2 * np.pi * 70 * np.arange(round(0.12 * rate_hz)) / rate_hz)

    def add(sound: np.ndarray, at_s: float) -> None:
        at = round(at_s * rate_hz)
        song[at : at + len(sound)] += sound[: max(0, len(song) - at)]

    for beat, (time_s, next_s) in enumerate(zip(beats_s, [*beats_s[1:], 2 * beats_s[-1] - beats_s[-2]], strict=True)):
        if drums:
            noise = np.diff(rng.normal(size=len(burst) + 2), 2) * burst  # without what is low
            add((0.25 if beat % 2 else 0.08) * noise, time_s)
            add(0.04 * np.diff(rng.normal(size=len(burst) + 2), 2) * burst, (time_s + next_s) / 2)
        if drums and beat % 2 == 0:
            add((0.3 if beat % 4 == 0 else 0.2) * low, time_s)
        t = np.arange(round((next_s - time_s) * rate_hz)) / rate_hz
        chord = sum(np.sin(2 * np.pi * 261.63 * 2 ** ((root + note) / 12) * t) for note in _CHORDS[beat // 4 % 4])
        bass = np.sin(2 * np.pi * 130.81 * 2 ** ((root + _CHORDS[beat // 4 % 4][0] % 7) / 12) * t)
        add((0.05 * chord + 0.1 * bass) * np.minimum(1, t / 0.01) * np.exp(-t), time_s)
    return np.repeat(0.3 * song[:, None], 2, axis=1).astype(np.float32)


@pytest.fixture
def separator() -> Separator:
    return Separator(ByFrequency())


@pytest.fixture
def make_song(tmp_path):
    """Return a function that writes a song of clicks and returns its path."""

    def make(name: str, bpm: float, seconds: float = 10.0, first_s: float = 0.0, rate_hz: int = RATE_HZ, **options) -> Path:
        path = tmp_path / name
        song = click_song(beats_of(bpm, seconds, first_s), seconds, rate_hz=rate_hz, **options)
        Audio(song, rate_hz).write(path, "float32")
        return path

    return make
