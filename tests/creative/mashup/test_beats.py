import numpy as np
import pytest

from tfsep.creative.mashup.beats import track_beats
from tfsep.creative.mashup.features import FRAMES_PER_S, LANES, Features, FeatureStream
from tfsep.creative.mashup.pulse import follow_pulse, onset_envelope, tempo_candidates

RATE_HZ = 16_000


def features_of(drums: np.ndarray, rest: np.ndarray | None = None, step: int = 8000) -> Features:
    rest = np.zeros_like(drums) if rest is None else rest
    stream = FeatureStream(RATE_HZ)
    for at in range(0, len(drums), step):
        stream.push(drums[at : at + step], rest[at : at + step])
    return stream.finish()


def clicks(times_s: np.ndarray, seconds: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    sound = np.zeros((round(seconds * RATE_HZ), 1), np.float32)
    for beat, time_s in enumerate(times_s):
        at = round(time_s * RATE_HZ)
        length = min(400, len(sound) - at)
        sound[at : at + length, 0] += (0.5 if beat % 2 else 0.9) * rng.normal(size=length) * np.exp(-np.arange(length) / 100)
    return sound


def drum_part(beats_s: np.ndarray, seconds: float) -> np.ndarray:
    """A kick on the first and third beat, a snare on the others, hats on the eighths."""
    rng = np.random.default_rng(0)
    sound = np.zeros((round(seconds * RATE_HZ) + RATE_HZ, 1), np.float32)
    t = np.arange(2400) / RATE_HZ
    kick = np.sin(2 * np.pi * 60 * t) * np.exp(-t / 0.05)
    for beat, time_s in enumerate(beats_s):
        at = round(time_s * RATE_HZ)
        hit = kick if beat % 2 == 0 else 0.4 * rng.normal(size=2400) * np.exp(-t / 0.04)
        sound[at : at + 2400, 0] += hit
        for half in (0, 0.5):
            hat = round((time_s + half * (beats_s[1] - beats_s[0])) * RATE_HZ)
            sound[hat : hat + 2402, 0][:2400] += 0.1 * np.diff(rng.normal(size=2402), 2) * np.exp(-t / 0.01)
    return sound[: round(seconds * RATE_HZ)]


@pytest.mark.parametrize("bpm", [92.0, 124.7])
def test_tempo_and_beats_of_drums(bpm):
    true_s = np.arange(0.31, 15.5, 60 / bpm)
    found = track_beats(features_of(drum_part(true_s, 16)))
    assert found.steady
    assert found.bpm == pytest.approx(bpm, rel=2e-3)
    errors_s = np.abs(found.beats_s[:, None] - true_s).min(axis=1)[1:-1]
    assert np.median(errors_s) < 0.012


def test_features_do_not_depend_on_the_blocks():
    sound = drum_part(np.arange(0, 4, 0.5), 4)
    one, other = features_of(sound, sound, 8000), features_of(sound, sound, 777)
    np.testing.assert_allclose(one.onsets, other.onsets, atol=1e-4)
    np.testing.assert_allclose(one.chroma, other.chroma, rtol=1e-3, atol=1e-4)
    assert one.duration_s == 4
    assert one.onsets.shape[1] == LANES


def test_onsets_are_where_the_clicks_are():
    onsets = features_of(clicks(np.array([1.0, 2.5]), 4)).onsets.sum(axis=1)
    for time_s in (1.0, 2.5):
        near = slice(round((time_s - 0.2) * FRAMES_PER_S), round((time_s + 0.2) * FRAMES_PER_S))
        peak_s = (near.start + onsets[near].argmax()) / FRAMES_PER_S
        assert abs(peak_s - time_s) < 0.02


def test_a_tempo_that_moves_is_followed():
    times_s = np.cumsum(60 / (118 + 2 * np.sin(np.arange(120) / 15))) + 0.3
    envelope = onset_envelope(features_of(clicks(times_s[times_s < 59], 60)).onsets)
    pulse = follow_pulse(envelope, 118.0)
    assert not pulse.steady
    places = pulse.beats_at(times_s[4:100]) * 4
    off = (places - np.median((places + 0.5) % 1 - 0.5) + 0.5) % 1 - 0.5
    assert np.percentile(np.abs(off), 90) * 60 / 118 / 4 < 0.03


def test_a_hint_is_obeyed():
    envelope = onset_envelope(features_of(drum_part(np.arange(0.2, 15.5, 0.5), 16)).onsets)
    assert all(abs(bpm / 60 - 1) < 0.041 for bpm, _ in tempo_candidates(envelope, 6, hint_bpm=60))


def test_no_beats_in_silence_or_in_a_moment():
    assert track_beats(features_of(np.zeros((8 * RATE_HZ, 1), np.float32))) is None
    assert track_beats(features_of(clicks(np.array([0.5, 1.0]), 2))) is None
