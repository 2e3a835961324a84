"""Sample formats: what each holds, and the exact conversion between float32 and integers."""

import numpy as np

PCM_BITS = {"pcm_16": 16, "pcm_24": 24}
SUBTYPES = (*PCM_BITS, "float32")


def to_integers(block: np.ndarray, bits: int) -> np.ndarray:
    """Scale by `2**(bits - 1)`, round to the nearest integer (halves to even) and clip.

    Args:
        block: float32 of any shape, full scale 1.
        bits: 16 or 24, so that each integer is exact in float32.
    Returns: int32 of that shape. A value that lies on the integer grid is converted exactly.
    """
    scale = np.float32(2 ** (bits - 1))
    return np.clip(np.rint(block * scale), -scale, scale - 1).astype(np.int32)


def to_pcm_bytes(block: np.ndarray, subtype: str) -> bytes:
    """Return float32 `(samples, channels)` as interleaved little-endian samples of `subtype`."""
    if subtype == "float32":
        return block.astype("<f4", copy=False).tobytes()
    integers = to_integers(block, PCM_BITS[subtype])
    if subtype == "pcm_16":
        return integers.astype("<i2").tobytes()
    return integers.astype("<i4")[..., np.newaxis].view(np.uint8)[..., :3].tobytes()


def to_float(samples: np.ndarray) -> np.ndarray:
    """Return decoded samples of any shape as float32 with full scale 1.

    Integers are divided by `2**(bits - 1)` of their type, which is exact up to 24 significant bits.
    """
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if np.issubdtype(samples.dtype, np.integer):
        return samples.astype(np.float32) / np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float32, copy=False)


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Return the mean of the channels, float32 `(samples, 1)` of `(samples, channels)`.

    A product, since `mean` along so short an axis takes fifty times as long.
    """
    return samples @ np.full((samples.shape[1], 1), 1 / samples.shape[1], np.float32)
