import numpy as np
import pytest

from tfsep.dsp.consistency import quantise, quantise_stems

SCALE = {"pcm_16": 2**15, "pcm_24": 2**23}


def integers(array: np.ndarray, subtype: str) -> np.ndarray:
    scaled = array.astype(np.float64) * SCALE[subtype]
    np.testing.assert_array_equal(scaled, np.rint(scaled))
    assert scaled.min() >= -SCALE[subtype]
    assert scaled.max() < SCALE[subtype]
    return scaled.astype(np.int64)


def split(mixture: np.ndarray, stems: int, rng, spread: float) -> np.ndarray:
    """Stems that sum to the mixture up to rounding; `spread` moves them apart, so that single ones leave full scale."""
    parts = rng.normal(0, spread, (stems, *mixture.shape))
    return (parts + (mixture - parts.sum(axis=0)) / stems).astype(np.float32)


@pytest.mark.parametrize("subtype", ["pcm_16", "pcm_24"])
@pytest.mark.parametrize("spread", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("stems", [2, 4])
def test_integers_sum_exactly(subtype, spread, stems):
    rng = np.random.default_rng(5)
    scale = SCALE[subtype]
    mixture = (rng.integers(-scale, scale, (3000, 2)) / scale).astype(np.float32)
    mixture[:100] = -1.0
    mixture[100:200] = (scale - 1) / scale
    for residual in range(stems):
        result = quantise_stems(split(mixture, stems, rng, spread), mixture, subtype, residual)
        assert result.dtype == np.float32
        np.testing.assert_array_equal(integers(result, subtype).sum(axis=0), integers(mixture, subtype))


@pytest.mark.parametrize("subtype", ["pcm_16", "pcm_24"])
def test_without_clipping_stems_move_by_at_most_two_steps(subtype):
    rng = np.random.default_rng(6)
    mixture = rng.uniform(-0.5, 0.5, (2000, 2)).astype(np.float32)
    stems = split(mixture, 4, rng, 0.05)
    result = quantise_stems(stems, mixture, subtype, 2)
    step = 1 / SCALE[subtype]
    others = [0, 1, 3]
    assert np.abs(result[others] - stems[others]).max() <= 0.5 * step * 1.01
    assert np.abs(result[2] - stems[2]).max() <= 2 * step + 4e-7  # three roundings of half a step, and the mixture's


def test_mixture_beyond_full_scale_and_finer_than_the_grid():
    mixture = np.array([[1.5], [-1.5], [0.30001], [1e-6]], np.float32)
    stems = np.stack([mixture, mixture * 0, mixture * 0])
    result = integers(quantise_stems(stems, mixture, "pcm_16", 1), "pcm_16")
    np.testing.assert_array_equal(result.sum(axis=0)[:, 0], [32767, -32768, round(0.30001 * 32768), 0])


def test_float_sum_is_within_half_a_unit_of_the_residual():
    rng = np.random.default_rng(7)
    mixture = rng.uniform(-1, 1, (5000, 2)).astype(np.float32)
    for spread in (0.01, 0.3, 10.0):
        result = quantise_stems(split(mixture, 4, rng, spread), mixture, "float32", 1)
        error = np.abs(result.astype(np.float64).sum(axis=0) - mixture)
        assert (error <= np.spacing(np.abs(result[1])).astype(np.float64) / 2).all()
        assert (error <= np.spacing(np.abs(result).max(axis=0)).astype(np.float64) / 2).all()


@pytest.mark.parametrize("subtype", ["pcm_16", "pcm_24", "float32"])
def test_silence_stays_silent(subtype):
    silence = np.zeros((50, 2), np.float32)
    assert not quantise_stems(np.zeros((4, 50, 2), np.float32), silence, subtype, 3).any()


def test_quantise():
    values = np.array([0.5, 1.0, -1.0, 1 / 65536, 3 / 65536, -2.0], np.float32)
    np.testing.assert_array_equal(quantise(values, "pcm_16") * 32768, [16384, 32767, -32768, 0, 2, -32768])
    np.testing.assert_array_equal(quantise(values, "float32"), values)


def test_wrong_arguments():
    stems, mixture = np.zeros((4, 5, 2), np.float32), np.zeros((5, 2), np.float32)
    with pytest.raises(ValueError, match=r"subtype='pcm_8': use one of"):
        quantise_stems(stems, mixture, "pcm_8", 0)
    with pytest.raises(ValueError, match="subtype='pcm_8'"):
        quantise(mixture, "pcm_8")
    with pytest.raises(ValueError, match=r"stems of shape \(4, 5, 2\) and a mixture of \(4, 2\)"):
        quantise_stems(stems, mixture[:4], "pcm_16", 0)
    with pytest.raises(ValueError, match="residual=4: use 0 to 3"):
        quantise_stems(stems, mixture, "pcm_16", 4)
