"""Masks as factors, and what a model with complex masks sees."""

import numpy as np
import pytest

from tfsep.dsp import stft_ops
from tfsep.dsp.masks import mask_factor
from tfsep.dsp.stft import features
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(window_samples=256, hop_samples=64)


def test_factors(rng):
    mask = rng.normal(size=(3, 5, 4)).astype(np.float32)
    assert mask_factor(mask, "real") is mask
    joined = mask_factor(mask, "complex")
    assert (joined.dtype, joined.shape) == (np.complex64, (3, 5, 2))
    np.testing.assert_array_equal(joined, mask[..., :2] + 1j * mask[..., 2:])


@pytest.mark.parametrize("channels", [1, 2])
def test_features_with_phase(rng, channels):
    spectra = (rng.normal(size=(6, 129, channels)) + 1j * rng.normal(size=(6, 129, channels))).astype(np.complex64)
    spectra[1] = 0
    spectra[2] *= 1e-30
    seen = features(spectra, SPEC, "complex")
    assert (seen.dtype, seen.shape) == (np.float32, (6, 128, 3 * channels))
    assert np.isfinite(seen).all()
    assert not seen[1].any()
    magnitude, real, imaginary = np.split(seen, 3, axis=2)
    np.testing.assert_array_equal(magnitude, features(spectra, SPEC))
    np.testing.assert_allclose(np.hypot(real, imaginary), magnitude, rtol=1e-5, atol=1e-6)
    loud = [0, 3, 4, 5]
    np.testing.assert_allclose(np.arctan2(imaginary, real)[loud], np.angle(spectra[loud, :-1]), atol=1e-4)
    # what training sees is the same
    modulus = np.abs(spectra[loud, :-1])
    cosine, sine = spectra[loud, :-1].real / modulus, spectra[loud, :-1].imag / modulus
    np.testing.assert_allclose(np.asarray(stft_ops.complex_features(modulus, cosine, sine, SPEC)), seen[loud], atol=1e-5)
