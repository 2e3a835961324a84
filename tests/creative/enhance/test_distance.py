import numpy as np
import pytest

from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance.distance import log_spectral_distance_db

SPEC = EnhanceContract().spec


def test_a_gain_is_its_own_distance(rng):
    sound = rng.normal(0, 0.1, (20_000, 2)).astype(np.float32)
    assert log_spectral_distance_db(sound, sound, SPEC) == 0
    assert log_spectral_distance_db(sound, 2 * sound, SPEC) == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert log_spectral_distance_db(sound, 2 * sound, SPEC, from_hz=10_000) == pytest.approx(6.02, abs=0.01)


def test_independent_noise_is_as_far_as_two_exponential_powers_are(rng):
    """The level of a noise's cell in dB has a deviation of 5.57 dB, so that of two differs by sqrt(2) as much."""
    one, other = rng.normal(0, 0.1, (2, 60_000, 1)).astype(np.float32)
    assert log_spectral_distance_db(one, other, SPEC) == pytest.approx(5.57 * np.sqrt(2), abs=0.15)


def test_only_the_band_above_counts(rng):
    sound = rng.normal(0, 0.1, (20_000, 1)).astype(np.float32)
    hum = 0.1 * np.sin(2 * np.pi * 500 * np.arange(20_000) / 44_100)[:, np.newaxis].astype(np.float32)
    hum *= np.hanning(20_000)[:, np.newaxis]  # no clicks
    whole = log_spectral_distance_db(sound, sound + hum, SPEC)
    high = log_spectral_distance_db(sound, sound + hum, SPEC, from_hz=8000)
    assert high < 0.1 * whole


def test_silence_and_other_shapes():
    silence = np.zeros((5000, 1), np.float32)
    assert log_spectral_distance_db(silence, silence, SPEC) is None
    with pytest.raises(ValueError, match="use the same"):
        log_spectral_distance_db(silence, silence[1:], SPEC)
