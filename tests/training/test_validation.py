from dataclasses import replace

import keras
import numpy as np
import pytest

from tfsep.data.cache import CachedTrack
from tfsep.models.config import GeneratorConfig
from tfsep.training.validation import SongErrors, Validator, decibels, mean_sdr, scored_stems, validation_crops

ALL = ("drums", "bass", "other", "vocals")


def track(stems, length=1000):
    samples = np.arange(len(stems) * length, dtype=np.int16).reshape(len(stems), length, 1)
    return CachedTrack(name="t", key="t", genre=None, stems=tuple(sorted(stems)), samples=samples, gain=1.0)


def test_what_can_be_scored():
    assert scored_stems(track(ALL), ALL) == ALL
    assert scored_stems(track(("drums", "other")), ALL) == ("drums",)  # its other may hold bass and vocals
    assert scored_stems(track(("drums", "vocals")), ("bass", "other")) == ()
    assert scored_stems(track(("drums", "vocals")), ("drums", "accompaniment")) == ("drums", "accompaniment")


def test_crops_cover_the_song_evenly():
    crops = validation_crops(track(("drums", "other")), ALL, samples=100, count=4)
    assert crops.shape == (4, 4, 1, 100)
    np.testing.assert_array_equal(crops[:, 0, 0, 0], [0, 300, 600, 900])
    np.testing.assert_array_equal(crops[:, 2, 0], crops[:, 0, 0] + 1000)
    assert not crops[:, [1, 3]].any()


def test_song_shorter_than_a_crop():
    crops = validation_crops(track(("drums", "other"), length=60), ALL, samples=100, count=2)
    np.testing.assert_array_equal(crops[1, 0, 0, :60], np.arange(60))
    assert not crops[..., 60:].any()


def test_decibels():
    assert decibels(100.0, 1.0) == pytest.approx(20)
    assert decibels(0.0, 0.0) == pytest.approx(0)


def test_silent_stems_have_no_sdr(small_config):
    """Of an instrumental: -136 dB for nothing would hide the other stems in the mean."""
    stems = ("drums", "other", "vocals")
    samples = np.random.default_rng(0).integers(-9000, 9000, (3, 4000, 1)).astype(np.int16)
    samples[2] = 0
    song = CachedTrack(name="t", key="t", genre="house", stems=stems, samples=samples, gain=1 / 32768)
    validator = Validator(replace(small_config, generator=replace(small_config.generator, stems=stems)), [song])
    scores = validator.scores([np.asarray(variable) for variable in validator._generator.variables])
    assert set(scores["t"]) == {"drums", "other"}
    assert np.isfinite(mean_sdr(scores))


class Constant:
    """A generator that gives each stem the same share everywhere."""

    def masks(self, features):
        return {"drums": 0.75 * keras.ops.ones_like(features), "other": 0.25 * keras.ops.ones_like(features)}


def test_song_errors_are_those_of_the_waveforms(small_spec, rng):
    """By Parseval, away from the edges, and with a mask that commutes with the transform."""
    model = SongErrors(Constant(), GeneratorConfig(spec=small_spec, stems=("drums", "other"), bands=((128, 4),)))
    audio = rng.normal(0, 0.2, (2, 2, 1, 64 * 256)).astype(np.float32)
    energies, errors = (np.asarray(values) for values in model.predict_on_batch(audio))
    assert energies.shape == errors.shape == (2, 2)
    mixture = audio.sum(axis=1)
    for stem, share in enumerate((0.75, 0.25)):
        expected = 10 * np.log10(
            np.sum(audio[:, stem] ** 2, axis=(1, 2)) / np.sum((share * mixture - audio[:, stem]) ** 2, axis=(1, 2))
        )
        np.testing.assert_allclose(10 * np.log10(energies[:, stem] / errors[:, stem]), expected, atol=0.1)


class Turned:
    """A generator whose complex masks turn each stem by a quarter."""

    def masks(self, features):
        ones = keras.ops.ones_like(features[..., :1])
        drums = keras.ops.concatenate([0.75 * ones, 0.5 * ones], axis=-1)
        return {"drums": drums, "other": keras.ops.concatenate([0.25 * ones, -0.5 * ones], axis=-1)}


def test_song_errors_of_complex_masks(small_spec, rng):
    config = GeneratorConfig(spec=small_spec, stems=("drums", "other"), bands=((128, 4),), head="complex")
    audio = rng.normal(0, 0.2, (2, 2, 1, 64 * 256)).astype(np.float32)
    energies, errors = (np.asarray(values) for values in SongErrors(Turned(), config).predict_on_batch(audio))
    mixture = audio.sum(axis=1)
    for stem, share in enumerate((0.75, 0.25)):
        # the quarter turn of the mixture is uncorrelated with what is in phase
        in_phase = np.sum((share * mixture - audio[:, stem]) ** 2, axis=(1, 2))
        expected = np.sum(audio[:, stem] ** 2, axis=(1, 2)) / (in_phase + 0.25 * np.sum(mixture**2, axis=(1, 2)))
        np.testing.assert_allclose(10 * np.log10(energies[:, stem] / errors[:, stem]), 10 * np.log10(expected), atol=0.15)


def test_scores_by_song_stem_and_genre(small_config, rng):
    """Fresh weights, where only the arithmetic around them is of interest."""
    songs = [
        CachedTrack(
            name=name,
            key=name,
            genre=genre,
            stems=("drums", "other"),
            samples=rng.integers(-8000, 8000, (2, 4000, 1)).astype(np.int16),
            gain=1 / 32767,
        )
        for name, genre in (("a", "rock"), ("b", "jazz"), ("c", None), ("d", "rock"))
    ]
    validator = Validator(small_config, songs)
    weights = [np.asarray(variable) for variable in validator._generator.variables]
    scores = validator.scores(weights)
    assert {name: sorted(stems) for name, stems in scores.items()} == {name: ["drums", "other"] for name in "abcd"}
    assert mean_sdr(scores) == pytest.approx(np.mean([value for stems in scores.values() for value in stems.values()]))
    genres = validator.by_genre(scores)
    assert sorted(genres) == ["jazz", "rock"]
    assert genres["rock"] == pytest.approx(np.mean([*scores["a"].values(), *scores["d"].values()]))
    again = Validator(small_config, songs).scores([weight * 0 for weight in weights])
    assert again != scores  # it is the weights that are scored
