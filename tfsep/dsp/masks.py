"""Masks as a model gives them, turned into what spectra are multiplied with."""

import numpy as np


def mask_factor(mask: np.ndarray, kind: str) -> np.ndarray:
    """Return the factor of spectra that a mask of `ModelContract` stands for.

    Args:
        mask: float32 `(frames, bins, mask channels)`.
        kind: "real" or "complex", as `ModelContract.mask`.
    Returns: a real mask itself; of a complex one, real and then imaginary parts, complex64 `(frames, bins, channels)`, laid out in
        memory channel by channel, as spectra are.
    """
    if kind == "real":
        return mask
    real, imaginary = np.split(mask.transpose(2, 0, 1), 2)
    joined = np.empty(real.shape, np.complex64)
    joined.real, joined.imag = real, imaginary
    return joined.transpose(1, 2, 0)
