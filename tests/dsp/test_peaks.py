import numpy as np
import pytest

from tfsep.dsp.peaks import pick_peaks, vertex


def test_peaks_are_highest_within_the_radius():
    curve = np.array([0, 1, 0, 0.5, 0, 0, 3, 2, 2.5, 0], np.float32)[:, None]
    assert np.flatnonzero(pick_peaks(curve, 1)).tolist() == [1, 3, 6, 8]
    assert np.flatnonzero(pick_peaks(curve, 2)).tolist() == [1, 6]


def test_of_equal_neighbours_the_first_is_the_peak():
    assert np.flatnonzero(pick_peaks(np.array([[0.0], [1], [1], [0]], np.float32), 1)).tolist() == [1]


def test_curves_do_not_see_each_other(rng):
    curves = rng.random((50, 3)).astype(np.float32)
    alone = np.concatenate([pick_peaks(curves[:, [index]], 2) for index in range(3)], axis=1)
    np.testing.assert_array_equal(pick_peaks(curves, 2), alone)


@pytest.mark.parametrize("top", [-0.5, -0.2, 0.0, 0.4])
def test_the_vertex_of_a_parabola_is_found(top):
    before, peak, after = (1 - (np.array(at) - top) ** 2 for at in (-1, 0, 1))
    assert vertex(before, peak, after) == pytest.approx(top)


def test_a_plateau_has_its_vertex_in_the_middle():
    assert vertex(np.array(1.0), np.array(1.0), np.array(1.0)) == 0
