"""The sampler that ships."""

import numpy as np
import pytest

from tfsep.contract_drums import CLASSES
from tfsep.creative.drums.sampler import DrumSampler
from tfsep.errors import ModelError
from tfsep.separation.runtime import LiteRtRuntime


@pytest.fixture(scope="module")
def sampler():
    return DrumSampler.load()


def kick(samples=20_000):
    time_s = np.arange(samples) / 44_100
    sweep = np.sin(2 * np.pi * (52 * time_s + 3 * (1 - np.exp(-30 * time_s)))) * np.exp(-time_s / 0.12)
    return np.concatenate([np.zeros(64), sweep]).astype(np.float32)


def test_a_hit_comes_back_from_its_code(sampler):
    clip = kick()
    made = sampler.clip(sampler.code(clip, "kick"), "kick", like=clip)
    assert made.shape == (sampler.grid.clip_samples,)
    assert np.abs(made).max() == pytest.approx(1)
    assert np.corrcoef(made[: len(clip)], clip)[0, 1] > 0.9


def test_noise_and_a_neighbour_are_left_out(sampler):
    clip, rng = kick(40_000), np.random.default_rng(0)
    spoilt = clip.copy()
    spoilt[15_000:19_000] += 0.3 * np.diff(rng.standard_normal(4001)).astype(np.float32) * np.exp(-np.arange(4000) / 900)
    found = sampler.grid_of(sampler.code(spoilt, "kick"), "kick")
    clean, heard = sampler.grid.of_clip(clip), sampler.grid.of_clip(spoilt)
    assert np.abs(found - clean).mean() < np.abs(heard - clean).mean()


@pytest.mark.parametrize("drum", CLASSES)
def test_free_samples_differ_by_seed_and_repeat(sampler, drum):
    one, again, other = (sampler.free(drum, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.isfinite(one).all()
    assert np.abs(one - other).max() > 0.1


def test_a_missing_part_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"encoder\.tflite"):
        DrumSampler.load(tmp_path)


def test_a_folder_of_its_name_is_not_taken_for_the_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drum_samples").mkdir()
    DrumSampler.load()
    with pytest.raises(ModelError, match=r"drum_samples/encoder\.tflite"):
        DrumSampler.load("drum_samples")


def test_parts_in_each_others_place_are_refused(sampler):
    with pytest.raises(ModelError, match="encoder"):
        DrumSampler(sampler._decoder, sampler._encoder)
    assert isinstance(sampler._encoder, LiteRtRuntime)
