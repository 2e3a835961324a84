"""The causal generator learns, in either precision, through the asymmetric window."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tfsep.models.presets import PRESETS, build_generator
from tfsep.spec import SpectrogramSpec
from tfsep.training.presets import stage1
from tfsep.training.trainer import SupervisedTrainer

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=128, hop_samples=32, synthesis_samples=64, frames=16)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_loss_falls(precision):
    config = replace(PRESETS["live"], spec=SPEC, bands=((64, 4),), widths=(8, 8), blocks=(1, 1), dense_bottleneck=4)
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(precision)
    try:
        keras.utils.set_random_seed(0)
        trainer = SupervisedTrainer(build_generator(config, 12), config, error="rms")
        trainer.compile(keras.optimizers.AdamW(3e-3))
        rng = np.random.default_rng(0)
        audio = rng.normal(0, 0.1, (2, 4, 2, 11 * 32 + 128)).astype(np.float32)
        audio[:, 0] += np.sin(0.3 * np.arange(audio.shape[-1]))
        batch = (audio, np.ones((2, 4), np.float32))
        losses = [float(trainer.train_step(batch)["loss"]) for _ in range(12)]
    finally:
        keras.mixed_precision.set_global_policy(before)
    assert losses[-1] < 0.8 * losses[0]


def test_its_crops_are_longer_than_its_means_of_the_past_take_to_fill():
    config = stage1("live")
    assert config.crop_frames * config.generator.spec.hop_samples / config.generator.spec.sample_rate_hz > 2
