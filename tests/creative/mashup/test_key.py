import numpy as np
import pytest

from tfsep.creative.mashup.key import Key, best_shift, distance, find_key


def chroma_of(*chords: tuple[int, ...]) -> np.ndarray:
    chroma = np.full((len(chords), 12), 0.05)
    for row, chord in zip(chroma, chords, strict=True):
        row[[note % 12 for note in chord]] = 1.0
    return chroma


@pytest.mark.parametrize("tonic", [0, 5, 10])
def test_keys_of_cadences(tonic):
    major = chroma_of(*(tuple(tonic + n for n in chord) for chord in ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))))
    minor = chroma_of(*(tuple(tonic + n for n in chord) for chord in ((0, 3, 7), (5, 8, 12), (7, 10, 14), (0, 3, 7))))
    for chroma, mode in ((major, "major"), (minor, "minor")):
        key = find_key(chroma)
        assert (key.tonic, key.mode) == (tonic, mode)


def test_what_has_no_pitch_has_no_key():
    assert find_key(np.zeros((5, 12))) is None
    assert find_key(np.ones((5, 12))) is None


def test_distances_on_the_circle_of_fifths():
    c, a_minor, g, f_sharp = Key(0, "major"), Key(9, "minor"), Key(7, "major"), Key(6, "major")
    assert [distance(c, other) for other in (c, a_minor, g, f_sharp)] == [0, 0, 1, 6]


def test_the_smallest_shift_that_fits_best():
    assert best_shift(Key(0, "major"), Key(0, "major"), 2) == 0
    assert best_shift(Key(0, "major"), Key(2, "major"), 2) == 2
    assert best_shift(Key(11, "minor"), Key(0, "major"), 2) == -2  # A minor has the notes of C
    assert best_shift(Key(6, "major"), Key(0, "major"), 2) == -1  # F is a fifth from C, as G is
