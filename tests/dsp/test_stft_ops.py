"""The transform of training against that of separation."""

import numpy as np
import pytest
import tensorflow as tf

from tfsep.dsp import stft as numpy_stft
from tfsep.dsp import stft_ops
from tfsep.spec import SpectrogramSpec

SPECS = [
    SpectrogramSpec(window_samples=256, hop_samples=64),
    SpectrogramSpec(window_samples=256, hop_samples=128),
    SpectrogramSpec(window_samples=96, hop_samples=8),
]


@pytest.mark.parametrize("spec", SPECS)
def test_same_frames_as_in_numpy(spec, rng):
    samples = 20 * spec.hop_samples
    lead = spec.window_samples - spec.hop_samples
    sound = rng.uniform(-1, 1, (samples, 2)).astype(np.float32)
    expected = numpy_stft.stft(sound, spec)  # (frames, bins, channels)
    padded = np.pad(sound.T, ((0, 0), (lead, lead)))
    real, imaginary = stft_ops.stft(padded[None], spec)
    np.testing.assert_allclose(np.asarray(real)[0].transpose(1, 2, 0), expected.real, atol=2e-6)
    np.testing.assert_allclose(np.asarray(imaginary)[0].transpose(1, 2, 0), expected.imag, atol=2e-6)
    magnitude = np.abs(expected[:, : spec.model_bins])
    np.testing.assert_allclose(
        np.asarray(stft_ops.features(magnitude, spec)), numpy_stft.features(expected, spec), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("spec", SPECS)
def test_inverse(spec, rng):
    edge = spec.window_samples - spec.hop_samples
    sound = rng.uniform(-1, 1, (3, 2, 20 * spec.hop_samples)).astype(np.float32)
    back = np.asarray(stft_ops.istft(*stft_ops.stft(sound, spec), spec))
    assert back.shape == sound.shape
    np.testing.assert_allclose(back[..., edge:-edge], sound[..., edge:-edge], atol=3e-6)


@pytest.mark.parametrize("samples", [0, 64, 192, 257, 1000])
def test_lengths_that_do_not_fit(samples):
    with pytest.raises(ValueError, match=f"{samples} samples: use a multiple of hop_samples=64, at least 256"):
        stft_ops.stft(np.zeros((1, samples), np.float32), SPECS[0])


def test_one_window_is_one_frame():
    real, _ = stft_ops.stft(np.zeros((1, 256), np.float32), SPECS[0])
    assert tuple(real.shape) == (1, 1, 129)


def test_frames_of_cuts_where_it_says():
    spec = SpectrogramSpec(window_samples=8, hop_samples=2)
    frames = np.asarray(stft_ops.frames_of(np.arange(14.0), spec))
    np.testing.assert_array_equal(frames, [np.arange(start, start + 8.0) for start in (0, 2, 4, 6)])


def test_gradient_of_the_transform_is_its_transpose(rng):
    """<stft(x), y> = <x, gradient of it>: the transform is linear."""
    spec = SPECS[0]
    x = tf.constant(rng.normal(size=(1, 640)).astype(np.float32))
    y = [rng.normal(size=(1, 7, 129)).astype(np.float32) for _ in range(2)]
    with tf.GradientTape() as tape:
        tape.watch(x)
        product = sum(tf.reduce_sum(part * other) for part, other in zip(stft_ops.stft(x, spec), y, strict=True))
    gradient = tape.gradient(product, x)
    assert float(tf.reduce_sum(gradient * x)) == pytest.approx(float(product), rel=1e-4)
