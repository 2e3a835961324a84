"""The causal generator: it sees no future, and its steps are its call."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tfsep.models.causal import CausalConv, RunningMean
from tfsep.models.config import GeneratorConfig
from tfsep.models.live_states import state_shapes
from tfsep.models.presets import PRESETS, build_generator
from tfsep.spec import SpectrogramSpec

CONFIG = GeneratorConfig(
    kind="live",
    spec=SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, synthesis_samples=128, frames=24),
    bands=((32, 2), (96, 6)),
    widths=(4, 6, 8),
    blocks=(1, 2, 1),
    dense_bottleneck=4,
)


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(3)
    generator = build_generator(CONFIG)
    for merge in generator.merges:
        for variable in merge.variables:
            variable.assign(20 * np.asarray(variable))
    return generator


def features(frames: int = 24, batch: int = 2) -> np.ndarray:
    return np.random.default_rng(frames).exponential(1.0, (batch, frames, 128, 2)).astype(np.float32)


def joined(parts) -> dict[str, np.ndarray]:
    return {stem: np.concatenate([np.asarray(part[stem]) for part in parts], axis=1) for stem in CONFIG.stems}


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 24])
def test_steps_are_the_call(generator, frames):
    seen = features()
    states, parts = generator.silence(2), []
    for start in range(0, 24, frames):
        masks, states = generator.step(seen[:, start : start + frames], states)
        parts.append(masks)
    whole = generator(seen)
    for stem, mask in joined(parts).items():
        assert np.std(np.asarray(whole[stem])) > 0.01
        np.testing.assert_allclose(mask, np.asarray(whole[stem]), atol=2e-5)


def test_no_future_is_seen(generator):
    seen = features()
    changed = seen.copy()
    changed[:, 15:] += 1
    for stem, mask in generator(changed).items():
        before = np.asarray(generator(seen)[stem])
        np.testing.assert_array_equal(np.asarray(mask)[:, :15], before[:, :15])
        assert not np.allclose(np.asarray(mask)[:, 15], before[:, 15])


def test_the_past_is_remembered_longer_than_convolutions_reach(generator):
    seen, changed = features(), features()
    changed[:, 0] += 5
    last = [np.asarray(generator(each)["drums"])[:, -1] for each in (seen, changed)]
    assert np.abs(last[0] - last[1]).max() > 1e-4


def test_the_states_are_those_of_the_layers(generator):
    layers = [block for blocks in (*generator.down_blocks, *generator.up_blocks) for block in blocks]
    shapes = state_shapes(CONFIG)
    assert sorted(shapes) == sorted(block.name for block in layers if isinstance(block, CausalConv | RunningMean))
    _, states = generator.step(features(5), generator.silence(2))
    assert {name: tuple(state.shape)[1:] for name, state in states.items()} == shapes


@pytest.mark.parametrize("frames", [1, 6])
def test_a_running_mean_is_the_recurrence(frames):
    layer = RunningMean(3)
    layer.build((None, frames, 2, 3))
    rng = np.random.default_rng(0)
    x, state = rng.normal(0, 1, (1, frames, 2, 3)).astype(np.float32), rng.normal(0, 1, (1, 1, 2, 3)).astype(np.float32)
    decay = np.exp(-1 / np.geomspace(2, 48, 3))  # the time constants at the start of training
    mean = state[:, 0].astype(np.float64)
    for frame in range(frames):
        mean = decay * mean + (1 - decay) * x[:, frame]
    np.testing.assert_allclose(np.asarray(layer(x, state)[1])[:, 0], mean, atol=1e-6)


def test_the_convolution_reaches_back_only():
    layer = CausalConv(2)
    layer.build((None, 1, 5, 2))
    for variable in layer.conv.variables:
        variable.assign(np.ones(variable.shape))  # and a bias of 1
    x = np.zeros((1, 4, 5, 2), np.float32)
    x[0, 1, 2, 0] = 1
    y = np.asarray(layer(x, np.zeros((1, 2, 5, 2), np.float32))[0]) - x
    np.testing.assert_array_equal(y[0, :, 2, 0], [1, 2, 2, 2])
    np.testing.assert_array_equal(y[0, 3, :, 0], [1, 2, 2, 2, 1])


def test_every_weight_learns(generator):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_mean(mask * features()) for mask in list(generator(features()).values())[:2])
    gradients = tape.gradient(loss, generator.trainable_variables)
    assert all(np.abs(gradient.numpy()).max() > 0 for gradient in gradients)


def test_positions_have_to_halve():
    with pytest.raises(ValueError, match="64 positions: must be a multiple of 128 for 8 levels"):
        replace(CONFIG, bands=((128, 2),), widths=(4,) * 8, blocks=(1,) * 8)


def test_frames_need_not():
    assert replace(PRESETS["live"], spec=replace(PRESETS["live"].spec, frames=1)).frame_multiple == 1
