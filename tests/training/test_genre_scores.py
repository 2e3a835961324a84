import numpy as np
import pytest

from tfsep.training.genre_scores import best_temperature, genre_scores, negative_log_likelihood, softmax

FAMILIES = ("electronic", "rock", "jazz")


def test_accuracy_and_confusion_of_four_songs():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    scores = genre_scores(probabilities, [0, 1, 2, 2], FAMILIES)
    assert scores.confusion.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert (scores.songs, scores.accuracy, scores.largest_share) == (4, 0.75, 0.5)
    assert scores.log_loss == pytest.approx(-np.mean(np.log([0.8, 0.7, 0.2, 0.8])))


def test_calibration_error_of_ten_songs_by_hand():
    """Ten songs at 75 %, six of them right: off by 0.15."""
    probabilities = np.tile([0.75, 0.15, 0.1], (10, 1))
    scores = genre_scores(probabilities, [0] * 6 + [1] * 4, FAMILIES)
    assert scores.calibration_error == pytest.approx(0.15)
    assert scores.reliability[7].tolist() == pytest.approx([10, 0.75, 0.6])


def test_confidence_one_lies_in_the_last_bin():
    assert genre_scores(np.array([[1.0, 0, 0]]), [0], FAMILIES).reliability[9].tolist() == [1, 1, 1]


def test_the_temperature_that_logits_were_multiplied_by_is_found():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, (4000, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(truth)])
    assert best_temperature(3 * truth, labels) == pytest.approx(3, rel=0.1)
    assert negative_log_likelihood(softmax(3 * truth, 3), labels) < negative_log_likelihood(softmax(3 * truth), labels)


def test_no_song_is_no_score():
    with pytest.raises(ValueError, match="no song"):
        genre_scores(np.zeros((0, 3)), [], FAMILIES)
