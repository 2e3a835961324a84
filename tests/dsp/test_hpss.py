"""Harmonic-percussive separation against librosa."""

import numpy as np
import pytest

from tfsep.dsp.hpss import hpss_masks, median_along


def test_median_along_either_axis(rng):
    values = rng.normal(size=(7, 900, 2)).astype(np.float32)
    for axis in (0, 1):
        padded = np.pad(values, [(2, 2) if a == axis else (0, 0) for a in range(3)], mode="symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 5, axis=axis)
        np.testing.assert_array_equal(median_along(values, axis, 5), np.median(windows, axis=-1))


@pytest.mark.parametrize("margin", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(60, 129), (5, 40)], ids=["long", "shorter than the kernel"])
def test_masks_agree_with_librosa(rng, margin, shape):
    librosa = pytest.importorskip("librosa")
    magnitudes = np.abs(rng.normal(size=shape)).astype(np.float32)
    magnitudes[: shape[0] // 2, :40] = 0
    expected = librosa.decompose.hpss(magnitudes.T, margin=margin, mask=True)
    for mask, reference in zip(hpss_masks(magnitudes, margin=margin), expected, strict=True):
        assert mask.dtype == np.float32
        np.testing.assert_allclose(mask, reference.T, atol=1e-6)


def test_channels_are_filtered_each_for_itself(rng):
    magnitudes = np.abs(rng.normal(size=(40, 50, 2))).astype(np.float32)
    both = hpss_masks(magnitudes)[1]
    np.testing.assert_array_equal(both[..., 1], hpss_masks(magnitudes[..., 1])[1])


def test_masks_share_every_cell_even_in_silence(rng):
    magnitudes = np.abs(rng.normal(size=(40, 50))).astype(np.float32)
    magnitudes[:20] = 0
    np.testing.assert_allclose(sum(hpss_masks(magnitudes)), 1.0, atol=1e-6)


def test_a_margin_leaves_a_residual(rng):
    magnitudes = np.abs(rng.normal(size=(40, 50))).astype(np.float32)
    harmonic, percussive = hpss_masks(magnitudes, margin=3.0)
    assert (harmonic + percussive).max() <= 1
    assert (harmonic + percussive).mean() < 0.5  # noise is neither


@pytest.mark.parametrize("level", [1e-30, 1e30])
def test_masks_do_not_depend_on_the_level(rng, level):
    magnitudes = np.abs(rng.normal(size=(40, 50))).astype(np.float32)
    for mask, expected in zip(hpss_masks(magnitudes * np.float32(level)), hpss_masks(magnitudes), strict=True):
        np.testing.assert_allclose(mask, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "named"), [({"kernel": 4}, "kernel=4"), ({"margin": 0.5}, "margin=0.5"), ({"power": 0}, "power=0")]
)
def test_arguments_out_of_range_are_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        hpss_masks(np.ones((4, 4), np.float32), **arguments)


def test_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"\(4,\)"):
        hpss_masks(np.ones(4, np.float32))
