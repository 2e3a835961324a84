import numpy as np
import pytest

from tfsep.creative.drums.rise import rise_s

RATE_HZ = 44_100


def burst(at_s: float, seconds: float = 0.3, decay_s: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ - at_s
    return np.where(time_s >= 0, rng.normal(0, 0.3, len(time_s)) * np.exp(-np.maximum(time_s, 0) / decay_s), 0).astype(
        np.float32
    )


@pytest.mark.parametrize("error_s", [-0.008, -0.003, 0.0, 0.004, 0.008])
def test_a_burst_is_found_within_a_millisecond_from_a_time_nearby(error_s):
    assert rise_s(burst(0.1237), 0.1237 + error_s, RATE_HZ) == pytest.approx(0.1237, abs=0.001)


def test_a_burst_in_the_ringing_of_another_is_found():
    sound = burst(0.02) + 0.8 * burst(0.15, decay_s=0.02)
    assert rise_s(sound, 0.155, RATE_HZ) == pytest.approx(0.15, abs=0.001)


def test_where_nothing_rises_the_time_is_kept():
    assert rise_s(np.zeros(RATE_HZ, np.float32), 0.5, RATE_HZ) == 0.5


@pytest.mark.parametrize("about_s", [-0.01, 0.0, 0.003, 0.3, 0.31, 5.0])
def test_times_near_and_past_the_ends_are_taken(about_s):
    assert abs(rise_s(burst(0.0), about_s, RATE_HZ) - about_s) <= 0.025
