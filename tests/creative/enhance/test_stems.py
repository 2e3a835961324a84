"""Stems of a separator that is known, filled by a network that is known."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.contract_enhance import MAGNITUDE
from tfsep.creative.enhance import Enhancer
from tfsep.creative.enhance.stems import EnhancingJob, EnhancingSeparator
from tfsep.errors import UsageError
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

RATE_HZ = 44_100
noise = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["noise"]


class BandRuntime:
    """Drums get 1 % of what lies from 8 to 10 kHz and half of the rest."""

    workers = 1
    contract = ModelContract(
        spec=SpectrogramSpec(window_samples=1024, hop_samples=256, frames=32), stems=("drums", "other"), overlap_frames=4
    )

    def predict(self, features):
        hz = np.arange(features.shape[1]) * RATE_HZ / 1024
        share = np.where((hz > 8000) & (hz < 10_000), 0.01, 0.5).astype(np.float32)
        drums = np.broadcast_to(share[:, np.newaxis], features.shape)
        return {"drums": drums.copy(), "other": 1 - drums}


@pytest.fixture
def separator(runtime) -> EnhancingSeparator:
    # every cell that is to be restored gets 0.01 of full scale
    runtime.predict = lambda spectrum: {MAGNITUDE: np.full_like(spectrum[..., :1], np.log1p(300.0))}
    return EnhancingSeparator(Separator(BandRuntime()), Enhancer(runtime))


def level(sound: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(sound[:, 0] * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    return float(power[(hz > low_hz) & (hz < high_hz)].mean())


def test_holes_are_filled_and_nothing_else_is_changed(separator, rng):
    song = Audio(noise(rng, 2.0), RATE_HZ)
    plain, filled = Separator(BandRuntime()).separate(song), separator.separate(song)
    np.testing.assert_array_equal(filled["other"].samples, plain["other"].samples)
    before, after = plain["drums"].samples, filled["drums"].samples
    assert after.shape == before.shape
    assert level(after, 8300, 9700) > 100 * level(before, 8300, 9700)
    for low_hz, high_hz in ((100, 7500), (10_500, 20_000)):
        assert level(after - before, low_hz, high_hz) < 0.02 * level(before, low_hz, high_hz)


class NarrowRuntime(BandRuntime):
    """Leaves all above 12 kHz to the other stem."""

    contract = replace(BandRuntime.contract, bandwidth_hz=12_000.0)

    def predict(self, features):
        drums = super().predict(features)["drums"]
        drums[:, round(12_000 * 1024 / RATE_HZ) :] = 0
        return {"drums": drums, "other": 1 - drums}


def test_what_lies_above_a_model_s_band_is_no_hole(separator, rng):
    song = Audio(noise(rng, 1.0), RATE_HZ)
    plain = Separator(NarrowRuntime())
    before, after = (each.separate(song)["drums"].samples for each in (plain, EnhancingSeparator(plain, separator._enhancer)))
    assert level(after, 8300, 9700) > 100 * level(before, 8300, 9700)
    assert level(after - before, 12_500, 20_000) < 1e-6 * level(after - before, 8300, 9700)


def test_blocks_do_not_matter(separator, rng):
    song = noise(rng, 1.5)
    whole = separator.separate(Audio(song, RATE_HZ))["drums"].samples
    blocks = [song[start : start + 10_000] for start in range(0, len(song), 10_000)]
    streamed = list(separator.stream(blocks, sample_rate_hz=RATE_HZ, channels=2))
    np.testing.assert_array_equal(np.concatenate([block.mixture for block in streamed]), song)
    np.testing.assert_allclose(np.concatenate([block.stems["drums"] for block in streamed]), whole, atol=2e-6)


def test_silence_stays_silent(separator):
    stems = separator.separate(Audio(np.zeros((30_000, 1), np.float32), RATE_HZ))
    assert not any(stem.samples.any() for stem in stems.values())


def test_what_cannot_be_asked_together(tmp_path):
    with pytest.raises(UsageError, match="--enhance and --two-stems"):
        EnhancingJob(out=tmp_path, two_stems="drums")
