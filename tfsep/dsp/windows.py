"""Windows of the short-time Fourier transform: Hann, and asymmetric ones for a low delay."""

from functools import lru_cache

import numpy as np

from tfsep.spec import SpectrogramSpec


@lru_cache(maxsize=8)
def hann_window(window_samples: int) -> np.ndarray:
    """Return the periodic Hann window, float32 `(window_samples,)`, read-only."""
    return _fixed(_hann(window_samples))


@lru_cache(maxsize=8)
def analysis_window(spec: SpectrogramSpec) -> np.ndarray:
    """Return the window that frames are weighted with, float32 `(window_samples,)`, read-only; its peak is 1.

    The asymmetric one rises as a square-root Hann window over all but the last `synthesis_samples / 2` samples and falls over
    these (Mauler and Gerkmann 2007, "A low delay, variable resolution, perfect reconstruction spectral analysis-synthesis system
    for speech enhancement"; as written by Wood and Rouat 2019, "Unsupervised low latency speech enhancement with RT-GCC-NMF",
    arXiv 1904.02802).
    """
    if spec.synthesis_samples is None:
        return hann_window(spec.window_samples)
    return _fixed(_asymmetric(spec))


@lru_cache(maxsize=8)
def synthesis_window(spec: SpectrogramSpec) -> np.ndarray:
    """Return the window that, overlap-added, inverts frames scaled as `SpectrogramSpec` says: float32 `(output_samples,)`, read-only.

    It weights the last `output_samples` of a frame. The asymmetric one is what makes its product with the analysis window a Hann
    window of that length, whose shifts by a hop have a constant sum.
    """
    overlaps = spec.output_samples // spec.hop_samples
    if spec.synthesis_samples is not None:
        window = _asymmetric(spec)
        product = _hann(spec.output_samples) * (2 / overlaps)
        return _fixed(product / window[-spec.output_samples :] * (window.sum() / 2))
    window = hann_window(spec.window_samples).astype(np.float64)
    overlap = (window**2).reshape(-1, spec.hop_samples).sum(axis=0)  # the same for every hop: each sample lies in all shifts
    return _fixed(window / np.tile(overlap, overlaps) * (window.sum() / 2))


def _asymmetric(spec: SpectrogramSpec) -> np.ndarray:
    fall = spec.output_samples // 2
    rise = spec.window_samples - fall
    return np.sqrt(np.concatenate([_hann(2 * rise)[:rise], _hann(2 * fall)[fall:]]))


def _hann(window_samples: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_samples) / window_samples)


def _fixed(window: np.ndarray) -> np.ndarray:
    result = window.astype(np.float32)
    result.flags.writeable = False
    return result
