"""Mixture consistency: stems that sum to the mixture to the last bit that a file holds."""

import numpy as np

from tfsep.audio.pcm import PCM_BITS, SUBTYPES, to_integers


def quantise(samples: np.ndarray, subtype: str) -> np.ndarray:
    """Round to what `subtype` holds.

    Args:
        samples: float32 of any shape, full scale 1.
        subtype: "pcm_16", "pcm_24" or "float32", which changes nothing.
    Returns: float32 of that shape; integers of b bits are divided by `2**(b - 1)`, clipped to full scale.
    Raises: ValueError for another subtype.
    """
    _check_subtype(subtype)
    if subtype == "float32":
        return samples.astype(np.float32, copy=False)
    return _to_float(to_integers(samples, PCM_BITS[subtype]), PCM_BITS[subtype])


def quantise_stems(stems: np.ndarray, mixture: np.ndarray, subtype: str, residual: int) -> np.ndarray:
    """Round stems to what `subtype` holds so that they sum to the mixture.

    The stem number `residual` takes what the others, rounded, leave of the mixture; its own samples are not read. In integers
    the sum is exactly the mixture, rounded to the same grid (and clipped, if it exceeds full scale). Where the residual stem
    would clip, the other stems in turn take over what it cannot hold. In "float32" the float64 sum of the stems differs
    from the mixture by at most half a unit in the last place of the residual stem, and not at all where all are 0.

    Args:
        stems: float32 `(stems, samples, channels)`, full scale 1.
        mixture: float32 `(samples, channels)`.
        subtype: "pcm_16", "pcm_24" or "float32".
        residual: index of the residual stem.
    Returns: float32 `(stems, samples, channels)`, on the grid of `subtype`.
    Raises: ValueError for shapes that do not fit or another subtype.
    """
    _check_subtype(subtype)
    if stems.ndim != 3 or stems.shape[1:] != mixture.shape:
        raise ValueError(f"stems of shape {stems.shape} and a mixture of {mixture.shape}: use (stems, samples, channels)")
    if not 0 <= residual < len(stems):
        raise ValueError(f"residual={residual}: use 0 to {len(stems) - 1}")
    others = [index for index in range(len(stems)) if index != residual]
    if subtype == "float32":
        result = stems.astype(np.float32, copy=True)
        rest = mixture.astype(np.float64)
        for index in others:
            rest -= result[index]
        result[residual] = rest
        return result
    bits = PCM_BITS[subtype]
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    integers = np.empty(stems.shape, np.int32)
    rest = to_integers(mixture, bits)
    for index in others:
        integers[index] = to_integers(stems[index], bits)
        rest -= integers[index]
    integers[residual] = np.clip(rest, low, high)
    rest -= integers[residual]
    if rest.any():
        clipped = np.nonzero(rest)
        left = rest[clipped]
        for index in others:
            before = integers[index][clipped]
            after = np.clip(before + left, low, high)
            integers[index][clipped] = after
            left -= after - before
    return _to_float(integers, bits)


def _to_float(integers: np.ndarray, bits: int) -> np.ndarray:
    floats = integers.astype(np.float32)  # exact, and so is the division by a power of two
    floats *= np.float32(0.5 ** (bits - 1))
    return floats


def _check_subtype(subtype: str) -> None:
    if subtype not in SUBTYPES:
        raise ValueError(f"subtype={subtype!r}: use one of {', '.join(SUBTYPES)}")
