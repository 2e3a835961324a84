import numpy as np
import pytest

from tfsep.audio import Resampler, resampled_length


def convert(sound, from_hz, to_hz, block_samples):
    resampler = Resampler(from_hz, to_hz, sound.shape[1])
    blocks = [resampler.process(sound[start : start + block_samples]) for start in range(0, len(sound), block_samples)]
    return np.concatenate([*blocks, resampler.flush()])


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [(44_100, 48_000), (48_000, 44_100), (8000, 44_100), (192_000, 44_100), (44_100, 8192), (96_000, 8000)],
)
@pytest.mark.parametrize("samples", [1, 10, 1001, 40_003])
def test_length_is_exact_and_nothing_is_delayed(from_hz, to_hz, samples):
    time_s = np.arange(samples) / from_hz
    sound = np.stack([np.sin(2 * np.pi * 440 * time_s), np.cos(2 * np.pi * 1000 * time_s)], axis=1).astype(np.float32)
    result = convert(sound, from_hz, to_hz, 777)
    assert len(result) == resampled_length(samples, from_hz, to_hz) == int(samples * to_hz / from_hz + 0.5)
    if samples == 40_003:
        middle = slice(len(result) // 4, len(result) // 2)
        time_s = np.arange(len(result))[middle] / to_hz
        np.testing.assert_allclose(result[middle, 0], np.sin(2 * np.pi * 440 * time_s), atol=1e-5)
        np.testing.assert_allclose(result[middle, 1], np.cos(2 * np.pi * 1000 * time_s), atol=1e-5)


def test_block_length_does_not_matter(rng):
    sound = rng.normal(0, 0.1, (20_000, 2)).astype(np.float32)
    whole = convert(sound, 44_100, 48_000, len(sound))
    np.testing.assert_allclose(convert(sound, 44_100, 48_000, 313), whole, atol=1e-6)


def test_equal_rates_pass_untouched(rng):
    sound = rng.normal(0, 0.1, (5000, 1)).astype(np.float32)
    np.testing.assert_array_equal(convert(sound, 44_100, 44_100, 1000), sound)


def test_bad_arguments():
    with pytest.raises(ValueError, match="to_hz=0"):
        Resampler(44_100, 0, 2)
    with pytest.raises(ValueError, match=r"\(10, 1\).*\(samples, 2\)"):
        Resampler(44_100, 48_000, 2).process(np.zeros((10, 1), np.float32))
