import numpy as np
import pytest

from tfsep.creative.drums.align import best_delay, moved, split_delay


def smooth_noise(samples, seed=0):
    noise = np.random.default_rng(seed).standard_normal(samples + 8)
    return np.convolve(noise, np.hanning(9), "valid").astype(np.float32)


@pytest.mark.parametrize("delay", [0.0, 3.0, -7.0, 2.375, -4.625])
def test_a_known_delay_is_found(delay):
    sample, most = smooth_noise(2000), 20
    padded = np.pad(sample, most)
    whole, step = split_delay(delay)
    sound = np.roll(moved(padded, step / 8), whole)
    found, correlation = best_delay(0.3 * sound, sample, most)
    assert found == pytest.approx(delay, abs=0.06)
    assert correlation > 0.97


def test_silence_correlates_with_nothing():
    delay, correlation = best_delay(np.zeros(140, np.float32), smooth_noise(100), 20)
    assert abs(delay) <= 20
    assert correlation == 0


def test_moves_by_parts_of_a_sample_add_up():
    sample = np.pad(smooth_noise(500), 100)
    twice = moved(moved(sample, 0.5), 0.5)
    np.testing.assert_allclose(twice[1:], sample[:-1], atol=0.02)
    np.testing.assert_array_equal(moved(sample, 0), sample)


def test_delays_are_split_into_whole_samples_and_eighths():
    assert split_delay(2.26) == (2, 2)
    assert split_delay(-0.25) == (-1, 6)
    assert split_delay(1.99) == (2, 0)


def test_wrong_lengths_are_named():
    with pytest.raises(ValueError, match="130"):
        best_delay(np.zeros(130, np.float32), np.zeros(100, np.float32), 20)
    with pytest.raises(ValueError, match=r"1\.5"):
        moved(np.zeros(10, np.float32), 1.5)
