"""Costs against numbers worked out by hand."""

import keras
import pytest
import tensorflow as tf

from tfsep.models.config import GeneratorConfig
from tfsep.models.cost import _multiply_adds, generator_cost
from tfsep.models.presets import build_generator
from tfsep.spec import SpectrogramSpec


def counted(layer, shape):
    layer.build((None, *shape))
    graph = tf.function(layer, autograph=False).get_concrete_function(tf.TensorSpec((1, *shape), tf.float32)).graph
    return sum(_multiply_adds(operation) for operation in graph.get_operations())


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (keras.layers.Conv2D(5, 3, padding="same"), (8, 10, 2), 8 * 10 * 5 * 3 * 3 * 2),
        (keras.layers.Conv2D(5, 3), (8, 10, 2), 6 * 8 * 5 * 3 * 3 * 2),
        (keras.layers.Conv2D(5, 2, 2), (8, 10, 2), 4 * 5 * 5 * 2 * 2 * 2),
        (keras.layers.Conv2DTranspose(5, 2, 2), (4, 6, 3), 4 * 6 * 3 * 2 * 2 * 5),
        (keras.layers.Dense(7), (11,), 11 * 7),
        (keras.layers.Dense(7), (4, 6, 3), 4 * 6 * 3 * 7),
        (keras.layers.ReLU(), (4, 6, 3), 0),
    ],
)
def test_one_layer(layer, shape, expected):
    assert counted(layer, shape) == expected


def test_whole_generator():
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
    config = GeneratorConfig(spec=spec, bands=((32, 2), (96, 6)), widths=(4, 8), blocks=(1, 1), dense_bottleneck=4)
    frames, bins, positions, channels, stems = 8, 128, 32, 2, 4
    split = frames * bins * channels * 4
    block0 = frames * positions * 9 * 4 * 4 + frames * 4 * (positions * 8) * 2  # convolution; to 8 values and back
    down = (frames // 2) * (positions // 2) * 4 * 4 * 8
    block1 = (frames // 2) * (positions // 2) * 9 * 8 * 8 + (frames // 2) * 8 * (positions // 2 * 8) * 2
    up = (frames // 2) * (positions // 2) * 8 * 4 * 4
    merge = frames * bins * channels * 8
    total = split + block0 + down + block1 + up + block0 + stems * merge
    cost = generator_cost(config)
    assert cost.multiply_adds_per_second == pytest.approx(total / (8 * 64 / 8000))
    assert cost.parameters == build_generator(config).count_params()


def test_bands_as_channels_with_a_complex_head():
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
    config = GeneratorConfig(
        kind="bandstack", head="complex", spec=spec, subbands=8, widths=(4,), blocks=(1,), dense_bottleneck=2
    )
    frames, positions, stack, stems = 8, 16, 8, 4
    split = frames * positions * (stack * 2 * 3) * 4  # magnitude, real and imaginary part of two channels
    block = 2 * frames * positions * 9 * 4 * 4 + frames * 4 * (positions * 8) * 2
    heads = stems * frames * positions * 8 * stack * 2 * (1 + 2)  # a share and a complex correction
    cost = generator_cost(config)
    assert cost.multiply_adds_per_second == pytest.approx((split + block + heads) / (8 * 64 / 8000))
