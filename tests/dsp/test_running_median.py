"""Running medians against the definition, for every window that a group is built from."""

import numpy as np
import pytest
from keras import ops

from tfsep.dsp.running_median import running_median


def by_definition(values: np.ndarray, kernel: int) -> np.ndarray:
    half = kernel // 2
    padded = np.pad(values, [(0, 0), (half, half), (0, 0)], mode="symmetric")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=1), axis=-1)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9, 11, 13, 17, 21, 31, 33])
@pytest.mark.parametrize("length", [1, 2, 16, 45])
def test_is_the_median_of_each_window(kernel, length, rng):
    values = rng.normal(size=(2, length, 3)).astype(np.float32)
    np.testing.assert_array_equal(running_median(values, kernel, np), by_definition(values, kernel))


@pytest.mark.parametrize("kernel", [5, 31])
def test_equal_values_and_zeros(kernel, rng):
    values = rng.integers(0, 3, (3, 60, 4)).astype(np.float32)
    np.testing.assert_array_equal(running_median(values, kernel, np), by_definition(values, kernel))


def test_the_same_in_keras(rng):
    values = rng.normal(size=(3, 37, 4)).astype(np.float32)
    found = running_median(ops.convert_to_tensor(values), 31, ops)
    np.testing.assert_array_equal(np.asarray(found), running_median(values, 31, np))


class Counting:
    """NumPy that counts minima and maxima."""

    concatenate, reshape = staticmethod(np.concatenate), staticmethod(np.reshape)

    def __init__(self):
        self.calls = 0

    def minimum(self, one, other):
        self.calls += 1
        return np.minimum(one, other)

    def maximum(self, one, other):
        self.calls += 1
        return np.maximum(one, other)


def test_neighbours_share_their_work():
    counting = Counting()
    running_median(np.zeros((1, 16, 1), np.float32), 31, counting)
    assert counting.calls / 16 < 37  # sorting each window of 31 by itself takes 185 exchanges, 370 minima and maxima


@pytest.mark.parametrize("kernel", [0, -3, 4])
def test_windows_without_a_middle(kernel):
    with pytest.raises(ValueError, match=f"kernel={kernel}: use an odd number"):
        running_median(np.zeros((1, 4, 1), np.float32), kernel, np)
