import numpy as np
import pytest

from tfsep.dsp.fir import StreamingFir, highpass_taps

RATE_HZ = 8000


def response_db(hz: float) -> float:
    taps = highpass_taps(1000, 1200, RATE_HZ)
    at = np.arange(len(taps)) - len(taps) // 2
    return 20 * np.log10(abs(np.sum(taps * np.exp(-2j * np.pi * hz / RATE_HZ * at))) + 1e-12)


def test_the_bands():
    for hz in (0, 300, 700, 999):
        assert response_db(hz) < -115
    for hz in (1201, 2000, 3999):
        assert abs(response_db(hz)) < 1e-4


@pytest.mark.parametrize("block", [1, 100, 5000])
def test_the_stream_is_the_convolution_without_its_delay(rng, block):
    taps = highpass_taps(1000, 2000, RATE_HZ)
    sound = rng.normal(0, 1, (700, 2)).astype(np.float32)
    fir = StreamingFir(taps, 2)
    parts = [fir.push(sound[start : start + block]) for start in range(0, len(sound), block)]
    found = np.concatenate([*parts, fir.finish()])
    for channel in range(2):
        expected = np.convolve(sound[:, channel], taps, mode="same")
        np.testing.assert_allclose(found[:, channel], expected, atol=1e-5)


def test_limits_out_of_order():
    with pytest.raises(ValueError, match="in this order"):
        highpass_taps(2000, 1000, RATE_HZ)
