"""Small songs on disk, and a separator that needs no model."""

import json
from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

RATE = 8000


@dataclass
class Block:
    stems: dict[str, np.ndarray]


class GainSeparator:
    """Estimates each stem as the mixture times a number; gives blocks back later and of another length than it took."""

    def __init__(self, gains: dict[str, float], *, lost_samples: int = 0):
        self.gains, self.lost_samples = gains, lost_samples

    @property
    def stems(self):
        return tuple(self.gains)

    def stream(self, blocks, *, sample_rate_hz, channels):
        held = np.zeros((0, channels), np.float32)
        for block in blocks:
            held = np.concatenate([held, block])
            while len(held) > 3 * 5000:
                ready, held = held[:5000], held[5000:]
                yield self._block(ready)
        yield self._block(held[: len(held) - self.lost_samples])

    def _block(self, mixture):
        return Block({stem: (gain * mixture).astype(np.float32) for stem, gain in self.gains.items()})


class OracleSeparator:
    """Knows the stems: gives back those it was made with, with noise of its own added to each."""

    stems = ("drums", "bass", "other", "vocals")

    def __init__(self, stems: dict[str, np.ndarray], noise: float = 0.0):
        rng = np.random.default_rng(9)
        self._sound = {stem: stems[stem] + rng.normal(0, noise, stems[stem].shape).astype(np.float32) for stem in self.stems}

    def stream(self, blocks, *, sample_rate_hz, channels):
        start, waiting = 0, deque()
        for block in blocks:
            waiting.append(len(block))
            if len(waiting) > 1:
                yield self._block(start, start := start + waiting.popleft())
        while waiting:
            yield self._block(start, start := start + waiting.popleft())

    def _block(self, start, end):
        return Block({stem: sound[start:end] for stem, sound in self._sound.items()})


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def stems(rng):
    """Four stems of 20 s in stereo, independent noises of different level, so that all scores have closed forms."""
    levels = {"drums": 0.2, "bass": 0.1, "other": 0.05, "vocals": 0.1}
    return {
        stem: (level * rng.normal(0, 0.5, (20 * RATE, 2))).clip(-0.9, 0.9).astype(np.float32) for stem, level in levels.items()
    }


@pytest.fixture
def write_song(tmp_path):
    """Return a function that writes a song's folder, of float32 files that hold the sound exactly."""

    def write(name, stems, *, mixture=None, genre=None, rate=RATE, suffix="wav"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for stem, sound in (stems | ({} if mixture is None else {"mixture": mixture})).items():
            soundfile.write(folder / f"{stem}.{suffix}", sound, rate, subtype="FLOAT" if suffix == "wav" else None)
        if genre:
            (folder / "song.json").write_text(json.dumps({"genre": genre}))
        return folder

    return write


@pytest.fixture
def gain_separator():
    return GainSeparator


@pytest.fixture
def oracle_separator():
    return OracleSeparator
