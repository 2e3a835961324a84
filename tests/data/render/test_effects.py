import numpy as np
import pytest

from tfsep.data.render import effects
from tfsep.data.render.effects import SAMPLE_RATE


def tone(frequency_hz: float, seconds: float = 0.5, level: float = 0.5) -> np.ndarray:
    time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)[None]


def gain_db(audio: np.ndarray, section: np.ndarray) -> float:
    """Level change of the settled second half."""
    filtered = effects.equalise(audio, section)
    half = audio.shape[1] // 2
    return 10 * np.log10((filtered[:, half:] ** 2).mean() / (audio[:, half:] ** 2).mean())


@pytest.mark.parametrize(
    ("kind", "probe_hz", "expected_db"),
    [
        ("peak", 1000, 6.0),
        ("peak", 30, 0.0),
        ("low_shelf", 40, 6.0),
        ("low_shelf", 12000, 0.0),
        ("high_shelf", 15000, 6.0),
        ("high_shelf", 40, 0.0),
        ("low_pass", 1000, -3.01),
        ("high_pass", 1000, -3.01),
    ],
)
def test_biquads_have_the_gain_that_they_promise(kind, probe_hz, expected_db):
    section = effects.biquad(kind, 1000, 0.0 if "pass" in kind else 6.0)
    assert gain_db(tone(probe_hz), section) == pytest.approx(expected_db, abs=0.1)


def test_unknown_filter_is_named():
    with pytest.raises(ValueError, match="use peak"):
        effects.biquad("notch", 100)


def test_limiter_keeps_under_the_ceiling_and_leaves_quiet_sound_alone():
    rng = np.random.default_rng(0)
    audio = 0.2 * rng.standard_normal(SAMPLE_RATE).astype(np.float32)
    audio[10000:10003] = 3.0
    audio[-1] = -4.0
    gain = effects.limiter_gain(audio, 0.9)
    assert np.abs(audio * gain).max() <= 0.9 + 1e-6
    quiet = tone(440, level=0.3)
    np.testing.assert_allclose(effects.limiter_gain(quiet, 0.9), 1.0)


def test_compressor_turns_loud_parts_down_by_its_ratio():
    audio = np.concatenate([tone(200, 1.0, 0.05), tone(200, 1.0, 1.0)], axis=1)
    gain = effects.compressor_gain(audio, threshold_db=-20, ratio=4)
    assert gain[SAMPLE_RATE // 2] == pytest.approx(1.0)
    assert 20 * np.log10(gain[-SAMPLE_RATE // 2]) == pytest.approx(-15, abs=0.2)  # 20 dB over the threshold, 5 dB remain


def test_saturation_with_asymmetry_makes_no_direct_current():
    bent = effects.saturate(tone(100, 1.0), 12, 0.4)
    assert abs(bent[:, SAMPLE_RATE // 2 :].mean()) < 1e-3
    assert np.abs(bent).max() < 1.0


def test_reverberation_is_the_convolution_with_the_room():
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[100] = 1.0
    response = effects.room(3)
    wet = effects.reverberate(click, 3)
    count = min(response.shape[1], SAMPLE_RATE - 100)
    np.testing.assert_allclose(wet[:, 100 : 100 + count], response[:, :count], atol=1e-5)
    assert np.abs(wet[:, :100]).max() < 1e-5


def test_rooms_grow():
    def half_energy(index: int) -> int:
        energy = np.cumsum((effects.room(index) ** 2).sum(axis=0))
        return int(np.searchsorted(energy, 0.5 * energy[-1]))

    assert half_energy(effects.ROOMS - 1) > 3 * half_energy(0)


def test_ducking_is_deepest_at_the_kick():
    gain = effects.duck_gain(2 * SAMPLE_RATE, [1.0], depth=0.8, recovery_s=0.3)
    assert gain[: SAMPLE_RATE // 2] == pytest.approx(1.0)
    assert gain[SAMPLE_RATE + 100] < 0.35
    assert gain[int(1.4 * SAMPLE_RATE)] == pytest.approx(1.0)


def test_echoes_come_at_multiples_of_the_delay_and_alternate():
    audio = np.zeros((2, SAMPLE_RATE), np.float32)
    audio[:, 0] = 1.0
    echoes = effects.ping_pong(audio, 0.25, feedback=0.5, mix=0.5)
    assert not echoes[:, : SAMPLE_RATE // 4].any()
    first, second = (np.abs(echoes[:, round(t * SAMPLE_RATE) : round(t * SAMPLE_RATE) + 500]).max(axis=1) for t in (0.25, 0.5))
    assert first[0] > 2 * first[1]
    assert second[1] > 2 * second[0]


def test_panning_keeps_the_power_and_width_zero_is_mono():
    for position in (-1, -0.3, 0, 0.8):
        left, right = effects.pan_gains(position)
        assert left**2 + right**2 == pytest.approx(2, abs=1e-5)
    narrow = effects.widen(np.random.default_rng(1).standard_normal((2, 100)).astype(np.float32), 0.0)
    np.testing.assert_allclose(narrow[0], narrow[1])
