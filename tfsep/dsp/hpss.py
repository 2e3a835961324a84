"""Harmonic-percussive(-residual) separation by median filters, in NumPy.

A steady tone is a line along time in a spectrogram, a hit a line along frequency; a median along either keeps the one and
removes the other (Fitzgerald 2010, "Harmonic/percussive separation using median filtering"). Margins are those of Driedger,
Müller and Disch 2014, "Extending harmonic-percussive separation of audio signals". Defaults are those of librosa.
"""

import numpy as np

from tfsep.dsp.running_median import Array, Arrays, running_median

KERNEL, POWER = 31, 2.0
SILENCE = float(np.finfo(np.float32).tiny)
NEARLY_NOTHING = 1e-6  # beside powers of which the larger is 1; exports in float16 keep it
_AT_ONCE = 8192  # values of an array while medians are found: they and all that they are compared with fit into a cache


def median_along(values: np.ndarray, axis: int, kernel: int) -> np.ndarray:
    """Replace each value by the median of its `kernel` neighbours along one axis, mirrored at the ends with the edge repeated.

    Args:
        values: float32, any shape.
        kernel: odd, 1 or more.
    Returns: float32 of that shape.
    Raises: ValueError for another `kernel`.
    """
    lines = np.moveaxis(values, axis, 0)
    flat = np.ascontiguousarray(lines).reshape(1, len(lines), -1)
    medians = np.empty_like(flat)
    width = max(1, _AT_ONCE * (kernel // 2 + 1) // max(1, len(lines)))
    for start in range(0, flat.shape[2], width):
        medians[:, :, start : start + width] = running_median(flat[:, :, start : start + width], kernel, np)
    return np.moveaxis(medians.reshape(lines.shape), 0, axis)


def hpss_masks(
    magnitudes: np.ndarray, *, kernel: int = KERNEL, margin: float = 1.0, power: float = POWER
) -> tuple[np.ndarray, np.ndarray]:
    """Return the soft masks of what is harmonic and what is percussive.

    Args:
        magnitudes: float32 `(frames, bins)` or `(frames, bins, channels)`, linear amplitude, >= 0.
        kernel: length of both median filters, in frames and in bins; odd.
        margin: how many times larger one part must be than the other to count as such, 1 or more. With 1 the masks sum to
            one; above, what is neither is in none: one less both masks is that of the residual.
        power: exponent of the masks, above 0.
    Returns: two float32 masks of that shape in [0, 1].
    Raises: ValueError for arguments out of range.
    """
    if magnitudes.ndim not in (2, 3):
        raise ValueError(f"magnitudes must be (frames, bins) or (frames, bins, channels), got shape {magnitudes.shape}")
    check_mask(margin, power)
    magnitudes = magnitudes.astype(np.float32, copy=False)
    harmonic = median_along(magnitudes, 0, kernel)
    percussive = median_along(magnitudes, 1, kernel)
    return soft_mask(harmonic, percussive, margin, power, np), soft_mask(percussive, harmonic, margin, power, np)


def check_mask(margin: float, power: float) -> None:
    """Raise ValueError unless both are in the range that `hpss_masks` allows."""
    if margin < 1:
        raise ValueError(f"margin={margin}: use 1 or more")
    if power <= 0:
        raise ValueError(f"power={power}: use a number above 0")


def soft_mask(wanted: Array, unwanted: Array, margin: float, power: float, arrays: Arrays, silence: float = SILENCE) -> Array:
    """Return the share of what is wanted, a mask in [0, 1], from the medians along both axes, each >= 0; see `hpss_masks`.

    It takes no operator that some format lacks to which models are exported.

    Args:
        arrays: `numpy`, or `keras.ops`.
        silence: below it both count as none.
    """
    unwanted = unwanted * margin
    scale = arrays.maximum(arrays.maximum(wanted, unwanted), silence)  # so that no power overflows or vanishes
    wanted, unwanted = _raised(wanted / scale, power), _raised(unwanted / scale, power)
    of_nothing = 0.5 if margin == 1 else 0.0
    return (wanted + of_nothing * NEARLY_NOTHING) / (wanted + unwanted + NEARLY_NOTHING)


def _raised(values: Array, power: float) -> Array:
    return values * values if power == 2 else values**power
