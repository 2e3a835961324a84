import numpy as np
import pytest

from tfsep.data.cache import CachedTrack
from tfsep.models.config import GeneratorConfig
from tfsep.training.trainer import SupervisedTrainer
from tfsep.training.validation import decibels, scored_stems, validation_crops

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


class Constant:
    """A generator that gives each stem the same share everywhere."""

    def masks(self, features):
        return {"drums": 0.75 * np.ones_like(features), "other": 0.25 * np.ones_like(features)}


def test_song_errors_are_those_of_the_waveforms(small_spec, rng):
    """By Parseval, away from the edges, and with a mask that commutes with the transform."""
    trainer = SupervisedTrainer(Constant(), GeneratorConfig(spec=small_spec, stems=("drums", "other"), bands=((128, 4),)))
    audio = rng.normal(0, 0.2, (2, 2, 1, 64 * 256)).astype(np.float32)
    energies, errors = (np.asarray(values) for values in trainer.song_errors(audio))
    assert energies.shape == errors.shape == (2, 2)
    mixture = audio.sum(axis=1)
    for stem, share in enumerate((0.75, 0.25)):
        expected = 10 * np.log10(
            np.sum(audio[:, stem] ** 2, axis=(1, 2)) / np.sum((share * mixture - audio[:, stem]) ** 2, axis=(1, 2))
        )
        np.testing.assert_allclose(10 * np.log10(energies[:, stem] / errors[:, stem]), expected, atol=0.1)
