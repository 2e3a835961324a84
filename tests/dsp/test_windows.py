"""Asymmetric windows: perfect reconstruction, and the delay that they are for."""

import numpy as np
import pytest
from keras import ops

from tfsep.dsp import stft_ops
from tfsep.dsp.stft import StreamingIstft, StreamingStft, frame_count, istft, stft
from tfsep.dsp.windows import analysis_window, synthesis_window
from tfsep.models.presets import PRESETS
from tfsep.spec import SpectrogramSpec

LIVE = PRESETS["live"].spec
SPECS = [
    LIVE,
    SpectrogramSpec(window_samples=256, hop_samples=32, synthesis_samples=64),
    SpectrogramSpec(window_samples=192, hop_samples=16, synthesis_samples=96),
]


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(samples).uniform(-1, 1, (samples, 2)).astype(np.float32)


def decibels(wanted: np.ndarray, found: np.ndarray) -> float:
    error = np.sum((wanted.astype(np.float64) - found) ** 2)
    return 10 * np.log10(np.sum(wanted.astype(np.float64) ** 2) / max(error, 1e-30))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("samples", [1, 500, 5001])
def test_perfect_reconstruction(spec, samples):
    sound = noise(samples)
    spectra = stft(sound, spec)
    assert spectra.shape == (frame_count(samples, spec), spec.bins, 2)
    assert decibels(sound, istft(spectra, spec, samples)) > 120


@pytest.mark.parametrize("spec", SPECS)
def test_shifts_of_the_product_of_both_windows_sum_to_one(spec):
    analysis = analysis_window(spec).astype(np.float64)
    product = analysis[-spec.output_samples :] * synthesis_window(spec) * 2 / analysis.sum()
    np.testing.assert_allclose(product.reshape(-1, spec.hop_samples).sum(axis=0), 1, atol=1e-6)


def test_the_analysis_window_rises_and_falls():
    window = analysis_window(LIVE)
    peak = LIVE.window_samples - LIVE.output_samples // 2
    assert window[peak] == window.max() == 1
    assert (np.diff(window[: peak + 1]) > 0).all()
    assert (np.diff(window[peak:]) < 0).all()


def test_a_sine_on_a_bin_has_its_amplitude():
    at = np.arange(20_000) / LIVE.window_samples
    sound = (0.5 * np.sin(2 * np.pi * 40 * at)).astype(np.float32)[:, None]
    np.testing.assert_allclose(np.abs(stft(sound, LIVE))[10:-10, 40, 0], 0.5, rtol=1e-4)


@pytest.mark.parametrize("spec", SPECS)
def test_a_sample_is_final_when_the_latency_has_passed(spec):
    """Sample by sample: after `n` samples, all but the last `latency_samples` are there, and now and then no more than these."""
    forward, inverse, sound = StreamingStft(spec, 2), StreamingIstft(spec, 2), noise(3 * spec.window_samples)
    done, waiting = 0, []
    for taken in range(1, len(sound) + 1):
        found = inverse.push(forward.push(sound[taken - 1 : taken]))
        if len(found):
            np.testing.assert_allclose(found, sound[done : done + len(found)], atol=2e-5)
        done += len(found)
        waiting.append(taken - done)
    assert max(waiting) == spec.latency_samples


def test_the_preset_is_within_its_latency():
    assert 1000 * LIVE.latency_samples / LIVE.sample_rate_hz < 23


@pytest.mark.parametrize("spec", SPECS[1:])
def test_the_training_transform_is_the_same(spec):
    lead = spec.window_samples - spec.hop_samples
    sound = noise(40 * spec.hop_samples)
    padded = np.pad(sound.T, ((0, 0), (lead, 0)))
    real, imaginary = stft_ops.stft(padded, spec)
    expected = stft(sound, spec)[: real.shape[1]].transpose(2, 0, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(real), expected.real, atol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(imaginary), expected.imag, atol=1e-5)
    back = ops.convert_to_numpy(stft_ops.istft(real, imaginary, spec))
    edge = spec.output_samples - spec.hop_samples
    inside = back[:, edge : len(sound) - edge].T
    assert decibels(sound[: len(inside)], inside) > 100


def test_without_a_synthesis_length_nothing_changes():
    spec = SpectrogramSpec(window_samples=64, hop_samples=16)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    np.testing.assert_allclose(analysis_window(spec), hann, atol=1e-7)
    assert (spec.output_samples, spec.latency_samples) == (64, 63)
