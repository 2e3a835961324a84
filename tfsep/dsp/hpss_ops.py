"""Harmonic-percussive separation in `keras.ops`: the same masks as `tfsep.dsp.hpss`, inside a model."""

from typing import Any

from keras import ops

from tfsep.dsp.hpss import KERNEL, POWER, check_mask, soft_mask
from tfsep.dsp.running_median import running_median

Tensor = Any  # of whichever Keras backend runs


def hpss_masks(magnitudes: Tensor, *, kernel: int = KERNEL, margin: float = 1.0, power: float = POWER) -> tuple[Tensor, Tensor]:
    """Return the soft masks of what is harmonic and what is percussive, see `tfsep.dsp.hpss.hpss_masks`.

    Args:
        magnitudes: float32 `(batch, frames, bins, channels)`, linear amplitude of any scale, >= 0; the batch's size may be unknown.
    Returns: two masks of that shape.
    Raises: ValueError for arguments out of range.
    """
    check_mask(margin, power)
    _, frames, bins, channels = magnitudes.shape
    along_time = running_median(ops.reshape(magnitudes, (-1, frames, bins * channels)), kernel, ops)
    along_frequency = running_median(ops.reshape(magnitudes, (-1, bins, channels)), kernel, ops)
    harmonic, percussive = (ops.reshape(found, (-1, frames, bins, channels)) for found in (along_time, along_frequency))
    return soft_mask(harmonic, percussive, margin, power, ops), soft_mask(percussive, harmonic, margin, power, ops)


def hpss_features(features: Tensor) -> Tensor:
    """Split what a generator sees of magnitudes into what is harmonic and what is percussive, compressed alike.

    Args:
        features: `log1p(feature_gain * magnitude)`, `(batch, frames, bins, channels)`, of any floating type.
    Returns: `(batch, frames, bins, 2 * channels)` of that type: of each channel the harmonic part, then of each the percussive one.
        No gradient flows back.
    """
    amplified = ops.expm1(ops.stop_gradient(ops.cast(features, "float32")))
    parts = [ops.log1p(mask * amplified) for mask in hpss_masks(amplified)]
    return ops.cast(ops.concatenate(parts, axis=-1), features.dtype)
