"""Harmonic-percussive separation against librosa, and as a streamed baseline."""

import sys

import numpy as np
import pytest

from tfsep.dsp.hpss import HpssBaseline, hpss_masks, median_along
from tfsep.errors import MissingExtraError

pytest.importorskip("scipy")


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_median_matches_the_definition(rng):
    values = rng.normal(size=(7, 9, 2)).astype(np.float32)
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


def test_clicks_are_drums_and_a_sine_is_not():
    rate = 22_050
    sine = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)
    clicks = np.zeros(3 * rate)
    clicks[rate // 4 :: rate // 2] = 0.9
    mixture = (sine + clicks)[:, None].astype(np.float32)
    drums = np.concatenate(list(HpssBaseline().stream([mixture], sample_rate_hz=rate, channels=1)))[:, 0]
    inside = slice(rate // 8, -rate // 8)  # a sine that starts from nothing is a hit there
    left = drums[inside] - clicks[inside]
    gain_db = 10 * np.log10(np.sum(sine[inside] ** 2) / np.sum(left**2))
    assert gain_db > 15
    assert drums[rate // 4] > 0.7


@pytest.mark.parametrize("block_samples", [100, 5_000, 60_000])
def test_result_does_not_depend_on_blocks_or_groups(rng, block_samples):
    signal = rng.normal(0, 0.1, (60_001, 2)).astype(np.float32)
    whole = HpssBaseline(group_frames=10_000).stream([signal], sample_rate_hz=44_100, channels=2)
    blocks = [signal[start : start + block_samples] for start in range(0, len(signal), block_samples)]
    streamed = HpssBaseline(group_frames=7).stream(blocks, sample_rate_hz=44_100, channels=2)
    streamed = np.concatenate(list(streamed))
    assert streamed.shape == signal.shape
    np.testing.assert_allclose(streamed, np.concatenate(list(whole)), atol=1e-6)


@pytest.mark.parametrize("samples", [0, 1, 300])
def test_short_signals_keep_their_length(samples):
    signal = np.full((samples, 1), 0.1, np.float32)
    blocks = list(HpssBaseline().stream([signal], sample_rate_hz=44_100, channels=1))
    assert sum(map(len, blocks)) == samples


@pytest.mark.parametrize(
    ("arguments", "named"), [({"kernel": 4}, "kernel=4"), ({"margin": 0.5}, "margin=0.5"), ({"power": 0}, "power=0")]
)
def test_arguments_out_of_range_are_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        hpss_masks(np.ones((4, 4), np.float32), **arguments)


def test_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"\(4,\)"):
        hpss_masks(np.ones(4, np.float32))


def test_baseline_checks_its_arguments():
    with pytest.raises(ValueError, match="kernel=2"):
        HpssBaseline(kernel=2)
    with pytest.raises(ValueError, match="group_frames=0"):
        HpssBaseline(group_frames=0)


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    with pytest.raises(MissingExtraError, match=r"tfsep\[evaluate\]"):
        hpss_masks(np.ones((4, 4), np.float32))
