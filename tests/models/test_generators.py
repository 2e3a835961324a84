"""Every preset on a small spectrogram, and what only the full-size ones can show."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsep.models.config import GeneratorConfig
from tfsep.models.presets import PRESETS, build_generator
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16)
SMALL = {
    "default": replace(
        PRESETS["default"], spec=SPEC, bands=((32, 2), (96, 6)), widths=(4, 4, 8, 8), blocks=(1, 1, 0, 1), dense_bottleneck=4
    ),
    "tiny": replace(PRESETS["tiny"], spec=SPEC, bands=((32, 2), (96, 6))),
    "live": replace(
        PRESETS["live"],
        spec=replace(SPEC, synthesis_samples=128),
        bands=((32, 2), (96, 6)),
        widths=(4, 6, 8, 8),
        blocks=(1, 1, 0, 1),
        dense_bottleneck=4,
    ),
    "dssgan": replace(PRESETS["dssgan"], spec=replace(SPEC, channels=1), widths=(2, 3, 4)),
}
STACK = replace(SMALL["tiny"], kind="bandstack", subbands=8)
KINDS = SMALL | {
    "plain": replace(SMALL["tiny"], block="plain"),
    "bandstack": STACK,
    "bandstack without dense layers": replace(STACK, block="plain", dense_bottleneck=0),
    "complex": replace(SMALL["tiny"], head="complex"),
    "bandstack complex": replace(STACK, head="complex", stems=("drums", "bass", "other")),
    "hpss": replace(SMALL["tiny"], hpss_inputs=True),
    "bandstack hpss complex": replace(STACK, hpss_inputs=True, head="complex"),
    "mono complex": replace(STACK, head="complex", spec=replace(SPEC, channels=1)),
}


def shape_of(config: GeneratorConfig, batch: int = 2) -> tuple[int, ...]:
    return (batch, config.spec.frames, config.spec.model_bins, config.input_channels)


def test_each_preset_is_tested():
    assert sorted(SMALL) == sorted(PRESETS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_masks_share_each_cell(name, rng):
    config = KINDS[name]
    keras.utils.set_random_seed(1)
    generator = build_generator(config)
    for layer in (*getattr(generator, "merges", ()), *getattr(generator, "corrections", ())):
        for variable in layer.variables:  # masks that are far from equal shares
            variable.assign(20 * np.asarray(variable))
    features = rng.normal(0, 1.0, shape_of(config, batch=3)).astype(np.float32)
    features[..., : config.spec.channels] = np.abs(features[..., : config.spec.channels])
    features *= np.array([0, 1, 20], np.float32)[:, None, None, None]  # silence, music, far too loud
    masks = generator.masks(features)
    assert tuple(masks) == config.stems
    total, channels = 0, config.spec.channels
    for mask in masks.values():
        mask = np.asarray(mask)
        assert mask.dtype == np.float32
        if config.head == "mask":
            assert mask.shape == features.shape
            assert mask.min() >= 0
            assert mask.max() <= 1
        else:
            assert mask.shape == (*features.shape[:3], 2 * channels)
            assert mask[..., :channels].min() > -2
            assert mask[..., :channels].max() < 3
            assert np.abs(mask[..., channels:]).max() < 2
        total = total + mask.astype(np.float64)
    np.testing.assert_allclose(total[..., :channels], 1.0, atol=2e-6)
    np.testing.assert_allclose(total[..., channels:], 0.0, atol=2e-6)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_keras_file_round_trip(name, rng, tmp_path):
    config = KINDS[name]
    generator = build_generator(config)
    generator.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(generator)
    assert loaded.config == config
    features = rng.exponential(1.0, shape_of(config)).astype(np.float32)
    for one, other in zip(generator.masks(features).values(), loaded.masks(features).values(), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_chunks_of_another_length(name):
    config = KINDS[name]
    short, whole = build_generator(config, 8), build_generator(config)
    assert [variable.shape for variable in short.variables] == [variable.shape for variable in whole.variables]
    features = np.zeros((1, 8, *shape_of(config)[2:]), np.float32)
    assert short.masks(features)[config.stems[0]].shape[:3] == features.shape[:3]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_weight_matters(name, rng):
    """No layer is left out of the graph, and none is dead at initialisation."""
    config = KINDS[name]
    keras.utils.set_random_seed(2)
    generator = build_generator(config)
    features = rng.exponential(1.0, shape_of(config)).astype(np.float32)
    with tf.GradientTape() as tape:
        masks = generator.masks(features)
        loss = sum(
            tf.reduce_sum(tf.square(mask - share)) for mask, share in zip(masks.values(), (1.0, 0.5, 0.2, 0.1), strict=False)
        )
    gradients = tape.gradient(loss, generator.trainable_variables)
    untouched = [v.path for v, g in zip(generator.trainable_variables, gradients, strict=True) if g is None]
    assert not untouched
    assert all(np.isfinite(g).all() for g in gradients)
    assert np.mean([bool(np.any(g)) for g in gradients]) > 0.9  # a ReLU of few channels may sleep


def test_fresh_weights_share_nearly_equally(rng):
    config = SMALL["default"]
    keras.utils.set_random_seed(3)
    masks = build_generator(config).masks(rng.exponential(1.0, shape_of(config)).astype(np.float32))
    for mask in masks.values():
        assert np.abs(np.asarray(mask) - 0.25).mean() < 0.1  # 0.15 with logits of unit scale


def test_dssgan_is_the_reference():
    config = PRESETS["dssgan"]
    generator = build_generator(config)
    assert generator.count_params() == 958_596  # as published
    assert config.spec == SpectrogramSpec(
        sample_rate_hz=8192, window_samples=512, hop_samples=256, channels=1, frames=64, feature_gain=128.0
    )
    # 158 - 2 = 156, 78 - 2 = 76, 38 - 2 = 36, 18 - 2 = 16, 8 - 2 = 6, and up again: 12 - 2 = 10, 18, 34, 66
    assert (generator.padded_size(64), generator.output_size(158), generator.output_size(156)) == (158, 66, None)


def test_dssgan_sizes_by_walking_through_the_layers():
    generator = build_generator(SMALL["dssgan"])

    def walk(size):
        size -= 2  # level 0
        for _ in range(2):
            if size % 2:
                return None
            size = size // 2 - 2
        if size < 1:
            return None
        for _ in range(2):
            size = 2 * size - 2
        return size if size > 0 else None

    for size in range(1, 200):
        assert generator.output_size(size) == walk(size), size
    for wanted in (1, 16, 128):
        fitting = [size for size in range(1, 400) if (walk(size) or 0) >= wanted]
        assert generator.padded_size(wanted) == fitting[0]


def test_dssgan_masks_are_shares_of_energy(rng):
    config = SMALL["dssgan"]
    generator = build_generator(config)
    features = rng.exponential(1.0, shape_of(config)).astype(np.float32)
    energies = [np.expm1(np.asarray(value, np.float64)) ** 2 + 1e-6 for value in generator(features).values()]
    for energy, mask in zip(energies, generator.masks(features).values(), strict=True):
        np.testing.assert_allclose(np.asarray(mask), energy / sum(energies), rtol=1e-4, atol=1e-6)


ALLOWED = {
    # what phones' accelerators run, by way of TFLite's built-in operators
    *("Conv2D", "Conv2DBackpropInput", "MatMul", "BatchMatMulV2", "BiasAdd", "Relu"),
    *("AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Exp", "Tanh"),
    *("Reshape", "Transpose", "ConcatV2", "SplitV", "Split", "Pad", "PadV2"),
    # resolved when the graph is frozen
    *("Placeholder", "Const", "ReadVariableOp", "Identity", "NoOp", "StopGradient", "Cast"),
    *("Squeeze", "Shape", "StridedSlice", "Pack", "Prod", "GatherV2"),
}


@pytest.mark.parametrize("kind", ["bandsplit", "bandstack"])
@pytest.mark.parametrize("head", ["mask", "complex"])
def test_u_nets_obey_the_rules_of_the_edge(kind, head):
    """Rank 4 at most, stride 2 at most, no dilation, no recurrent, gather or resize operators on the signal's path."""
    config = replace(PRESETS["default"], kind=kind, head=head)
    generator = build_generator(config, 64)
    shape = (1, 64, config.spec.model_bins, config.input_channels)
    graph = tf.function(generator, autograph=False).get_concrete_function(tf.TensorSpec(shape, tf.float32)).graph
    assert {operation.type for operation in graph.get_operations()} - ALLOWED == set()
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            assert tensor.shape.rank is None or tensor.shape.rank <= 4, tensor
        if operation.type in ("Conv2D", "Conv2DBackpropInput"):
            assert max(operation.get_attr("strides")) <= 2
            assert set(operation.get_attr("dilations")) == {1}
        if operation.type == "GatherV2":  # of shapes, inside tensordot
            assert operation.outputs[0].dtype in (tf.int32, tf.int64)
        if operation.type == "Squeeze":  # of biases
            assert operation.outputs[0].shape.rank == 1


def test_percussive_inputs_take_no_more_than_minima():
    config = KINDS["hpss"]
    signature = tf.TensorSpec(shape_of(config, batch=1), tf.float32)
    graph = tf.function(build_generator(config), autograph=False).get_concrete_function(signature).graph
    assert {operation.type for operation in graph.get_operations()} - ALLOWED == {"Minimum"}
    assert max(tensor.shape.rank for operation in graph.get_operations() for tensor in operation.outputs) <= 4


def test_default_activations_have_unit_scale(rng):
    """Half precision overflows at 65,504."""
    config = replace(PRESETS["default"], spec=SPEC, bands=((32, 2), (96, 6)))
    keras.utils.set_random_seed(4)
    generator = build_generator(config)
    features = rng.exponential(2.0, shape_of(config)).astype(np.float32)
    heads = generator.trunk(features)
    for merge in generator.merges:
        assert np.abs(np.asarray(merge(heads))).max() < 100
