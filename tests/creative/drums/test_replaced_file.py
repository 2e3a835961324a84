import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.replaced_file import ReplacedFile
from tfsep.errors import AudioError, UsageError

RATE_HZ = 22_050
TIMES_S = 0.1 + 0.4 * np.arange(5)


@pytest.fixture
def stem(tmp_path):
    time_s = np.arange(6000) / RATE_HZ
    kick = np.sin(2 * np.pi * 60 * time_s) * np.exp(-time_s / 0.05)
    sound = np.random.default_rng(0).normal(0, 0.003, (round(2.2 * RATE_HZ), 2)).astype(np.float32)
    for start_s in TIMES_S:
        sound[round(start_s * RATE_HZ) :][: len(kick)] += 0.5 * kick[:, None].astype(np.float32)
    Audio(sound, RATE_HZ).write(tmp_path / "stem.wav", "float32")
    return tmp_path / "stem.wav"


def write(stem, hits=None, **options):
    settings = {"what": "nearest", "amount": 1.0} | options
    with ReplacedFile(stem, stem.parent / "made.wav", **settings) as replaced:
        sound = Audio.read(stem).samples
        for start in range(0, len(sound), 5000):
            replaced.take(sound[start : start + 5000])
        return replaced.write([Hit(time_s, "kick", 0.9) for time_s in TIMES_S] if hits is None else hits)


def test_the_file_is_as_long_as_the_stem_and_plays_its_hits(stem):
    assert write(stem).summary == "5 hits played anew, 0 kept for a bad fit, 0 for want of a sample"
    made, was = Audio.read(stem.parent / "made.wav"), Audio.read(stem)
    assert (made.sample_rate_hz, made.samples.shape) == (RATE_HZ, was.samples.shape)
    assert np.corrcoef(made.samples[:, 0], was.samples[:, 0])[0, 1] > 0.98


def test_without_hits_it_is_the_stem(stem):
    assert write(stem, []).replaced == 0
    np.testing.assert_array_equal(Audio.read(stem.parent / "made.wav").samples, Audio.read(stem).samples)


def test_an_amount_out_of_range_is_named_before_anything_is_made(stem):
    with pytest.raises(UsageError, match=r"--amount 1\.5"):
        write(stem, amount=1.5)
    assert not (stem.parent / "made.wav").exists()


def test_a_folder_that_is_a_file_is_named(stem):
    (stem.parent / "out").write_text("a file")
    with pytest.raises(AudioError, match="out is a file, not a folder"):
        ReplacedFile(stem, stem.parent / "out" / "made.wav", what="nearest", amount=1.0)
