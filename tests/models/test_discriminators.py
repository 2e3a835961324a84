"""Critics: shapes, the reference's number of parameters, files, and that examples do not see each other."""

import keras
import numpy as np
import pytest

from tfsep.errors import UsageError
from tfsep.models.discriminators import DISCRIMINATORS, MultibandCritic, build_discriminator
from tfsep.training.adversarial_config import DISCRIMINATOR_KINDS

KINDS = pytest.mark.parametrize("kind", sorted(DISCRIMINATORS))
SHAPE = {"frames": 8, "bins": 64, "channels": 2}


def test_names():
    assert sorted(DISCRIMINATORS) == sorted(DISCRIMINATOR_KINDS)
    with pytest.raises(UsageError, match="discriminator 'patch' is unknown: use dcgan, multiband"):
        build_discriminator("patch", **SHAPE)


def test_dcgan_is_the_references():
    critic = build_discriminator("dcgan", frames=64, bins=256, channels=1)
    assert critic.count_params() == 1_869_344
    hidden = critic(np.zeros((1, 64, 256, 1), np.float32))["features"]
    assert [tuple(x.shape[1:]) for x in hidden] == [
        (32, 128, 32), (16, 64, 64), (8, 32, 128), (4, 16, 256), (4, 8, 256), (4, 4, 256)
    ]  # fmt: skip


@KINDS
@pytest.mark.parametrize("size", [(1, 12), (7, 50), (64, 256), (16, 2048)])
def test_any_size(kind, size):
    frames, bins = size
    critic = build_discriminator(kind, frames=frames, bins=bins, channels=1)
    seen = critic(np.ones((2, frames, bins, 1), np.float32))
    assert all(view.shape[0] == 2 for view in seen["logits"])
    assert all(np.isfinite(np.asarray(view)).all() for view in seen["logits"])
    assert all(len(layer.shape) == 4 for layer in seen["features"])


@KINDS
def test_file_round_trip(kind, rng, tmp_path):
    critic = build_discriminator(kind, **SHAPE, name="target_critic")
    critic.save(tmp_path / "critic.keras")
    loaded = keras.saving.load_model(tmp_path / "critic.keras")
    assert (type(loaded), loaded.name) == (type(critic), critic.name)
    x = rng.exponential(1.0, (2, 8, 64, 2)).astype(np.float32)
    for one, other in zip(critic(x)["logits"], loaded(x)["logits"], strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@KINDS
def test_examples_do_not_see_each_other(kind, rng):
    critic = build_discriminator(kind, **SHAPE)
    x = rng.exponential(1.0, (3, 8, 64, 2)).astype(np.float32)
    together = critic(x, training=True)["logits"]
    x[1:] = 100.0
    for one, other in zip(together, critic(x, training=True)["logits"], strict=True):
        np.testing.assert_allclose(np.asarray(one)[0], np.asarray(other)[0], atol=1e-5)


def test_each_band_has_its_critic():
    """A change in the highs moves the logits of the high band in each view, and no others."""
    critic = build_discriminator("multiband", **SHAPE)
    quiet, loud = np.ones((2, 1, 8, 64, 2), np.float32)
    loud[:, :, 48:] = 3.0
    moved = [
        bool(np.abs(np.asarray(one) - np.asarray(other)).max() > 1e-6)
        for one, other in zip(critic(quiet)["logits"], critic(loud)["logits"], strict=True)
    ]
    assert moved == [False, False, True] * 3


def test_logits_are_float32_in_mixed_precision():
    critic = build_discriminator("multiband", **SHAPE, dtype="mixed_bfloat16")
    seen = critic(np.ones((1, 8, 64, 2), np.float32))
    assert {keras.backend.standardize_dtype(x.dtype) for x in seen["logits"]} == {"float32"}
    assert {keras.backend.standardize_dtype(x.dtype) for x in seen["features"]} == {"bfloat16"}


def test_shares_that_do_not_add_up():
    with pytest.raises(ValueError, match="the shares must add up to 1"):
        MultibandCritic(bands=((0.5, 2), (0.4, 4)))


def test_too_few_bins_for_the_bands():
    with pytest.raises(ValueError, match="8 bins: too few for 3 bands"):
        build_discriminator("multiband", frames=4, bins=8, channels=1)
