"""Harmonic-percussive separation in `keras.ops`: the same masks as `tfsep.dsp.hpss`, inside a model."""

from typing import Any

from keras import ops

from tfsep.dsp.hpss import KERNEL, POWER, SILENCE, check_mask, soft_mask
from tfsep.dsp.running_median import running_median

Tensor = Any  # of whichever Keras backend runs

SILENT_AMPLIFIED = 1e-3  # magnitude times `feature_gain`: far below what is heard, and more than nothing in half precision too


def hpss_masks(
    magnitudes: Tensor, *, kernel: int = KERNEL, margin: float = 1.0, power: float = POWER, silence: float = SILENCE
) -> tuple[Tensor, Tensor]:
    """Return the soft masks of what is harmonic and what is percussive, see `tfsep.dsp.hpss.hpss_masks`.

    Args:
        magnitudes: float32 `(batch, frames, bins, channels)`, linear amplitude of any scale, >= 0; the batch's size may be unknown.
        silence: magnitudes below it count as none.
    Returns: two masks of that shape.
    Raises: ValueError for arguments out of range.
    """
    check_mask(margin, power)
    _, frames, bins, channels = magnitudes.shape
    along_time = running_median(ops.reshape(magnitudes, (-1, frames, bins * channels)), kernel, ops)
    along_frequency = running_median(ops.reshape(magnitudes, (-1, bins, channels)), kernel, ops)
    harmonic, percussive = (ops.reshape(found, (-1, frames, bins, channels)) for found in (along_time, along_frequency))
    return (
        soft_mask(harmonic, percussive, margin, power, ops, silence),
        soft_mask(percussive, harmonic, margin, power, ops, silence),
    )


def percussive_features(features: Tensor) -> Tensor:
    """Return the percussive part of what a generator sees of magnitudes: times the mask; what it leaves is the harmonic part.

    Args:
        features: `log1p(feature_gain * magnitude)`, `(batch, frames, bins, channels)`, of any floating type.
    Returns: the same shape and type. No gradient flows back.
    """
    features = ops.stop_gradient(features)
    amplified = ops.exp(ops.cast(features, "float32")) - 1  # not every format has expm1
    return features * ops.cast(hpss_masks(amplified, silence=SILENT_AMPLIFIED)[1], features.dtype)
