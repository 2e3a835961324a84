import hashlib

import numpy as np
import pytest

from tfsep.audio import Audio, open_audio
from tfsep.data.catalogue.levels import LevelMeter

RATE_HZ = 1000


def measure(samples: np.ndarray, block: int = 10**9):
    meter = LevelMeter(RATE_HZ, samples.shape[1])
    for start in range(0, len(samples), block):
        meter.push(samples[start : start + block])
    return meter.finish()


def test_numbers():
    time_s = np.arange(3 * RATE_HZ) / RATE_HZ
    sine = (0.5 * np.sin(2 * np.pi * 50 * time_s))[:, None].astype(np.float32)
    sine[2 * RATE_HZ :] *= 0.1
    levels = measure(np.concatenate([sine, np.full_like(sine, 0.01)], axis=1))
    assert levels.samples == 3000
    assert levels.peak == pytest.approx(0.5)
    assert levels.loudest_second_rms == pytest.approx(np.sqrt((0.125 + 0.0001) / 2), rel=1e-4)
    assert levels.rms == pytest.approx(np.sqrt((0.125 * (2 + 0.01) / 3 + 0.0001) / 2), rel=1e-4)
    assert levels.offset == pytest.approx(0.01, rel=1e-4)
    assert levels.clipped_runs == 0
    assert not levels.silent
    assert measure(np.zeros((10, 1), np.float32)).silent


@pytest.mark.parametrize("block", [1, 3, 7, 64, 1000])
def test_runs_at_full_scale_do_not_depend_on_blocks(rng, block):
    full = rng.random((500, 2)) < 0.8
    samples = np.where(full, np.where(rng.random((500, 2)) < 0.5, 1, -1) * 32767 / 32768, 0.2).astype(np.float32)
    runs = [len(run) for channel in full.T for run in "".join("#" if on else " " for on in channel).split() if len(run) >= 4]
    levels = measure(samples, block)
    assert levels.clipped_runs == len(runs)
    assert levels.clipped_share == pytest.approx(sum(runs) / 1000)
    assert levels.sha256 == measure(samples).sha256


def test_a_loud_sine_is_not_clipped_and_floats_above_full_scale_are_not():
    time_s = np.arange(44_100) / 44_100
    sine = np.rint(np.sin(2 * np.pi * 50 * time_s) * 32767) / 32768
    assert measure(sine[:, None].astype(np.float32)).clipped_runs == 0
    assert measure(np.full((100, 1), 1.5, np.float32)).clipped_runs == 0
    assert measure(np.clip(3 * sine, -1, 32767 / 32768)[:, None].astype(np.float32)).clipped_share > 0.5


def test_the_hash_is_of_the_sound(tmp_path, rng):
    samples = (rng.integers(-(2**15), 2**15, (5000, 2)) / 32768).astype(np.float32)
    hashes = set()
    for name in ("a.wav", "b.flac"):
        Audio(samples, 44_100).write(tmp_path / name)
        with open_audio(tmp_path / name) as reader:
            meter = LevelMeter(44_100, 2)
            for block in reader.blocks(777):
                meter.push(block)
        hashes.add(meter.finish().sha256)
    expected = hashlib.sha256(b"44100 2 s24le\n" + (samples * 2**23).astype("<i4").tobytes()).hexdigest()
    assert hashes == {expected}
    changed = samples.copy()
    changed[2500, 1] += 1 / 32768
    assert measure(samples).sha256 != measure(changed).sha256
