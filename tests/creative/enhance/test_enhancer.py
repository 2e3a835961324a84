"""The path around the network, with a network that is known."""

from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio, Resampler
from tfsep.creative.enhance import Enhancer
from tfsep.creative.enhance.enhancer import NETWORK
from tfsep.errors import ModelError, UsageError
from tfsep.separation.genre import CLASSIFIER

RATE_HZ = 44_100


def powers(sound: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and power of the first channel."""
    window = np.blackman(len(sound))
    return np.fft.rfftfreq(len(sound), 1 / rate_hz), np.abs(np.fft.rfft(sound[:, 0] * window)) ** 2


def test_what_lies_below_the_cutoff_is_untouched(enhancer, narrow):
    wide = enhancer.enhance(narrow, cutoff_hz=6000.0)
    assert wide.samples.shape == narrow.samples.shape
    hz, added = powers(wide.samples - narrow.samples, RATE_HZ)
    _, there = powers(narrow.samples, RATE_HZ)
    below = hz < 5600
    assert added[below].sum() < 1e-11 * there[below].sum()
    assert added[(hz > 6000) & (hz < 20_000)].sum() > 1e-7 * there.sum()


def test_the_band_below_is_copied_upwards(enhancer, narrow):
    """Half the amplitude of the octave below, in each part of the band above: 6 dB down."""
    wide = enhancer.enhance(narrow, cutoff_hz=6000.0)
    hz, power = powers(wide.samples, RATE_HZ)
    source = power[(hz > 3200) & (hz < 5700)].mean()
    for low_hz in (6300, 9200, 12_000):
        assert 10 * np.log10(power[(hz > low_hz) & (hz < low_hz + 2500)].mean() / source) == pytest.approx(-6, abs=2)


def test_a_copied_tone_stays_a_tone(enhancer):
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = 0.3 * np.sin(2 * np.pi * 4321.0 * time_s)[:, np.newaxis].astype(np.float32)
    hz, power = powers(enhancer.enhance(Audio(tone, RATE_HZ), cutoff_hz=6000.0).samples, RATE_HZ)
    high = hz > 6200
    peak = hz[high][np.argmax(power[high])]
    near = high & (np.abs(hz - peak) < 20)
    band = high & (hz < 8500)
    assert power[near].sum() > 0.98 * power[band].sum()


@pytest.mark.parametrize("block", [1000, 44_100, 10**6])
def test_blocks_do_not_matter(enhancer, narrow, block):
    whole = enhancer.enhance(narrow, cutoff_hz=6000.0).samples
    blocks = [narrow.samples[start : start + block] for start in range(0, len(narrow.samples), block)]
    streamed = list(enhancer.stream(blocks, sample_rate_hz=RATE_HZ, channels=2, cutoff_hz=6000.0))
    np.testing.assert_allclose(np.concatenate(streamed), whole, atol=2e-6)


def test_the_cutoff_is_found(enhancer, narrow):
    found = enhancer.bandwidth(narrow).cutoff_hz
    np.testing.assert_array_equal(enhancer.enhance(narrow).samples, enhancer.enhance(narrow, cutoff_hz=found).samples)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 48_000])
def test_other_rates(enhancer, narrow, rate_hz):
    """Lower rates come out at 44.1 kHz, their band resampled; higher ones at their own, the samples plus something above."""
    resampler = Resampler(RATE_HZ, rate_hz, 2)
    sound = np.concatenate([resampler.process(narrow.samples), resampler.flush()])
    wide = enhancer.enhance(Audio(sound, rate_hz), cutoff_hz=3500.0)
    assert wide.sample_rate_hz == max(rate_hz, RATE_HZ)
    assert len(wide.samples) == pytest.approx(len(sound) * wide.sample_rate_hz / rate_hz, abs=1)
    resampler = Resampler(rate_hz, wide.sample_rate_hz, 2)
    same = np.concatenate([resampler.process(sound), resampler.flush()])
    hz, added = powers(wide.samples - same[: len(wide.samples)], wide.sample_rate_hz)
    _, there = powers(same, wide.sample_rate_hz)
    assert added[hz < 3100].sum() < 1e-11 * there.sum()
    assert added[hz > 3600].sum() > 0


def test_full_band_silent_and_short_sound_comes_back_as_it_is(enhancer, rng, runtime):
    for samples in (rng.normal(0, 0.1, (30_000, 1)), np.zeros((30_000, 2)), rng.normal(0, 0.1, (10, 1))):
        source = Audio(samples.astype(np.float32), RATE_HZ)
        assert enhancer.enhance(source) is source
    assert not runtime.spectra


def test_silence_stays_silent(enhancer):
    assert not enhancer.enhance(Audio(np.zeros((20_000, 1), np.float32), RATE_HZ), cutoff_hz=6000.0).samples.any()


def test_a_few_samples(enhancer, rng):
    sound = rng.normal(0, 0.1, (100, 1)).astype(np.float32)
    assert enhancer.enhance(Audio(sound, RATE_HZ), cutoff_hz=6000.0).samples.shape == (100, 1)


@pytest.mark.parametrize("cutoff_hz", [100.0, 21_000.0, -1.0, float("nan")])
def test_cutoffs_that_were_not_learnt_are_refused(enhancer, narrow, cutoff_hz):
    with pytest.raises(UsageError, match=r"--cutoff .*from 2500 to 16500 Hz"):
        enhancer.enhance(narrow, cutoff_hz=cutoff_hz)


@pytest.mark.parametrize(("find", "name"), [(NETWORK.find, "enhance"), (CLASSIFIER.find, "genre")])
def test_a_folder_of_its_name_does_not_hide_what_ships(tmp_path, monkeypatch, find, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert find(name).name == f"{name}.tflite"


def test_what_is_exported_by_name(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow")
    from tfsep_export.enhance_graph import find_enhance_bundle

    (tmp_path / "enhance").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_enhance_bundle("enhance") == NETWORK.find().parent
    (tmp_path / "enhance" / "enhance.json").write_text("{}")
    assert find_enhance_bundle("enhance") == Path("enhance")


def test_other_files_are_refused():
    with pytest.raises(ModelError, match="there is no such super-resolution network"):
        NETWORK.find("nothing.tflite")
    with pytest.raises(ModelError, match=r"genre\.tflite: is no super-resolution network"):
        Enhancer.load("tfsep/weights/genre/genre.tflite")
