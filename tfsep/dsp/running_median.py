"""Running medians by minima and maxima alone, for NumPy and for `keras.ops` alike.

Neighbouring windows share most of their values. What a group of them has in common is sorted once; then the group is halved again
and again, and what each half shares beyond that is merged in. All but the middle values are dropped on the way, since no other
can be a median any more (after Adams 2021, "Fast median filters using separable sorting networks"). For a window of 31 that
takes 36 minima and maxima a median, each of them over a whole array; built-in operators of every format that models are exported to.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

Array = Any  # of NumPy or of whichever Keras backend runs
Arrays = ModuleType  # what works on them: `numpy` or `keras.ops`


def running_median(values: Array, kernel: int, arrays: Arrays) -> Array:
    """Replace each value by the median of its `kernel` neighbours along the second axis.

    Args:
        values: `(rows, length, columns)`; mirrored at the ends with the edge repeated. Of an unknown size only the first may be.
        kernel: odd, 1 or more.
        arrays: `numpy`, or `keras.ops`.
    Returns: an array of that shape.
    Raises: ValueError for another `kernel`.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel={kernel}: use an odd number of 1 or more")
    length, columns = values.shape[1:]
    # windows of a group: a power of two, and no more than the values that they have in common
    size = 1 << (((kernel + 1) // 2).bit_length() - 1)
    groups = -(-length // size)
    padded = _mirrored(values, kernel // 2, (groups * size - length) + kernel // 2, arrays)
    places = [padded[:, place : place + (groups - 1) * size + 1 : size] for place in range(size + kernel - 1)]
    shared = _sorted(places[size - 1 : kernel], arrays)
    middle = shared[kernel // 2 - size + 1 : kernel // 2 + 1]
    medians = _medians(middle, places[: size - 1], places[kernel:], arrays)
    joined = arrays.concatenate(medians, axis=2)
    return arrays.reshape(joined, (-1, groups * size, columns))[:, :length]


def _mirrored(values: Array, before: int, after: int, arrays: Arrays) -> Array:
    length = values.shape[1]

    def edge(places: range) -> list[Array]:
        inside = [place % (2 * length) for place in places]
        inside = [min(place, 2 * length - 1 - place) for place in inside]
        return [values[:, place : place + 1] for place in inside]

    return arrays.concatenate([*edge(range(-before, 0)), values, *edge(range(length, length + after))], axis=1)


def _medians(middle: list[Array], before: list[Array], after: list[Array], arrays: Arrays) -> list[Array]:
    """Return the medians of a group of windows, in their order.

    Args:
        middle: of what all of them hold, sorted, as many as there are windows: those that can be a median.
        before, after: what comes before and after it, one less each; window `k` begins with `before[k]`.
    """
    if len(middle) == 1:
        return middle
    half = len(middle) // 2
    first = _middle_third(middle, _sorted(before[half - 1 :], arrays), arrays)
    second = _middle_third(middle, _sorted(after[:half], arrays), arrays)
    return [
        *_medians(first, before[: half - 1], after[: half - 1], arrays),
        *_medians(second, before[half:], after[half:], arrays),
    ]


def _middle_third(known: list[Array], added: list[Array], arrays: Arrays) -> list[Array]:
    """Return the middle third, sorted, of `2 n` and `n` sorted values; `n` is a power of two."""
    count = len(added)
    # of two sorted lists of one length the larger halves, and the smaller, are found crosswise (Batcher 1968)
    upper = [arrays.maximum(one, other) for one, other in zip(known[:count], reversed(added), strict=True)]
    upper = _sorted_bitonic(upper, arrays)
    return _sorted_bitonic(
        [arrays.minimum(one, other) for one, other in zip(upper, reversed(known[count:]), strict=True)], arrays
    )


def _sorted_bitonic(values: list[Array], arrays: Arrays) -> list[Array]:
    """Sort values that rise and then fall, or the reverse; a power of two of them."""
    half = len(values) // 2
    if not half:
        return values
    pairs = list(zip(values[:half], values[half:], strict=True))
    low = [arrays.minimum(*pair) for pair in pairs]
    high = [arrays.maximum(*pair) for pair in pairs]
    return [*_sorted_bitonic(low, arrays), *_sorted_bitonic(high, arrays)]


def _sorted(values: Sequence[Array], arrays: Arrays) -> list[Array]:
    """Sort by odd-even merging (Batcher 1968; Knuth, The Art of Computer Programming 3, algorithm 5.2.2M)."""
    values, run = list(values), 1
    while run < len(values):
        distance = run
        while distance:
            for start in range(distance % run, len(values) - distance, 2 * distance):
                for low in range(start, start + min(distance, len(values) - start - distance)):
                    high = low + distance
                    if low // (2 * run) == high // (2 * run):
                        values[low], values[high] = (
                            arrays.minimum(values[low], values[high]),
                            arrays.maximum(values[low], values[high]),
                        )
            distance //= 2
        run *= 2
    return values
