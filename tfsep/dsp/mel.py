"""Mel spectra of mono sound, in NumPy: what the genre classifier sees."""

import numpy as np

from tfsep.spec import SpectrogramSpec


def mel_filterbank(spec: SpectrogramSpec, bands: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return triangles that overlap by half, evenly spaced on the mel scale 2595 log10(1 + f / 700) (O'Shaughnessy 1987).

    Each triangle sums to 1, so that a band is a mean magnitude of its bins.

    Returns: float32 `(spec.model_bins, bands)`.
    Raises: ValueError for limits out of order or above half the sample rate, or so many bands that one lies between two bins.
    """
    if bands < 1 or not 0 <= low_hz < high_hz <= spec.sample_rate_hz / 2:
        raise ValueError(
            f"bands={bands}, low_hz={low_hz}, high_hz={high_hz}: use 1 or more bands between 0 and {spec.sample_rate_hz / 2:g} Hz"
        )
    low_mel, high_mel = (2595 * np.log10(1 + hz / 700) for hz in (low_hz, high_hz))
    edges_hz = 700 * (10 ** (np.linspace(low_mel, high_mel, bands + 2) / 2595) - 1)
    bins_hz = np.arange(spec.model_bins)[:, np.newaxis] * spec.sample_rate_hz / spec.window_samples
    rising = (bins_hz - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    falling = (edges_hz[2:] - bins_hz) / np.diff(edges_hz)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    total = triangles.sum(axis=0)
    if not total.all():
        raise ValueError(f"bands={bands}: band {int(np.argmin(total))} lies between two bins: use fewer, or a longer window")
    return (triangles / total).astype(np.float32)


def log_mel(magnitude: np.ndarray, spec: SpectrogramSpec, filterbank: np.ndarray) -> np.ndarray:
    """Return `log1p(feature_gain * mel magnitude)`, float32 `(frames, bands)`, of linear magnitudes `(frames, model_bins)`.

    Args:
        filterbank: from `mel_filterbank`.
    """
    return np.log1p(np.float32(spec.feature_gain) * (magnitude @ filterbank))
