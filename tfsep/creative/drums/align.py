"""Where one sound lies in another, finer than a sample, and sounds moved by parts of a sample."""

import numpy as np

from tfsep.audio import Resampler

STEPS_PER_SAMPLE = 8  # moves are rounded to: at 10 kHz an error of 5 degrees at most


def best_delay(sound: np.ndarray, sample: np.ndarray, most: int) -> tuple[float, float]:
    """Find where `sample` fits best into `sound`, by cross-correlation and a parabola through its peak.

    Args:
        sound: float32 `(samples + 2 * most,)`.
        sample: float32 `(samples,)`, expected at `sound[most:]`.
    Returns: by how many samples it lies later than that, in [-most, most], and the correlation there, -1 to 1.
    """
    if len(sound) != len(sample) + 2 * most:
        raise ValueError(f"sound has {len(sound)} samples: use {len(sample)} + 2 * {most}")
    size = 1 << int(len(sound) - 1).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(sample, size))
    products = np.fft.irfft(spectrum, size)[: 2 * most + 1]
    sums = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    energies = sums[len(sample) :] - sums[: 2 * most + 1]
    norms = np.sqrt(np.maximum(energies, 1e-12) * max(float(np.dot(sample, sample)), 1e-12))
    correlation = products / norms
    peak = int(np.argmax(correlation))
    place = float(peak)
    if 0 < peak < 2 * most:
        left, middle, right = correlation[peak - 1 : peak + 2]
        bend = left - 2 * middle + right
        place += 0.5 * (left - right) / bend if bend < 0 else 0.0
    return place - most, float(np.clip(correlation[peak], -1, 1))


def moved(sample: np.ndarray, fraction: float) -> np.ndarray:
    """Return a sound `(samples,)` later by a fraction of a sample, [0, 1); float32, as long as it was."""
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction={fraction}: use 0 to less than 1")
    if fraction == 0:
        return sample.astype(np.float32, copy=False)
    size = 1 << (len(sample) + 64 - 1).bit_length()  # room for what wraps around
    turns = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size * fraction)
    turns[-1] = turns[-1].real
    return np.fft.irfft(np.fft.rfft(sample, size) * turns, size)[: len(sample)].astype(np.float32)


def split_delay(delay: float) -> tuple[int, int]:
    """Split a delay in samples into whole samples and steps of `1 / STEPS_PER_SAMPLE`."""
    return divmod(round(delay * STEPS_PER_SAMPLE), STEPS_PER_SAMPLE)


def resampled(sound: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Return a whole sound `(samples,)` at another rate, float32."""
    resampler = Resampler(from_hz, to_hz, 1)
    return np.concatenate([resampler.process(sound[:, np.newaxis].astype(np.float32)), resampler.flush()])[:, 0]
