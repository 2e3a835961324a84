"""A linear-phase high pass for a stream, its delay taken out."""

import numpy as np

ATTENUATION_DB = 120.0  # of the stop band, below what float32 sums resolve


def highpass_taps(stop_hz: float, pass_hz: float, sample_rate_hz: int) -> np.ndarray:
    """Return a windowed-sinc high pass, float64 `(taps,)`, an odd number of them.

    Kaiser's window for `ATTENUATION_DB` (Kaiser 1974; Oppenheim and Schafer, "Discrete-time signal processing", section 7.5.3).

    Raises: ValueError unless `0 <= stop_hz < pass_hz <= sample_rate_hz / 2`.
    """
    if not 0 <= stop_hz < pass_hz <= sample_rate_hz / 2:
        raise ValueError(f"stop_hz={stop_hz:g}, pass_hz={pass_hz:g}: use limits in this order, up to half the sample rate")
    transition = 2 * np.pi * (pass_hz - stop_hz) / sample_rate_hz
    half = int(np.ceil((ATTENUATION_DB - 7.95) / (2.285 * transition) / 2))
    at = np.arange(-half, half + 1)
    edge = (stop_hz + pass_hz) / sample_rate_hz  # of Nyquist
    low = edge * np.sinc(edge * at) * np.kaiser(2 * half + 1, 0.1102 * (ATTENUATION_DB - 8.7))
    taps = -low
    taps[half] += 1
    return taps


class StreamingFir:
    """Filters a stream that arrives in blocks: out comes as much as went in, without delay, whatever the blocks.

    Args:
        taps: float `(taps,)`, an odd number, symmetric.
        channels: of every block.
    """

    def __init__(self, taps: np.ndarray, channels: int):
        self._taps = taps
        self._past = np.zeros((len(taps) - 1, channels), np.float32)
        self._early = len(taps) // 2  # samples of the filter's delay that have yet to be left out
        self._response: dict[int, np.ndarray] = {}

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take float32 `(samples, channels)`; return what is ready, float32."""
        if not len(block):
            return block
        joined = np.concatenate([self._past, block])
        size = 1 << (len(joined) - 1).bit_length()
        if size not in self._response:
            self._response = {size: np.fft.rfft(self._taps, size)[:, np.newaxis]}
        filtered = np.fft.irfft(np.fft.rfft(joined, size, axis=0) * self._response[size], size, axis=0)
        filtered = filtered[len(self._past) : len(joined)]
        self._past = joined[len(joined) - len(self._past) :]
        skipped = min(self._early, len(filtered))
        self._early -= skipped
        return filtered[skipped:].astype(np.float32)

    def finish(self) -> np.ndarray:
        """Return the rest, after the last block."""
        return self.push(np.zeros((len(self._taps) // 2, self._past.shape[1]), np.float32))
