import numpy as np
import pytest

from tfsep.audio import Resampler
from tfsep.creative.mashup.limiter import Limiter
from tfsep.creative.mashup.loudness import LoudnessMeter

RATE_HZ = 48_000


def loudness(*parts: tuple[float, float], channels: int = 2, rate_hz: int = RATE_HZ) -> float | None:
    """Return the loudness of stretches of a 1 kHz sine, each of a level in dBFS and a length in seconds."""
    meter = LoudnessMeter(rate_hz, channels)
    for level_db, seconds in parts:
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        tone = 10 ** (level_db / 20) * np.sin(2 * np.pi * 1000 * time_s)
        meter.push(np.repeat(tone[:, None], channels, axis=1).astype(np.float32))
    return meter.finish()


@pytest.mark.parametrize(
    ("parts", "expected"),  # EBU Tech 3341, cases 1 to 3: stereo
    [(((-23, 5),), -23.0), (((-33, 5),), -33.0), (((-36, 10), (-23, 60), (-36, 10)), -23.0)],
)
def test_loudness_of_the_ebu_cases(parts, expected):
    assert loudness(*parts) == pytest.approx(expected, abs=0.1)


def test_loudness_at_another_rate_and_in_mono():
    assert loudness((-20, 3), rate_hz=22_050) == pytest.approx(-20, abs=0.1)
    assert loudness((-20, 3), channels=1) == pytest.approx(-23, abs=0.1)


def test_silence_has_no_loudness():
    assert loudness((-120, 2)) is None
    assert LoudnessMeter(RATE_HZ, 2).finish() is None


@pytest.fixture
def stems(rng):
    """Noise that grows and shrinks, whose sum goes 10 dB above full scale."""
    swell = np.sin(np.linspace(0, 12, RATE_HZ // 2)) ** 2
    return (rng.normal(0, 0.3, (RATE_HZ // 2, 3, 2)) * swell[:, None, None]).astype(np.float32)


def limited(stems: np.ndarray, step: int) -> np.ndarray:
    limiter = Limiter(RATE_HZ, 2)
    blocks = [block for at in range(0, len(stems), step) for block in limiter.push(stems[at : at + step])]
    return np.concatenate([*blocks, *limiter.finish()])


def test_true_peaks_stay_below_the_ceiling(stems):
    result = limited(stems, 4096)
    assert len(result) == len(stems)
    oversampler = Resampler(RATE_HZ, 8 * RATE_HZ, 2)
    mix = np.concatenate([oversampler.process(result.sum(axis=1)), oversampler.flush()])
    assert -1.5 < 20 * np.log10(np.abs(mix).max()) < -0.7


def test_one_gain_for_all_stems_that_only_turns_down(stems):
    result = limited(stems, 4096)
    loud = np.abs(stems) > 0.01
    gains = np.where(loud, result / np.where(loud, stems, 1), np.nan)
    gains = gains[loud.any(axis=(1, 2))]
    assert np.nanmax(gains) <= 1 + 1e-6
    np.testing.assert_allclose(np.nanmax(gains, axis=(1, 2)), np.nanmin(gains, axis=(1, 2)), rtol=1e-4)


def test_the_same_whatever_the_blocks(stems):
    np.testing.assert_allclose(limited(stems, 777), limited(stems, 24_000), atol=1e-6)


def test_what_is_soft_is_untouched(stems):
    np.testing.assert_array_equal(limited(0.1 * stems, 5000), 0.1 * stems)
