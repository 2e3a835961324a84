"""Scores against closed forms and against museval."""

import sys

import numpy as np
import pytest

from tfsep.errors import MissingExtraError, TfsepError
from tfsep.evaluation.metrics import ScoreAccumulator, bsseval, check_museval


def score(reference, estimate):
    scores = ScoreAccumulator()
    scores.add(reference, estimate)
    return scores


@pytest.fixture
def sound(rng):
    return rng.normal(0, 0.1, (30_000, 2)).astype(np.float32)


@pytest.fixture
def museval():
    try:
        check_museval()
    except TfsepError as error:
        pytest.skip(str(error))


def noise_at(rng, reference, below_db):
    """Return noise orthogonal to `reference`, `below_db` below it."""
    noise = rng.normal(size=reference.shape)
    reference = reference.astype(np.float64)
    noise -= reference * np.vdot(noise, reference) / np.vdot(reference, reference)
    return noise * np.linalg.norm(reference) / np.linalg.norm(noise) * 10 ** (-below_db / 20)


@pytest.mark.parametrize("below_db", [-10.0, 0.0, 7.5, 40.0])
def test_noise_at_a_known_level_has_that_score(rng, sound, below_db):
    scores = score(sound, sound + noise_at(rng, sound, below_db))
    assert scores.sdr_db == pytest.approx(below_db, abs=1e-3)
    assert scores.si_sdr_db == pytest.approx(below_db, abs=1e-3)


def test_si_sdr_does_not_change_with_gain_and_sdr_does(rng, sound):
    estimate = sound + noise_at(rng, sound, 12.0)
    quieter = score(sound, 0.25 * estimate)
    assert quieter.si_sdr_db == pytest.approx(12.0, abs=1e-3)
    # |ref - est / 4|^2 = (3/4)^2 |ref|^2 + |noise|^2 / 16
    assert quieter.sdr_db == pytest.approx(-10 * np.log10(0.75**2 + 10**-1.2 / 16), abs=1e-3)


def test_silent_estimate_has_sdr_zero_and_no_si_sdr(sound):
    scores = score(sound, np.zeros_like(sound))
    assert scores.sdr_db == pytest.approx(0.0, abs=1e-6)
    assert scores.si_sdr_db is None


def test_mixture_definition_of_two_equal_powers(sound):
    assert score(sound, 2 * sound).sdr_db == pytest.approx(0.0, abs=1e-6)
    assert score(sound, -sound).sdr_db == pytest.approx(-20 * np.log10(2), abs=1e-6)


def test_perfect_estimate_has_a_finite_score(sound):
    scores = score(sound, sound)
    assert scores.sdr_db == pytest.approx(10 * np.log10(np.sum(sound.astype(float) ** 2) / 1e-7), abs=1e-3)
    assert scores.si_sdr_db == pytest.approx(100.0, abs=1e-6)


@pytest.mark.parametrize("level", [0.0, 2**-15], ids=["zeros", "dither of 16 bits"])
def test_silent_reference_has_no_score(rng, sound, level):
    reference = (level * rng.integers(-1, 2, sound.shape)).astype(np.float32)
    scores = score(reference, sound)
    assert scores.silent
    assert scores.sdr_db is None
    assert scores.si_sdr_db is None


def test_nothing_added_is_silent():
    assert ScoreAccumulator().sdr_db is None


def test_blocks_add_up_to_the_whole(rng, sound):
    estimate = sound + noise_at(rng, sound, 5.0)
    streamed = ScoreAccumulator()
    for start in range(0, len(sound), 777):
        streamed.add(sound[start : start + 777], estimate[start : start + 777])
    whole = score(sound, estimate)
    assert streamed.sdr_db == pytest.approx(whole.sdr_db, abs=1e-9)
    assert streamed.si_sdr_db == pytest.approx(whole.si_sdr_db, abs=1e-9)


def test_from_sums_is_the_same_score(rng, sound):
    estimate = (sound + noise_at(rng, sound, 3.0)).astype(np.float64)
    reference = sound.astype(np.float64)
    sums = ScoreAccumulator.from_sums(
        sound.size, np.vdot(reference, reference), np.vdot(estimate, estimate), np.vdot(reference, estimate)
    )
    assert sums.sdr_db == pytest.approx(score(sound, estimate).sdr_db, abs=1e-9)
    assert sums.si_sdr_db == pytest.approx(score(sound, estimate).si_sdr_db, abs=1e-9)


def test_best_gain_is_the_best(rng, sound):
    estimate = 3 * (sound + noise_at(rng, sound, 2.0))
    best = score(sound, estimate).with_best_gain().sdr_db
    # of all gains g the least |ref - g est|^2 is |ref|^2 (1 - rho^2), and rho^2 = 1 / (1 + 10^-0.2)
    assert best == pytest.approx(-10 * np.log10(1 - 1 / (1 + 10**-0.2)), abs=1e-3)
    for gain in (0.15, 0.2, 0.25, 0.3):
        assert score(sound, gain * estimate).sdr_db <= best + 1e-9
    assert score(sound, 0 * sound).with_best_gain().sdr_db == pytest.approx(0.0)


def test_different_shapes_are_refused(sound):
    with pytest.raises(ValueError, match=r"\(30000, 2\), estimate \(29999, 2\)"):
        ScoreAccumulator().add(sound, sound[1:])


@pytest.mark.usefixtures("museval")
def test_bsseval_agrees_with_sdr_on_noise_and_skips_silence(rng):
    rate = 2000
    references = rng.normal(0, 0.1, (4, 4 * rate, 1))
    references[2] = 0
    estimates = references + 0.05 * rng.normal(0, 0.1, references.shape) + 0.1 * references[[1, 0, 3, 1]]
    estimates[3] = 0
    first, second, silent, silent_estimate = bsseval(references, estimates, rate)
    assert silent is None
    assert silent_estimate is None
    for result, row in ((first, 0), (second, 1)):
        # interference 20 dB below the stem, noise of its own 26 dB; filters of 512 taps fitted to 4 s explain a little of it
        assert result.sir_db == pytest.approx(20.0, abs=1.0)
        assert result.sar_db == pytest.approx(26.0, abs=1.5)
        assert result.sdr_db == pytest.approx(score(references[row], estimates[row]).sdr_db, abs=0.6)
        assert result.isr_db > result.sdr_db


@pytest.mark.usefixtures("museval")
def test_bsseval_of_nothing_but_silence():
    assert bsseval(np.zeros((2, 100, 1)), np.ones((2, 100, 1)), 50) == [None, None]


def test_bsseval_refuses_other_shapes():
    with pytest.raises(ValueError, match="use the same"):
        bsseval(np.zeros((2, 100, 1)), np.zeros((2, 99, 1)), 50)


def test_without_museval_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "museval", None)
    monkeypatch.setitem(sys.modules, "museval.metrics", None)
    with pytest.raises(MissingExtraError, match=r"museval.*tfsep\[evaluate\]"):
        bsseval(np.zeros((2, 100, 1)), np.ones((2, 100, 1)), 50)
