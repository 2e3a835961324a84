"""Sound from magnitudes: with the phases of another sound, or with phases found by iteration."""

import numpy as np

from tfsep.dsp.stft import istft, stft
from tfsep.spec import SpectrogramSpec

ITERATIONS = 32
_MOMENTUM = 0.99  # of the fast algorithm; alpha in the paper


def with_phases(magnitudes: np.ndarray, like: np.ndarray, spec: SpectrogramSpec, samples: int) -> np.ndarray:
    """Return the sound, float32 `(samples,)`, of magnitudes `(frames, bins)` and the phases of the spectra `like` of that shape."""
    unit = like / np.maximum(np.abs(like), np.finfo(np.float32).tiny)
    return istft((magnitudes * unit)[:, :, np.newaxis].astype(np.complex64), spec, samples)[:, 0]


def griffin_lim(
    magnitudes: np.ndarray, spec: SpectrogramSpec, samples: int, rng: np.random.Generator, iterations: int = ITERATIONS
) -> np.ndarray:
    """Return a sound, float32 `(samples,)`, whose transform has nearly these magnitudes `(frames, bins)`.

    Phases begin at random and are made consistent (Griffin and Lim 1984), with momentum (Perraudin, Balazs and Søndergaard, "A
    fast Griffin-Lim algorithm", WASPAA 2013).
    """
    spectra = magnitudes * np.exp(1j * rng.uniform(0, 2 * np.pi, magnitudes.shape))
    before = spectra
    for _ in range(iterations):
        sound = istft(spectra[:, :, np.newaxis].astype(np.complex64), spec, samples)
        consistent = stft(sound, spec)[:, :, 0]
        ahead = consistent + _MOMENTUM * (consistent - before)
        before = consistent
        spectra = magnitudes * ahead / np.maximum(np.abs(ahead), np.finfo(np.float32).tiny)
    return istft(spectra[:, :, np.newaxis].astype(np.complex64), spec, samples)[:, 0]
