"""Spectral band replication: a spectrum is continued by copies of the octave below its end, and what a network sees of that.

The copies are the excitation of the restored band (Dietz et al. 2002, "Spectral band replication, a novel approach in audio
coding"): they bring fine structure and phase, their levels are set afterwards. A shift by a multiple of `window / hop` bins turns
phases from frame to frame as far as the shifted frequency itself does, so a copied tone stays a tone.
"""

import numpy as np

from tfsep.spec import SpectrogramSpec


def patch_bins(first_bin: int, spec: SpectrogramSpec) -> int:
    """Return how many bins below `first_bin` are copied: about an octave, a multiple of `window / hop`."""
    multiple = spec.window_samples // spec.hop_samples
    return max(multiple, first_bin // 2 // multiple * multiple)


def source_bins(first_bin: int, bins: int, spec: SpectrogramSpec) -> np.ndarray:
    """Return for each of `bins` bins which one it is copied from, int `(bins,)`: itself below `first_bin`.

    Raises: ValueError if `first_bin` is too low to copy from, or above `bins`.
    """
    width = patch_bins(first_bin, spec)
    if not width <= first_bin <= bins:
        raise ValueError(f"first_bin={first_bin}: use {width} to {bins}")
    index = np.arange(bins)
    above = first_bin - width + (index - first_bin) % width
    return np.where(index < first_bin, index, above)


def network_input(compressed: np.ndarray, first_bin: int, spec: SpectrogramSpec, holes: np.ndarray | None = None) -> np.ndarray:
    """Return what a super-resolution network sees, see `EnhanceContract`.

    Args:
        compressed: float32 `(frames, bins)`, `log1p(feature_gain * magnitude)`; from `first_bin` on it is not read.
        holes: bool of that shape, cells below `first_bin` that are to be restored too; there the sound itself is the excitation.
    Returns: float32 `(frames, bins, 3)`.
    """
    excitation = compressed[:, source_bins(first_bin, compressed.shape[1], spec)]
    known = np.zeros(compressed.shape, np.float32)
    known[:, :first_bin] = 1
    if holes is not None:
        known[holes] = 0
    return np.stack([excitation * known, excitation, known], axis=-1)
