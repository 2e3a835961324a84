import runpy
from pathlib import Path

import numpy as np
import pytest

from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance.cutoff import LevelHistogram, measure
from tfsep.creative.enhance.degrade import Degradation

SPEC = EnhanceContract().spec
noise = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["noise"]


def cutoff_of(sound: np.ndarray, rate_hz: int = 44_100):
    return measure([sound], SPEC, sample_rate_hz=rate_hz)


@pytest.mark.parametrize("kind", ["butterworth", "fir", "brickwall", "resampled", "8-bit"])
@pytest.mark.parametrize("cutoff_hz", [4000.0, 8000.0, 11_000.0, 16_000.0])
def test_filters_of_every_kind_are_found(rng, kind, cutoff_hz):
    found = cutoff_of(Degradation(kind, cutoff_hz).apply(noise(rng, 2.0), 44_100))
    assert found.cutoff_hz == pytest.approx(cutoff_hz, rel=0.1)


def test_full_band_sound_has_no_cutoff(rng):
    found = cutoff_of(noise(rng, 2.0))
    assert found.cutoff_hz is None
    assert not found.silent


def test_a_loud_bass_under_quiet_highs_is_no_cutoff(rng):
    bass = np.sin(2 * np.pi * 110 * np.arange(88_200) / 44_100)[:, np.newaxis]
    sound = (0.3 * bass + 0.02 * rng.normal(0, 1, (88_200, 1))).astype(np.float32)
    assert cutoff_of(sound).cutoff_hz is None


def test_a_low_rate_is_a_cutoff(rng):
    found = cutoff_of(noise(rng, 3.0)[::3], 8000)
    assert 3600 < found.cutoff_hz <= 4100


def test_silence_and_sound_too_short_to_tell():
    assert cutoff_of(np.zeros((44_100, 1), np.float32)).silent
    assert cutoff_of(np.zeros((3, 1), np.float32)).silent


def test_the_first_minute_and_every_fourth_block_are_heard(rng):
    narrow, wide = Degradation("brickwall", 5000.0).apply(noise(rng, 1.0), 44_100), noise(rng, 1.0)
    blocks = [narrow] * 60 + [wide if index % 4 else narrow for index in range(61, 81)]
    assert measure(blocks, SPEC, sample_rate_hz=44_100).cutoff_hz == pytest.approx(5000, abs=150)


@pytest.mark.parametrize("frames", [1, 2, 11, 500])
def test_percentiles_of_counted_levels_are_near_those_of_the_levels(rng, frames):
    levels = rng.uniform(-130, 45, (frames, 7)).clip(-110, 40)
    histogram = LevelHistogram(7)
    for part in (levels[: frames // 2], levels[frames // 2 :]):
        histogram.add(part)
    np.testing.assert_allclose(histogram.percentile_db(90), np.percentile(levels, 90, axis=0), atol=0.125)
