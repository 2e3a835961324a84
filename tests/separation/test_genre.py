import runpy
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio, open_writer
from tfsep.dsp.genre_excerpts import GenreInput, excerpt_starts
from tfsep.errors import AudioError, ModelError
from tfsep.separation.genre import GenreClassifier

TOY = runpy.run_path(str(Path(__file__).parents[1] / "genre_toy.py"))
CONTRACT, RATE_HZ = TOY["CONTRACT"], TOY["RATE_HZ"]


class LoudestBand:
    """Logits by where the energy lies: electronic the lower half of the bands, rock the upper. A `Runtime`."""

    contract, workers = CONTRACT, 1

    def __init__(self):
        self.heard = []

    def predict(self, features):
        self.heard.append(features)
        half = CONTRACT.mel_bands // 2
        return {"logits": np.array([features[:, :half].mean(), features[:, half:].mean()], np.float32)}


@pytest.fixture
def classifier():
    return GenreClassifier(LoudestBand())


def tone(hz: float, seconds: float = 4.0, rate_hz: int = RATE_HZ, channels: int = 2) -> Audio:
    mono = 0.2 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)
    return Audio(np.repeat(mono[:, None], channels, axis=1).astype(np.float32), rate_hz)


def test_probabilities_are_the_softmax_of_the_excerpts_mean_logits(classifier):
    found = classifier.probabilities(tone(100))
    hear, starts = GenreInput(CONTRACT), excerpt_starts(4 * RATE_HZ, CONTRACT)
    assert len(starts) == CONTRACT.excerpts
    mono = tone(100).samples[:, :1]
    logits = np.mean([LoudestBand().predict(hear.log_mel(mono[start:]))["logits"] for start in starts], axis=0)
    assert found == pytest.approx({"electronic": 1 / (1 + np.exp(logits[1] - logits[0])),
                                   "rock": 1 / (1 + np.exp(logits[0] - logits[1]))}, rel=1e-4)  # fmt: skip
    assert next(iter(found)) == "electronic"
    assert next(iter(classifier.probabilities(tone(3000)))) == "rock"


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_file_is_heard_like_the_sound_in_it(classifier, tmp_path, suffix):
    rng = np.random.default_rng(0)
    mono = np.cumsum(rng.normal(0, 0.02, 44_100 * 6))
    audio = Audio(np.repeat((mono - mono.mean())[:, None], 2, axis=1).astype(np.float32).clip(-0.9, 0.9), 44_100)
    path = tmp_path / f"song{suffix}"
    audio.write(path)
    assert classifier.probabilities(path)["rock"] == pytest.approx(classifier.probabilities(audio)["rock"], abs=0.02)


def test_excerpts_of_a_file_come_from_their_places(classifier, tmp_path):
    """Low in the first half of the song, high in the second."""
    whole = np.concatenate([tone(100, 30).samples, tone(3000, 30).samples])
    path = tmp_path / "song.flac"
    Audio(whole, RATE_HZ).write(path)
    classifier.probabilities(path)
    bands = [heard.mean(axis=(0, 2)).argmax() for heard in classifier._runtime.heard]
    assert bands[0] < CONTRACT.mel_bands // 2 < bands[1]


def test_only_the_excerpts_are_decoded(classifier, tmp_path, monkeypatch):
    from tfsep.separation import genre

    path, sizes = tmp_path / "long.wav", []
    Audio(np.tile(tone(100, 10).samples, (12, 1)), RATE_HZ).write(path)
    prepared = genre._prepared
    monkeypatch.setattr(genre, "_prepared", lambda samples, *rest: sizes.append(len(samples)) or prepared(samples, *rest))
    classifier.probabilities(path)
    assert sizes == [CONTRACT.excerpt_samples] * CONTRACT.excerpts


def test_other_rates_and_mono_sound_alike(classifier):
    reference = classifier.probabilities(tone(440))["rock"]
    assert classifier.probabilities(tone(440, rate_hz=44_100))["rock"] == pytest.approx(reference, abs=0.01)
    assert classifier.probabilities(tone(440, channels=1))["rock"] == pytest.approx(reference, abs=1e-6)


def test_a_song_shorter_than_an_excerpt_is_heard(classifier):
    assert classifier.probabilities(tone(100, 0.1)) is not None


def test_silence_and_no_sound_have_no_genre(classifier, tmp_path):
    assert classifier.probabilities(Audio(np.zeros((80_000, 2), np.float32), RATE_HZ)) is None
    assert classifier.probabilities(Audio(np.zeros((0, 2), np.float32), RATE_HZ)) is None
    Audio(np.zeros((80_000, 2), np.float32), RATE_HZ).write(tmp_path / "silence.wav")
    assert classifier.probabilities(tmp_path / "silence.wav") is None


def test_bad_sound_is_named(classifier, tmp_path):
    broken = tone(100)
    broken.samples[:] = np.nan
    with pytest.raises(AudioError, match="NaN or infinite"):
        classifier.probabilities(broken)
    with pytest.raises(AudioError, match="there is no such file"):
        classifier.probabilities(tmp_path / "missing.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"text\.wav: is not audio"):
        classifier.probabilities(tmp_path / "text.wav")


def test_a_damaged_file_is_heard_as_far_as_it_goes(classifier, tmp_path):
    path = tmp_path / "song.mp3"
    with open_writer(path, sample_rate_hz=44_100, channels=2) as writer:
        writer.write(tone(440, 20, 44_100).samples)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert classifier.probabilities(path) is not None


def test_a_model_that_separates_is_no_classifier(model):
    with pytest.raises(ModelError, match=r"model\.tflite: is no genre classifier"):
        GenreClassifier.load(model)


@pytest.mark.parametrize("name", ["nothing", "nothing.tflite", "song.wav"])
def test_a_missing_classifier_is_named(name):
    with pytest.raises(ModelError, match="no such genre classifier"):
        GenreClassifier.load(name)
