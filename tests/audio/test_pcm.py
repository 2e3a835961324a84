import numpy as np
import pytest

from tfsep.audio import to_mono


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_mono_is_the_mean_of_the_channels(rng, channels):
    samples = rng.normal(size=(1000, channels)).astype(np.float32)
    mono = to_mono(samples)
    assert (mono.shape, mono.dtype) == ((1000, 1), np.float32)
    np.testing.assert_allclose(mono[:, 0], samples.mean(axis=1), atol=1e-6)
    assert to_mono(samples[:0]).shape == (0, 1)
