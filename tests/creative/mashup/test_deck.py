import numpy as np
import pytest

from tfsep.creative.mashup.deck import POWERS_PER_S, _Powers


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100])
@pytest.mark.parametrize("step", [1001, 7777])
def test_powers_keep_time(rate_hz, step):
    powers = _Powers(rate_hz)
    sound = np.zeros((60 * rate_hz, 4, 2), np.float32)
    at = 59 * rate_hz  # where a size of 220 samples instead of 220.5 is 13 frames late
    sound[at : at + rate_hz // 2, 2] = 0.5
    for start in range(0, len(sound), step):
        powers.push(sound[start : start + step])
    found = powers.finish()
    expected = np.zeros((60 * POWERS_PER_S, 4))
    expected[59 * POWERS_PER_S :, 2][: POWERS_PER_S // 2] = 0.25
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_powers_of_nothing():
    assert _Powers(8000).finish().shape == (0, 4)
