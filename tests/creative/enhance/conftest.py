"""A runtime made of a function, in place of a network."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract_enhance import MAGNITUDE, EnhanceContract
from tfsep.creative.enhance import Enhancer
from tfsep.creative.enhance.degrade import brickwall

RATE_HZ = 44_100


@dataclass
class CopyRuntime:
    """Gives the excitation's magnitudes, 6 dB down; `spectra` keeps what was seen."""

    contract: EnhanceContract = field(default_factory=EnhanceContract)
    workers: int = 2
    spectra: list[np.ndarray] = field(default_factory=list)

    def predict(self, spectrum: np.ndarray) -> dict[str, np.ndarray]:
        self.spectra.append(spectrum)
        return {MAGNITUDE: np.log1p(np.expm1(spectrum[..., 1:2]) / 2)}


@pytest.fixture
def runtime() -> CopyRuntime:
    return CopyRuntime()


@pytest.fixture
def enhancer(runtime) -> Enhancer:
    return Enhancer(runtime)


@pytest.fixture
def narrow(rng) -> Audio:
    """Three seconds of stereo noise that ends at 6 kHz."""
    return Audio(brickwall(noise(rng, 3.0), RATE_HZ, 6000.0), RATE_HZ)


def noise(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return float32 `(samples, 2)`, which falls by 6 dB an octave, as music does or so."""
    white = rng.normal(0, 1, (int(seconds * RATE_HZ), 2))
    spectrum = np.fft.rfft(white, axis=0)
    hz = np.fft.rfftfreq(len(white), 1 / RATE_HZ)[:, np.newaxis]
    sound = np.fft.irfft(spectrum / (1 + hz / 500), len(white), axis=0)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file of float32 samples into tmp_path and returns its path."""

    def write_file(name: str, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
        Audio(samples, rate_hz).write(tmp_path / name)
        return tmp_path / name

    return write_file
