"""Finding hits in a stream: with a network that is a formula, and with the one that ships."""

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract_drums import CLASSES, ONSETS, VELOCITIES, DrumContract
from tfsep.creative.drums.transcriber import BLOCK_S, TRANSCRIBER, DrumTranscriber
from tfsep.errors import AudioError, ModelError
from tfsep.separation.genre import CLASSIFIER
from tfsep.separation.locate import find_contract
from tfsep.spec import SpectrogramSpec

RATE_HZ = 8000
CONTRACT = DrumContract(
    spec=SpectrogramSpec(
        sample_rate_hz=RATE_HZ, window_samples=320, hop_samples=80, channels=1, frames=64, feature_gain=1000.0
    ),
    mel_bands=8,
    low_hz=30.0,
    high_hz=3900.0,
    context_frames=8,
)


class LoudFrames:
    """A runtime that hears a kick where the lowest band rises, and a closed hat where the highest does."""

    contract, workers = CONTRACT, 1

    def __init__(self):
        self.calls = 0

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        assert features.shape == CONTRACT.input_shape[1:]
        self.calls += 1
        rise = np.diff(features[..., 0], axis=0, prepend=features[:1, :, 0])
        logits = np.full((len(features), len(CLASSES)), -20, np.float32)
        logits[:, 0], logits[:, 2] = 8 * (rise[:, 0] - 0.7), 8 * (rise[:, -1] - 0.7)
        return {ONSETS: logits, VELOCITIES: np.full_like(logits, 0.5)}


def sound_of(times_s: list[float], seconds: float) -> np.ndarray:
    """Return float32 `(samples, 2)` with a short high tone at each time."""
    sound = np.zeros(round(seconds * RATE_HZ))
    tone = np.sin(2 * np.pi * 3500 * np.arange(300) / RATE_HZ) * np.exp(-np.arange(300) / 60)
    for time_s in times_s:
        at = round(time_s * RATE_HZ)
        sound[at : at + 300] += 0.3 * tone[: max(0, len(sound) - at)]
    return np.repeat(sound[:, None], 2, axis=1).astype(np.float32)


TIMES_S = [0.02, 0.31, 0.5, 0.64, 0.81, 1.27, 1.55, 2.0, 2.9]


def test_hits_are_found_once_each_over_all_seams():
    runtime = LoudFrames()
    hits = DrumTranscriber(runtime).transcribe(Audio(sound_of(TIMES_S, 3.0), RATE_HZ))
    assert runtime.calls > 4
    assert [hit.drum for hit in hits] == ["closed_hat"] * len(TIMES_S)
    assert [hit.time_s for hit in hits] == pytest.approx(TIMES_S, abs=0.004)
    assert {hit.velocity for hit in hits} == {0.5}


@pytest.mark.parametrize("block", [1, 77, 1000, 100_000])
def test_hits_do_not_depend_on_the_blocks(block):
    sound = sound_of(TIMES_S, 3.0)[: 6000 if block == 1 else None]
    whole = DrumTranscriber(LoudFrames()).transcribe(Audio(sound, RATE_HZ))
    stream = DrumTranscriber(LoudFrames()).stream(RATE_HZ)
    hits = [hit for start in range(0, len(sound), block) for hit in stream.push(sound[start : start + block])]
    assert hits + stream.finish() == whole


@pytest.mark.parametrize("samples", [0, 1, 79, 400, 5120])
def test_short_and_silent_stems_have_no_hits(samples):
    assert DrumTranscriber(LoudFrames()).transcribe(Audio(np.zeros((samples, 1), np.float32), RATE_HZ)) == []


def test_memory_is_bounded():
    stream = DrumTranscriber(LoudFrames()).stream(RATE_HZ)
    held = []
    for _ in range(60):
        stream.push(np.zeros((RATE_HZ, 1), np.float32))
        held.append(len(stream._sound) + len(stream._likely))
    assert max(held[30:]) <= max(held[:30])


def test_memory_does_not_depend_on_the_blocks(monkeypatch):
    stream, heard = DrumTranscriber(LoudFrames()).stream(RATE_HZ), []
    push = stream._mel.push
    monkeypatch.setattr(stream._mel, "push", lambda samples: heard.append(len(samples)) or push(samples))
    stream.push(np.zeros((35 * RATE_HZ, 1), np.float32))
    assert max(heard) <= BLOCK_S * RATE_HZ
    assert sum(heard) == 35 * RATE_HZ


def test_samples_that_are_no_numbers_are_refused():
    stream = DrumTranscriber(LoudFrames()).stream(RATE_HZ)
    with pytest.raises(AudioError, match="NaN or infinite"):
        stream.push(np.full((10, 1), np.nan, np.float32))


@pytest.fixture(scope="module")
def shipped() -> DrumTranscriber:
    return DrumTranscriber.load()


def test_the_shipped_transcriber_is_small():
    assert TRANSCRIBER.find().stat().st_size < 1.5e6


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_nothing_of_its_name_is_taken_for_the_shipped_one(tmp_path, monkeypatch, make):
    shipped = TRANSCRIBER.find()
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "drums")
    assert TRANSCRIBER.find() == shipped


def kit_song(rate_hz: int, channels: int) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Return a plain beat of a falling sine, a noisy skin and short high noise, and its hits."""
    rng, truth = np.random.default_rng(3), []
    sound = np.zeros(round(4.2 * rate_hz))
    t = np.arange(round(0.4 * rate_hz)) / rate_hz
    noise = rng.normal(0, 1, len(t))
    sounds = {
        "kick": np.sin(2 * np.pi * (50 * t + 4 * (1 - np.exp(-30 * t)))) * np.exp(-10 * t),
        "snare": 0.4 * np.sin(2 * np.pi * 190 * t) * np.exp(-20 * t) + 0.25 * noise * np.exp(-18 * t),
        "closed_hat": 0.12 * np.diff(noise, 2, append=[0, 0]) * np.exp(-45 * t),
    }
    for step in range(16):
        for drum, steps in (("kick", (0, 4, 6, 8, 12, 14)), ("snare", (2, 10)), ("closed_hat", range(1, 16, 2))):
            if step in steps:
                at = round((0.1 + step * 0.25) * rate_hz)
                sound[at : at + len(t)] += sounds[drum][: len(sound) - at]
                truth.append((at / rate_hz, drum))
    return np.repeat(0.5 * sound[:, None], channels, axis=1).astype(np.float32), sorted(truth)


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 2), (48_000, 1), (22_050, 2)])
def test_a_plain_beat_is_heard_whatever_rate_and_channels(shipped, rate_hz, channels):
    sound, truth = kit_song(rate_hz, channels)
    found = shipped.transcribe(Audio(sound, rate_hz))
    for drum in ("kick", "snare", "closed_hat"):
        wanted = np.array([time_s for time_s, name in truth if name == drum])
        times_s = np.array([hit.time_s for hit in found if hit.drum == drum])
        assert len(times_s) > 0
        apart = np.abs(times_s[:, None] - wanted)
        assert (apart.min(axis=0) < 0.01).mean() >= 0.8
        if drum != "closed_hat":  # the noise of the snare passes for one as well
            assert (apart.min(axis=1) < 0.01).mean() >= 0.8


def test_silence_has_no_hits(shipped):
    assert shipped.transcribe(Audio(np.zeros((44_100, 2), np.float32), 44_100)) == []


def test_files_of_another_kind_are_refused(tmp_path):
    with pytest.raises(ModelError, match="no such drum transcriber"):
        DrumTranscriber.load(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match=r"genre\.tflite: is no drum transcriber"):
        DrumTranscriber.load(CLASSIFIER.find())
    with pytest.raises(ModelError, match=r"drums\.tflite: finds drum hits"):
        find_contract(TRANSCRIBER.find())
