"""Songs of two families that a tiny network tells apart: noise bursts and low tones."""

import json
from pathlib import Path

import numpy as np

from tfsep.audio import Audio
from tfsep.contract_genre import GenreContract
from tfsep.spec import SpectrogramSpec

RATE_HZ = 8000
CONTRACT = GenreContract(
    families=("electronic", "rock"),
    spec=SpectrogramSpec(
        sample_rate_hz=RATE_HZ, window_samples=256, hop_samples=128, channels=1, frames=32, feature_gain=1000.0
    ),
    mel_bands=16, low_hz=50.0, high_hz=3800.0, excerpts=2,
)  # fmt: skip


def sound(genre: str, seed: int, seconds: float = 1.5) -> np.ndarray:
    """Return float32 `(samples, 2)`."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    if genre == "techno":
        mono = np.sin(2 * np.pi * rng.uniform(80, 160) * time_s)
    else:
        mono = rng.normal(0, 0.4, len(time_s)) * (np.mod(time_s, 0.25) < 0.1)
    return np.repeat((0.3 * mono)[:, None], 2, axis=1).astype(np.float32)


def write_songs(root: Path, count: int, *, first: int = 0, artist: str = "") -> Path:
    """Write `count` songs each of techno and metal."""
    for genre in ("techno", "metal"):
        for number in range(first, first + count):
            folder = root / f"{genre}-{number}"
            folder.mkdir(parents=True)
            whole = sound(genre, number)
            Audio(0.4 * whole, RATE_HZ).write(folder / "drums.wav")
            Audio(0.6 * whole, RATE_HZ).write(folder / "other.wav")
            about = {"genre": genre} | ({"artist": artist} if artist else {})
            (folder / "song.json").write_text(json.dumps(about))
    return root
