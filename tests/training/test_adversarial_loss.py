"""The terms of stage 2 against values worked out by hand or in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfsep.spec import SpectrogramSpec
from tfsep.training.adversarial_loss import (
    additivity,
    audible,
    critic_loss,
    estimated_pair,
    feature_matching,
    generator_loss,
    gradient_penalty,
    mixing_shares,
    scores,
    shares,
)
from tfsep.training.loss import FLOOR, magnitudes

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=128, hop_samples=64, channels=1, frames=4, feature_gain=100.0)
ONES = np.ones(2, np.float32)
REAL = [np.float32([[2.0], [0.5]])]  # one view
FAKE = [np.float32([[-0.5], [-3.0]])]


@pytest.mark.parametrize(
    ("loss", "critic", "generator"),
    [
        ("wgan-gp", -1.75 - 1.25, 1.75),
        ("lsgan", (1.0 + 0.25) / 4 + (0.25 + 9.0) / 4, (2.25 + 16.0) / 4),
        ("hinge", (0.0 + 0.5) / 2 + (0.5 + 0.0) / 2, 1.75),
    ],
)
def test_by_hand(loss, critic, generator):
    assert float(critic_loss(loss, REAL, FAKE, ONES, ONES)) == pytest.approx(critic)
    assert float(generator_loss(loss, FAKE, ONES)) == pytest.approx(generator)


def test_views_count_alike_whatever_their_size():
    views = [np.float32([[[[4.0]]]]), np.zeros((1, 5, 5, 1), np.float32)]
    np.testing.assert_allclose(np.asarray(scores(views)), [2.0])
    one = np.ones(1, np.float32)
    assert float(critic_loss("hinge", views, views, one, one)) == pytest.approx((0 + 1) / 2 + (5 + 1) / 2)


def linear(weights):
    return lambda x: tf.reduce_sum(x * weights, axis=(1, 2, 3))


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic(rng, norm):
    """Its slope is the norm of its weights, everywhere; only what is above 1 costs."""
    weights = rng.normal(size=(4, 8, 1)).astype(np.float32)
    weights *= norm / np.linalg.norm(weights)
    real, fake = tf.constant(rng.normal(size=(2, 3, 4, 8, 1)).astype(np.float32))
    penalty, slope = gradient_penalty(linear(weights), real, fake, mixing_shares(tf.constant(5), 0, 3))
    assert float(penalty) == pytest.approx(max(0, norm - 1) ** 2, abs=1e-5)
    assert float(slope) == pytest.approx(norm, abs=1e-5)


def test_penalty_looks_between(rng):
    """Of `sum(x^2) / 2` the slope at a point is its norm."""
    real, fake = rng.normal(size=(2, 2, 4, 8, 1)).astype(np.float32)
    mix = np.float32([0.25, 0.9])
    penalty, slope = gradient_penalty(lambda x: tf.reduce_sum(x**2, axis=(1, 2, 3)) / 2, tf.constant(real), fake, mix)
    norms = [np.linalg.norm(m * r + (1 - m) * f) for m, r, f in zip(mix, real, fake, strict=True)]
    assert float(slope) == pytest.approx(np.mean(norms), rel=1e-5)
    assert float(penalty) == pytest.approx(np.mean((np.array(norms) - 1) ** 2), rel=1e-5)


def test_penalty_pulls_steep_weights_down(rng):
    """Its own gradient, a second derivative: 2 (|w| - 1) w / |w|; finite where the slope is 0."""
    for weights in (rng.normal(size=(4, 8, 1)).astype(np.float32), np.zeros((4, 8, 1), np.float32)):
        variable, x = tf.Variable(weights), tf.ones((2, 4, 8, 1))
        with tf.GradientTape() as tape:
            penalty, _ = gradient_penalty(linear(variable), x, 2 * x, np.float32([0.5, 0.5]))
        norm = np.linalg.norm(weights)
        expected = 2 * max(0, norm - 1) * weights / max(norm, 1e-9)
        np.testing.assert_allclose(np.asarray(tape.gradient(penalty, variable)), expected, atol=1e-4)


def test_mixing_shares_fill_the_interval():
    drawn = np.concatenate([np.asarray(mixing_shares(tf.constant(update), 0, 61)) for update in range(20)])
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert len(set(drawn.tolist())) == len(drawn)
    counts, _ = np.histogram(drawn, 10, (0, 1))
    assert counts.min() > 0.9 * counts.mean()
    whole = np.asarray(mixing_shares(tf.constant(3), 0, 6))
    parts = [np.asarray(mixing_shares(tf.constant(3), first, 3)) for first in (0, 3)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert np.isfinite(np.asarray(mixing_shares(tf.constant(2**31 - 1), 0, 3))).all()


def test_feature_matching_in_numpy(rng):
    real, fake = ([rng.normal(1, 1, (2, 3, 4, c)).astype(np.float32) for c in (2, 5)] for _ in range(2))
    expected = []
    for one, other in zip(real, fake, strict=True):
        one, other = one.mean(axis=(0, 1)), other.mean(axis=(0, 1))
        expected.append(np.abs(one - other).mean() / (np.abs(one).mean() + 1e-3))
    assert float(feature_matching(real, fake, ONES, ONES)) == pytest.approx(np.mean(expected), rel=1e-5)
    assert float(feature_matching(real, real, ONES, ONES)) == pytest.approx(0)


class Masks:
    """A generator that gives fixed estimates."""

    def __init__(self, kind, **estimates):
        self.output_kind, self.estimates = kind, estimates

    def __call__(self, features):
        return {stem: value + 0 * features for stem, value in self.estimates.items()}


STEMS = ("drums", "bass", "other")


def test_pair_of_masks(rng):
    """The rest is the sum of all but the target, compressed as recordings are, with their floor."""
    magnitude = rng.exponential(0.1, (2, 3, 4, 1)).astype(np.float32)
    target, rest = estimated_pair(Masks("mask", drums=0.2, bass=0.3, other=0.5), STEMS, "drums", magnitude, SPEC)
    np.testing.assert_allclose(np.asarray(target), np.log1p(100 * np.hypot(0.2 * magnitude, FLOOR)), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(rest), np.log1p(100 * np.hypot(0.8 * magnitude, FLOOR)), rtol=1e-5)
    assert float(additivity(target, rest, magnitude, SPEC)) == pytest.approx(0, abs=1e-5)
    silent, _ = estimated_pair(Masks("mask", drums=0.0, bass=0.5, other=0.5), STEMS, "drums", magnitude, SPEC)
    recorded = np.log1p(100 * np.asarray(magnitudes(np.zeros((1, 1, 256), np.float32), SPEC))).min()
    np.testing.assert_allclose(np.asarray(silent), recorded, rtol=1e-5)


def test_pair_and_additivity_of_magnitudes():
    magnitude = np.full((1, 2, 4, 1), 0.5, np.float32)  # 50 after the gain
    generator = Masks("log_magnitude", drums=np.log1p(10), bass=np.log1p(20), other=np.log1p(30))
    target, rest = estimated_pair(generator, STEMS, "drums", magnitude, SPEC)
    np.testing.assert_allclose(np.asarray(target), np.log(11), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(rest), np.log(51), rtol=1e-5)
    assert float(additivity(target, rest, magnitude, SPEC)) == pytest.approx((10 + 50 - 50) ** 2, rel=1e-4)


def test_additivity_of_wild_estimates_is_finite():
    wild = tf.constant(np.full((1, 2, 4, 1), 200.0, np.float32))
    with tf.GradientTape() as tape:
        tape.watch(wild)
        loss = additivity(wild, wild, np.ones((1, 2, 4, 1), np.float32), SPEC)
    assert np.isfinite(float(loss))
    assert np.isfinite(np.asarray(tape.gradient(loss, wild))).all()


def test_magnitudes_are_those_of_the_supervised_path(rng):
    from tfsep.training.loss import magnitudes_and_targets

    audio = rng.normal(0, 0.2, (2, 1, 1, 320)).astype(np.float32)
    np.testing.assert_allclose(
        np.asarray(magnitudes(audio[:, 0], SPEC)), np.asarray(magnitudes_and_targets(audio, SPEC)[0]), rtol=1e-6
    )


def test_audible(rng):
    sound = rng.normal(0, 1, (1, 1, 320)).astype(np.float32)
    levels = np.float32([0, 1e-6, 1e-2, 1])[:, None, None]
    np.testing.assert_array_equal(np.asarray(audible(magnitudes(sound * levels, SPEC))), [0, 0, 1, 1])


def test_shares():
    one, other = shares(np.float32([1, 0, 1, 1]), np.float32([0, 0, 1, 0]))
    np.testing.assert_allclose(np.asarray(one), np.float32([4, 0, 4, 4]) / 3)
    np.testing.assert_allclose(np.asarray(other), [0, 0, 4, 0])
    for values in shares(np.float32([1, 1]), np.float32([0, 0])):
        np.testing.assert_array_equal(np.asarray(values), [0, 0])


@pytest.mark.parametrize("loss", ["wgan-gp", "lsgan", "hinge"])
def test_what_a_critic_says_of_silence_does_not_count(loss):
    """Nor does the balance change: a Wasserstein critic gains nothing by a constant."""
    weights, all_of_it = shares(np.float32([1, 0]), np.float32([1, 1]))
    silence_loved = [np.float32([[2.0], [1e6]])]
    assert float(critic_loss(loss, silence_loved, FAKE, weights, all_of_it)) == pytest.approx(
        float(critic_loss(loss, [REAL[0][:1]], FAKE, np.ones(1, np.float32), all_of_it))
    )
    if loss == "wgan-gp":
        shifted = critic_loss(loss, [REAL[0] + 7], [FAKE[0] + 7], weights, all_of_it)
        assert float(shifted) == pytest.approx(float(critic_loss(loss, REAL, FAKE, weights, all_of_it)), abs=1e-5)
    assert float(generator_loss(loss, silence_loved, weights)) == pytest.approx(
        float(generator_loss(loss, [REAL[0][:1]], np.ones(1, np.float32)))
    )
