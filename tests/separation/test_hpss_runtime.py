"""`--model hpss`: drums by median filters, through the path of every other model."""

import numpy as np
import pytest
import soundfile

from tfsep.audio import Audio
from tfsep.cli import main
from tfsep.dsp.hpss import hpss_masks
from tfsep.dsp.stft import istft, stft
from tfsep.separation.hpss_runtime import HPSS, HpssRuntime
from tfsep.separation.locate import find_contract
from tfsep.separation.separator import Separator

RATE = 44_100


@pytest.fixture(scope="module")
def separator() -> Separator:
    return Separator.load(HPSS)


def expected_drums(sound: np.ndarray) -> np.ndarray:
    """The drums with the masks of the whole song at once."""
    spec = HpssRuntime.contract.spec
    spectra = stft(sound, spec)
    masks = hpss_masks(np.abs(spectra[:, :-1]))[1]
    return istft(spectra * np.concatenate([masks, masks[:, -1:]], axis=1), spec, len(sound))


def test_is_the_plain_formula(separator, rng):
    sound = rng.normal(0, 0.1, (30_000, 2)).astype(np.float32)
    stems = separator.separate(Audio(sound, RATE))
    assert list(stems) == ["drums", "accompaniment"]
    np.testing.assert_allclose(stems["drums"].samples, expected_drums(sound), atol=2e-5)
    np.testing.assert_allclose(sum(stem.samples for stem in stems.values()), sound, atol=1e-6)


def test_chunks_hardly_matter(separator, rng):
    """Frames next to the end of a chunk see mirrored neighbours, but count for little where chunks are cross-faded."""
    count = 320_000
    notes = np.repeat(rng.choice([220.0, 330.0, 440.0, 550.0], 20), count // 20)
    sound = 0.3 * np.sin(2 * np.pi * np.cumsum(notes) / RATE)
    sound[:: RATE // 4] += 0.8
    sound = (sound + 0.01 * rng.normal(size=count))[:, None].astype(np.float32)
    drums = separator.separate(Audio(sound, RATE))["drums"].samples
    expected = expected_drums(sound)
    assert 10 * np.log10(np.sum((drums - expected) ** 2) / np.sum(expected**2)) < -35


def test_clicks_are_drums_and_a_sine_is_not(separator):
    sine = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)
    clicks = np.zeros(3 * RATE)
    clicks[RATE // 4 :: RATE // 2] = 0.9
    drums = separator.separate(Audio((sine + clicks)[:, None].astype(np.float32), RATE))["drums"].samples[:, 0]
    inside = slice(RATE // 8, -RATE // 8)  # a sine that starts from nothing is a hit there
    left = drums[inside] - clicks[inside]
    assert 10 * np.log10(np.sum(sine[inside] ** 2) / np.sum(left**2)) > 15
    assert drums[RATE // 4] > 0.7


@pytest.mark.parametrize("sound", [np.zeros((5000, 2)), np.full((1, 1), 0.5), np.full((300, 1), 0.1)], ids=len)
def test_silence_and_very_short_songs(separator, sound):
    stems = separator.separate(Audio(sound.astype(np.float32), RATE))
    np.testing.assert_allclose(sum(stem.samples for stem in stems.values()), sound, atol=1e-6)


def test_command(tmp_path, monkeypatch, rng, capsys):
    monkeypatch.chdir(tmp_path)
    soundfile.write("song.wav", rng.uniform(-0.5, 0.5, (20_000, 2)), RATE, subtype="PCM_16")
    assert main(["separate", "song.wav", "--model", "hpss", "--format", "flac"]) == 0
    stems = [
        soundfile.read(tmp_path / "stems" / "song" / f"{stem}.flac", dtype="int16")[0] for stem in ("drums", "accompaniment")
    ]
    np.testing.assert_array_equal(sum(stems), soundfile.read("song.wav", dtype="int16")[0])
    assert main(["separate", "song.wav", "--model", "hpss", "--format", "stem.mp4"]) != 0
    assert "this one has drums, accompaniment" in capsys.readouterr().err


def test_is_described_without_a_file(capsys):
    assert find_contract(HPSS)[1] is HpssRuntime.contract
    assert main(["info", "hpss"]) == 0
    assert "drums, accompaniment" in capsys.readouterr().out
