import runpy
from pathlib import Path

import numpy as np
import pytest

from tfsep.creative.enhance.degrade import BIT_RATES, FILTERS, Degradation

noise = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["noise"]


def lag(one: np.ndarray, other: np.ndarray) -> int:
    """Return by how many samples `other` comes later than `one`, by the peak of their cross-correlation."""
    size = 2 * len(one)
    product = np.fft.rfft(other[:, 0], size) * np.conj(np.fft.rfft(one[:, 0], size))
    peak = int(np.argmax(np.fft.irfft(product, size)))
    return peak if peak < len(one) else peak - size


def level_db(sound: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / 44_100)
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].mean() + 1e-20)


@pytest.mark.parametrize("kind", FILTERS)
def test_filters_keep_the_lows_and_take_the_highs_in_place(rng, kind):
    sound = noise(rng, 1.0)
    narrow = Degradation(kind, 6000.0).apply(sound, 44_100)
    assert narrow.shape == sound.shape
    assert narrow.dtype == np.float32
    assert lag(sound, narrow) == 0
    assert level_db(narrow, 500, 4000) == pytest.approx(level_db(sound, 500, 4000), abs=1)
    assert level_db(narrow, 7500, 20_000) < level_db(sound, 7500, 20_000) - 25


@pytest.mark.parametrize("codec", sorted(BIT_RATES))
def test_codecs_keep_sound_in_place(rng, codec):
    sound = noise(rng, 1.0)
    decoded = Degradation(codec, 64_000.0).apply(sound, 44_100)
    assert decoded.shape == sound.shape
    assert lag(sound, decoded) == 0
    assert 0.001 < np.sqrt(np.mean((decoded - sound) ** 2) / np.mean(sound**2)) < 0.5


def test_draws_are_seeded_and_of_every_kind():
    draws = [Degradation.draw(np.random.default_rng(seed)) for seed in range(60)]
    assert draws == [Degradation.draw(np.random.default_rng(seed)) for seed in range(60)]
    assert {draw.kind for draw in draws} == {*FILTERS, *BIT_RATES}


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind='tape'"):
        Degradation("tape", 5000.0).apply(np.zeros((10, 1), np.float32), 44_100)
