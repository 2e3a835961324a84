"""Multitracks on disk and in memory for the tests of tfsep.data."""

from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.cache import CachedTrack

RATE_HZ = 8000


@pytest.fixture
def write_song():
    """Return a function that writes a song's stems as float32 noise, half a second each unless told."""

    def write(folder: Path, stems=("bass", "drums", "other", "vocals"), *, samples=4000, channels=2, suffix=".wav", level=0.5):
        folder.mkdir(parents=True, exist_ok=True)
        for number, stem in enumerate(stems):
            noise = np.random.default_rng(number).uniform(-level, level, (samples, channels)).astype(np.float32)
            Audio(noise, RATE_HZ).write(folder / f"{stem}{suffix}", subtype="float32" if suffix == ".wav" else None)
        return folder

    return write


@pytest.fixture
def make_track():
    """Return a function that makes a track in memory from int16 `(length, channels)` by stem."""

    def make(name: str = "song", **stems: np.ndarray) -> CachedTrack:
        samples = np.stack([stems[stem] for stem in sorted(stems)]).astype(np.int16)
        return CachedTrack(name=name, key=name, genre=None, stems=tuple(sorted(stems)), samples=samples, gain=1 / 32767)

    return make
