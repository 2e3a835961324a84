"""Scores of drums against hits that were put where they are."""

import numpy as np
import pytest

from tfsep.evaluation.drums import log_spectral_distance_db, onset_f1, onset_times

RATE_HZ = 44_100


def clicks(times_s, seconds=3.0, decay_s=0.02):
    rng = np.random.default_rng(0)
    out = np.zeros((round(seconds * RATE_HZ), 2), np.float32)
    length = round(0.1 * RATE_HZ)
    envelope = np.exp(-np.arange(length) / (decay_s * RATE_HZ))[:, None]
    for time_s in times_s:
        start = round(time_s * RATE_HZ)
        out[start : start + length] += (0.3 * rng.normal(size=(length, 2)) * envelope)[: len(out) - start]
    return out


def test_hits_are_found_where_they_are():
    pytest.importorskip("librosa")
    times = np.array([0.25, 0.5, 0.9, 1.4, 2.0, 2.6])
    found = onset_times(clicks(times), RATE_HZ)
    assert onset_f1(times, found) == 1.0
    assert np.abs(found - times).max() < 0.03


def test_silence_has_no_hits():
    pytest.importorskip("librosa")
    assert len(onset_times(np.zeros((RATE_HZ, 2), np.float32), RATE_HZ)) == 0
    rng = np.random.default_rng(0)
    assert len(onset_times((rng.normal(size=(RATE_HZ, 2)) * 1e-5).astype(np.float32), RATE_HZ)) == 0


def test_f1_of_known_matches():
    pytest.importorskip("mir_eval")
    reference = np.array([1.0, 2.0, 3.0, 4.0])
    assert onset_f1(reference, reference + 0.04) == 1.0
    assert onset_f1(reference, reference + 0.06) == 0.0
    # precision 2/3, recall 2/4
    assert onset_f1(reference, np.array([1.0, 2.0, 2.5])) == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))
    assert onset_f1(np.array([3.0, 1.0, 1.01, 2.0, 4.0]), reference) == 1.0  # two drums at once are one onset
    assert onset_f1(np.zeros(0), np.zeros(0)) == 1.0
    assert onset_f1(reference, np.zeros(0)) == onset_f1(np.zeros(0), reference) == 0.0


def test_distance_of_a_gain_is_the_gain():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(RATE_HZ, 2)).astype(np.float32) * 0.1
    assert log_spectral_distance_db(noise, noise, RATE_HZ) == 0
    assert log_spectral_distance_db(noise, noise / 2, RATE_HZ) == pytest.approx(
        20 * np.log10(2), abs=0.02
    )  # near the floor a bit less


def test_holes_in_the_highs_are_heard_and_errors_below_are_not():
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.normal(size=RATE_HZ))
    hertz = np.fft.rfftfreq(RATE_HZ, 1 / RATE_HZ)

    def sound(kept):
        return np.fft.irfft(spectrum * kept)[:, None].astype(np.float32)

    whole = sound(np.ones_like(hertz))
    assert log_spectral_distance_db(whole, sound(hertz < 9000), RATE_HZ) > 30
    assert log_spectral_distance_db(whole, sound(hertz > 7000), RATE_HZ) < 0.1


def test_nothing_above_is_no_distance():
    silence = np.zeros((RATE_HZ, 2), np.float32)
    assert log_spectral_distance_db(silence, clicks([0.5], 1.0), RATE_HZ) is None
    with pytest.raises(ValueError, match=r"reference has shape \(44100, 2\), estimate \(10, 2\)"):
        log_spectral_distance_db(silence, silence[:10], RATE_HZ)
