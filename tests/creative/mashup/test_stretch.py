import numpy as np
import pytest

from tfsep.creative.mashup.piecewise import PiecewiseLinear
from tfsep.creative.mashup.stretch import Stretcher, Transient

RATE_HZ = 16_000


class InMemory:
    def __init__(self, sound: np.ndarray):
        self.sound, self.stems, self.channels = sound, sound.shape[1], sound.shape[2]

    def read(self, start: int, count: int) -> np.ndarray:
        result = np.zeros((count, self.stems, self.channels), np.float32)
        first, last = max(0, start), min(len(self.sound), start + count)
        if last > first:
            result[first - start : last - start] = self.sound[first:last]
        return result


def stretched(sound: np.ndarray, slower: float, transients=(), start: int = 0) -> np.ndarray:
    count = round(len(sound) * slower)
    to_source = PiecewiseLinear(np.array([0.0, count]), np.array([0.0, len(sound)]))
    stretcher = Stretcher(InMemory(sound), RATE_HZ, to_source, transients)
    return np.concatenate(list(stretcher.blocks(start, count - start)))


@pytest.fixture
def stems(rng):
    """Three stems of noise on a grid of 16 bits, whose float32 sum is exact."""
    return (np.rint(rng.normal(0, 2000, (RATE_HZ, 3, 2))) / 32768).astype(np.float32)


def test_speed_one_changes_nothing(stems):
    np.testing.assert_allclose(stretched(stems, 1.0), stems, atol=2e-7)


@pytest.mark.parametrize("slower", [0.8, 1.13])
def test_stems_sum_to_the_stretched_sum(stems, slower):
    whole = stretched(stems.sum(axis=1, keepdims=True), slower)
    assert np.abs(whole).max() > 0.1
    np.testing.assert_allclose(stretched(stems, slower).sum(axis=1), whole[:, 0], atol=1e-6)


@pytest.mark.parametrize("slower", [0.75, 0.95, 1.3])
def test_a_sine_stays_one(slower):
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    result = stretched(np.sin(2 * np.pi * 441.3 * time_s, dtype=np.float32)[:, None, None], slower)[:, 0, 0]
    assert len(result) == round(2 * RATE_HZ * slower)
    inner = result[4000:-4000]
    phase = 2 * np.pi * 441.3 * np.arange(len(inner)) / RATE_HZ
    basis = np.stack([np.cos(phase), np.sin(phase)], axis=1)
    fit, residual, *_ = np.linalg.lstsq(basis, inner.astype(np.float64), rcond=None)
    assert np.hypot(*fit) == pytest.approx(1, abs=1e-3)
    assert residual[0] < 1e-6 * (inner.astype(np.float64) ** 2).sum()


def test_channels_keep_their_difference_of_phase():
    time_s = np.arange(RATE_HZ) / RATE_HZ
    both = np.stack([np.sin(2 * np.pi * 500 * time_s), np.cos(2 * np.pi * 500 * time_s)], axis=1).astype(np.float32)
    left, right = stretched(both[:, None, :], 1.2)[4000:-4000, 0].T
    np.testing.assert_allclose(left**2 + right**2, 1, atol=1e-3)


def test_transients_are_kept_sharp_and_in_time(rng):
    at = np.arange(4000, 30_000, 6000)
    sound = np.zeros((2 * RATE_HZ, 1, 1), np.float32)
    for place in at:
        sound[place : place + 200, 0, 0] = rng.normal(size=200) * np.exp(-np.arange(200) / 50)
    slower = 1.12
    kept = stretched(sound, slower, [Transient(float(place), 1.0) for place in at])[:, 0, 0]
    smeared = stretched(sound, slower)[:, 0, 0]
    for place in at:
        output = round(place * slower)
        burst = sound[place : place + 200, 0, 0]
        shift = np.correlate(kept[output - 50 : output + 250], burst, "valid").argmax() - 50
        assert abs(shift) <= 2
        np.testing.assert_allclose(kept[output + shift :][:200], burst, atol=0.1)
        before = slice(output - 400, output - 20)
        assert (kept[before] ** 2).sum() < 0.2 * (smeared[before] ** 2).sum()


def test_a_later_part_is_as_long_as_asked(stems):
    assert len(stretched(stems, 1.1, start=5000)) == round(len(stems) * 1.1) - 5000


def test_the_line_goes_on_beyond_its_ends():
    line = PiecewiseLinear(np.array([0.0, 1.0, 3.0]), np.array([10.0, 12.0, 13.0]))
    np.testing.assert_allclose(line(np.array([-1.0, 0.5, 2.0, 5.0])), [8, 11, 12.5, 14])
    np.testing.assert_allclose(line.inverse(line(np.array([-1.0, 0.5, 2.0, 5.0]))), [-1, 0.5, 2, 5])
    with pytest.raises(ValueError, match="strictly rising"):
        PiecewiseLinear(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
