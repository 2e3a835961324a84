"""Peaks of curves that say, frame by frame, how likely it is that something begins."""

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return `1 / (1 + exp(-logits))`, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def pick_peaks(activations: np.ndarray, radius: int) -> np.ndarray:
    """Return where curves are highest within `radius` frames either side; of equal neighbours the first.

    Args:
        activations: float32 `(frames, curves)`.
    Returns: bool `(frames, curves)`; peaks of a curve are more than `radius` frames apart.
    """
    padded = np.pad(activations, ((radius, radius), (0, 0)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    before, after = windows[..., :radius].max(axis=-1), windows[..., radius + 1 :].max(axis=-1)
    return (activations > before) & (activations >= after)


def vertex(before: np.ndarray, peak: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return how far from the middle one of three neighbouring values a parabola through them is highest, in frames, -0.5 to 0.5.

    Args:
        before, peak, after: `peak` is at least as high as the others.
    """
    bend = 2 * peak - before - after
    return np.where(bend > 0, 0.5 * (after - before) / np.where(bend > 0, bend, 1), 0.0)
