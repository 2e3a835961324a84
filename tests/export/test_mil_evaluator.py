"""The operations of the Core ML evaluator against TensorFlow's, and its unpacking of weights against numbers made by hand."""

import numpy as np
import pytest
import tensorflow as tf
from tfsep_export import mil_evaluator as mil

from tfsep.errors import ModelError


def close(found, expected):
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("height", "width"), [(7, 8), (6, 9)])
def test_conv(rng, stride, padding, height, width):
    x, weight = rng.normal(size=(2, height, width, 3)).astype("f4"), rng.normal(size=(3, 2, 3, 5)).astype("f4")
    bias = rng.normal(size=5).astype("f4")
    expected = tf.nn.conv2d(x, weight, stride, padding.upper()) + bias
    found = mil.conv(
        x.transpose(0, 3, 1, 2), weight.transpose(3, 2, 0, 1), bias=bias, strides=(stride, stride), pad_type=padding
    )
    close(found.transpose(0, 2, 3, 1), expected)


def test_conv_in_groups_with_custom_padding(rng):
    x, weight = rng.normal(size=(1, 6, 6, 4)).astype("f4"), rng.normal(size=(3, 3, 2, 6)).astype("f4")
    expected = tf.nn.conv2d(tf.pad(x, [[0, 0], [2, 1], [0, 1], [0, 0]]), weight, 1, "VALID")
    found = mil.conv(x.transpose(0, 3, 1, 2), weight.transpose(3, 2, 0, 1), pad_type="custom", pad=(2, 1, 0, 1), groups=2)
    close(found.transpose(0, 2, 3, 1), expected)


@pytest.mark.parametrize(("kernel", "padding"), [(2, "valid"), (3, "same"), (4, "same")])
def test_conv_transpose(rng, kernel, padding):
    x, weight = rng.normal(size=(1, 5, 4, 3)).astype("f4"), rng.normal(size=(kernel, kernel, 6, 3)).astype("f4")
    shape = (1, 10, 8, 6)
    expected = tf.nn.conv2d_transpose(x, weight, shape, 2, padding.upper())
    found = mil.conv_transpose(
        x.transpose(0, 3, 1, 2),
        weight.transpose(3, 2, 0, 1),
        strides=(2, 2),
        pad_type=padding,
        output_shape=(1, 6, 10, 8) if padding == "valid" else None,
    )
    close(found.transpose(0, 2, 3, 1), expected)


def test_pooling_padding_slices(rng):
    x = rng.normal(size=(1, 3, 6, 8)).astype("f4")
    close(
        mil.max_pool(x, (2, 2), (2, 2)), tf.nn.max_pool2d(x.transpose(0, 2, 3, 1), 2, 2, "VALID").numpy().transpose(0, 3, 1, 2)
    )
    close(mil.pad(x, [1, 2, 0, 3], constant_val=7.0), np.pad(x, [(0, 0), (0, 0), (1, 2), (0, 3)], constant_values=7))
    close(mil.slice_by_index(x, [0, 1, 2, 0], [1, 3, 4, 8], end_mask=[False, False, False, True]), x[:, 1:3, 2:4])
    close(mil.split(x, 3, split_sizes=[1, 5, 2])[1], x[..., 1:6])
    close(mil.matmul(x, x, transpose_y=True), x @ x.swapaxes(-1, -2))


def test_palettes_are_unpacked_lowest_bit_first():
    lut = np.array([10, 20, 30, 40], "f4")
    # indices 3, 0, 1, 2 and 1: 11 | 00 << 2 | 01 << 4 | 10 << 6 = 0b10010011, then 0b01
    close(mil.constexpr_lut_to_dense(np.array([0b10010011, 1], np.uint8), lut, (5,)), [40, 10, 20, 30, 20])
    lut = np.arange(64, dtype="f4")
    bits = "".join(f"{index:06b}"[::-1] for index in (33, 7, 62, 1))
    packed = np.array([int(bits[start : start + 8][::-1], 2) for start in range(0, 24, 8)], np.uint8)
    close(mil.constexpr_lut_to_dense(packed, lut, (2, 2)), [[33, 7], [62, 1]])


def test_scales_belong_to_an_axis():
    data = np.array([[1, -2], [3, 4]], np.int8)
    close(mil.constexpr_affine_dequantize(data, np.int8(0), np.array([0.5, 2]), np.int32(0)), [[0.5, -1], [6, 8]])
    close(mil.constexpr_affine_dequantize(data, np.array([1, 0], np.int8), np.array([0.5, 2]), np.int32(1)), [[0, -4], [1, 8]])


def test_results_are_rounded_to_the_type_of_the_program():
    assert mil._rounded(np.float32([1 + 2**-12]), "tensor[fp16]")[0] == 1
    assert mil._rounded(np.float32([70000]), "tensor[fp16]")[0] == np.inf
    assert mil._rounded(np.float64([1 + 2**-12]), "tensor[fp32]")[0] == np.float32(1 + 2**-12)


def test_what_is_not_known_is_refused(tmp_path):
    with pytest.raises(ModelError, match="padding of mode reflect cannot be checked here"):
        mil.pad(np.zeros((1, 1, 2, 2)), [1, 1], mode="reflect")
    (tmp_path / "m.mlpackage").mkdir()
    with pytest.raises(ModelError, match=r"m\.mlpackage: is not a Core ML program"):
        mil.MilProgram(tmp_path / "m.mlpackage")
