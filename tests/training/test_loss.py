"""The loss against its definition in complex NumPy."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tfsep.dsp import stft as numpy_stft
from tfsep.models.config import GeneratorConfig
from tfsep.training.loss import FLOOR, log_magnitude_loss, magnitudes_and_targets, mixture_spectra, spectral_loss

STEMS, RESIDUAL, FRAMES = 3, 2, 8
BOTH = pytest.mark.parametrize("kind", ["modulus", "rms"])


def complex_spectra(audio, spec):
    """`(stems, batch, frames, model_bins, channels)`, by way of the transform in NumPy."""
    lead = spec.window_samples // spec.hop_samples - 1
    return np.array(
        [
            [numpy_stft.stft(song[stem].T, spec)[lead : lead + FRAMES, : spec.model_bins] for song in audio]
            for stem in range(audio.shape[1])
        ]
    )


@pytest.fixture
def audio(small_spec, rng):
    samples = (FRAMES - 1) * small_spec.hop_samples + small_spec.window_samples
    return rng.normal(0, 0.2, (2, STEMS, 1, samples)).astype(np.float32)


@pytest.fixture
def masks(small_spec, rng):
    weights = rng.uniform(0, 1, (STEMS, 2, FRAMES, small_spec.model_bins, 1)).astype(np.float32)
    return list(weights / weights.sum(axis=0))


def loss_of(audio, masks, spec, kind, known=None):
    magnitude, targets = magnitudes_and_targets(audio, spec)
    known = np.ones(audio.shape[:2], np.float32) if known is None else np.asarray(known, np.float32)
    return float(spectral_loss(masks, magnitude, targets, known, RESIDUAL, kind))


def size_of(spectrum, kind):
    """Mean modulus, or root of the mean square, of one example's complex spectrum."""
    return np.mean(np.abs(spectrum)) if kind == "modulus" else np.sqrt(np.mean(np.abs(spectrum) ** 2))


def test_magnitude_and_turned_targets(audio, small_spec):
    magnitude, targets = magnitudes_and_targets(audio, small_spec)
    spectra = complex_spectra(audio, small_spec)
    mixture = spectra.sum(axis=0)
    np.testing.assert_allclose(np.asarray(magnitude), np.abs(mixture), atol=2e-5)
    for (real, imaginary), spectrum in zip(targets, spectra, strict=True):
        loud = np.abs(mixture) > 1e-3
        turned = spectrum * np.conj(mixture) / np.maximum(np.abs(mixture), 1e-9)
        np.testing.assert_allclose(np.asarray(real)[loud], turned.real[loud], atol=1e-4)
        np.testing.assert_allclose(np.asarray(imaginary)[loud], turned.imag[loud], atol=1e-4)


@BOTH
def test_is_the_size_of_the_complex_error(audio, masks, small_spec, kind):
    spectra = complex_spectra(audio, small_spec)
    mixture = spectra.sum(axis=0)
    errors = [mask * mixture - spectrum for mask, spectrum in zip(masks, spectra, strict=True)]
    expected = np.mean([sum(size_of(error[i], kind) for error in errors) / size_of(mixture[i], kind) for i in range(2)])
    assert loss_of(audio, masks, small_spec, kind) == pytest.approx(expected, rel=2e-3)


@BOTH
def test_of_complex_masks_it_is_the_size_of_the_complex_error(audio, small_spec, rng, kind):
    masks = rng.normal(0, 1, (STEMS, 2, FRAMES, small_spec.model_bins, 2)).astype(np.float32)
    spectra = complex_spectra(audio, small_spec)
    mixture = spectra.sum(axis=0)
    errors = [(mask[..., :1] + 1j * mask[..., 1:]) * mixture - spectrum for mask, spectrum in zip(masks, spectra, strict=True)]
    expected = np.mean([sum(size_of(error[i], kind) for error in errors) / size_of(mixture[i], kind) for i in range(2)])
    assert loss_of(audio, list(masks), small_spec, kind) == pytest.approx(expected, rel=2e-3)


@BOTH
def test_complex_masks_reach_what_real_ones_cannot(audio, small_spec, kind):
    spectra = complex_spectra(audio, small_spec)
    ratios = spectra / spectra.sum(axis=0)
    best_real = list(ratios.real.astype(np.float32))
    whole = [np.concatenate([ratio.real, ratio.imag], axis=-1).astype(np.float32) for ratio in ratios]
    assert loss_of(audio, whole, small_spec, kind) < 0.01
    assert loss_of(audio, best_real, small_spec, kind) > 0.5


def test_features_by_head(audio, small_spec):
    spectra = mixture_spectra(audio, small_spec)
    config = GeneratorConfig(spec=small_spec, bands=((128, 4),))
    mixture = complex_spectra(audio, small_spec).sum(axis=0)
    for head, kind in (("mask", "real"), ("complex", "complex")):
        seen = np.asarray(spectra.features(replace(config, head=head)))
        expected = [numpy_stft.features(np.pad(song, ((0, 0), (0, 1), (0, 0))), small_spec, kind) for song in mixture]
        assert seen.shape[-1] == replace(config, head=head).input_channels
        np.testing.assert_allclose(seen, expected, atol=5e-3)  # but for the floor of the magnitude


@BOTH
def test_of_unknown_stems_only_the_sum_with_the_residual_counts(audio, masks, small_spec, kind):
    spectra = complex_spectra(audio, small_spec)
    mixture = spectra.sum(axis=0)
    errors = [mask * mixture - spectrum for mask, spectrum in zip(masks, spectra, strict=True)]
    known = np.array([[1, 0, 1], [1, 1, 1]], np.float32)  # the first example's stem 1 may lie in stem 2
    first = size_of(errors[0][0], kind) + size_of(errors[1][0] + errors[2][0], kind)
    second = sum(size_of(error[1], kind) for error in errors)
    expected = (first / size_of(mixture[0], kind) + second / size_of(mixture[1], kind)) / 2
    assert loss_of(audio, masks, small_spec, kind, known) == pytest.approx(expected, rel=2e-3)


@BOTH
def test_moving_energy_inside_a_merged_pair_is_free(audio, masks, small_spec, kind):
    moved = [masks[0], masks[1] * 0, masks[2] + masks[1]]
    known = np.array([[1, 0, 1]] * 2)
    before, after = (loss_of(audio, each, small_spec, kind, known) for each in (masks, moved))
    assert after == pytest.approx(before, rel=1e-4)
    assert loss_of(audio, moved, small_spec, kind) != pytest.approx(loss_of(audio, masks, small_spec, kind), rel=1e-2)


@BOTH
def test_zero_for_perfect_masks_of_disjoint_spectra(small_spec, kind):
    samples = (FRAMES - 1) * small_spec.hop_samples + small_spec.window_samples
    at = np.arange(samples) / small_spec.window_samples
    audio = np.stack([0.3 * np.sin(2 * np.pi * k * at + k) for k in (10, 30, 60)])[None, :, None].astype(np.float32)
    nearest = np.abs(np.arange(small_spec.model_bins)[:, None] - np.array([10, 30, 60])).argmin(axis=1)
    masks = [
        np.broadcast_to((nearest == stem)[None, None, :, None], (1, FRAMES, 128, 1)).astype(np.float32) for stem in range(3)
    ]
    assert loss_of(audio, masks, small_spec, kind) < 2e-3
    assert loss_of(audio, masks[::-1], small_spec, kind) > 1


@BOTH
def test_does_not_depend_on_level(audio, masks, small_spec, kind):
    whole = loss_of(audio, masks, small_spec, kind)
    for gain, close in ((0.1, 0.02), (3.0, 0.005)):  # the floor of -100 dB shows in quiet cells
        assert loss_of(gain * audio, masks, small_spec, kind) == pytest.approx(whole, rel=close)


@BOTH
@pytest.mark.parametrize("level", [0.0, 1e-9, 1.0])
def test_gradients_are_finite(audio, masks, small_spec, level, kind):
    audio = level * audio
    audio[0] = 0  # one of the examples is silent in any case
    magnitude, targets = magnitudes_and_targets(audio, small_spec)
    variables = [tf.constant(mask) for mask in masks]
    known = np.array([[1, 0, 1], [1, 1, 1]], np.float32)
    with tf.GradientTape() as tape:
        tape.watch(variables)
        spectral = spectral_loss(variables, magnitude, targets, known, RESIDUAL, kind)
        compressed = log_magnitude_loss(variables, targets, known, small_spec)
        loss = spectral + compressed
    assert np.isfinite(float(loss))
    for gradient in tape.gradient(loss, variables):
        assert np.isfinite(np.asarray(gradient)).all()


def test_log_magnitude_loss(audio, masks, small_spec):
    _, targets = magnitudes_and_targets(audio, small_spec)
    known = np.array([[1, 0, 1], [1, 1, 1]], np.float32)
    squared = np.array(
        [
            np.mean((mask - np.log1p(small_spec.feature_gain * np.hypot(np.abs(spectrum), FLOOR))) ** 2, axis=(1, 2, 3))
            for mask, spectrum in zip(masks, complex_spectra(audio, small_spec), strict=True)
        ]
    )
    expected = sum(np.mean(squared[stem] * known[:, stem]) for stem in range(STEMS))
    assert float(log_magnitude_loss(masks, targets, known, small_spec)) == pytest.approx(expected, rel=1e-3)
