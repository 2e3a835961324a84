"""Loudness as EBU R 128 measures it: ITU-R BS.1770-5, annex 1, from spectra instead of filtered samples."""

import numpy as np

from tfsep.dsp.stft import StreamingStft
from tfsep.spec import SpectrogramSpec

_BLOCK_S, _STEP_S = 0.4, 0.1
_ABSOLUTE_LUFS, _RELATIVE_LU = -70.0, -10.0
_OFFSET_LUFS = -0.691
_HANN_SQUARES = 3.0  # the mean square of a signal is a third of the sum over the bins of a frame, by Parseval's theorem


class LoudnessMeter:
    """Measures the integrated loudness of a signal that arrives in blocks.

    The K weighting is applied to the power of each bin of a short-time spectrum, which tells the mean square of the filtered
    signal to a few hundredths of a decibel and takes no filter with memory.

    Args:
        sample_rate_hz, channels: of the blocks; all channels weigh the same, as left and right do.
    """

    def __init__(self, sample_rate_hz: int, channels: int):
        self._spec = SpectrogramSpec(sample_rate_hz=sample_rate_hz, channels=channels)
        self._stft = StreamingStft(self._spec, channels)
        hz = np.arange(self._spec.bins) * sample_rate_hz / self._spec.window_samples
        self._weights = np.repeat(_k_weighting(hz, sample_rate_hz) / _HANN_SQUARES, channels)  # of `(bins, channels)`
        self._powers: list[np.ndarray] = []

    def push(self, block: np.ndarray) -> None:
        """Take float32 `(samples, channels)`, full scale 1."""
        self._add(self._stft.push(block))

    def finish(self) -> float | None:
        """Return the integrated loudness in LUFS, None of what is silent or too soft to be measured (below -70 LUFS)."""
        self._add(self._stft.finish())
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        sums = np.concatenate([[0.0], np.cumsum(powers)])
        frames_per_s = self._spec.frames_per_second
        starts = np.arange(0.0, max(_STEP_S, len(powers) / frames_per_s - _BLOCK_S), _STEP_S) * frames_per_s
        ends = starts + _BLOCK_S * frames_per_s
        at = np.arange(len(sums))
        blocks = (np.interp(ends, at, sums) - np.interp(starts, at, sums)) / (ends - starts)
        return _gated(blocks)

    def _add(self, spectra: np.ndarray) -> None:
        powers = (spectra.real**2 + spectra.imag**2).reshape(len(spectra), len(self._weights))
        self._powers.append((powers @ self._weights).astype(np.float64))


def _gated(powers: np.ndarray) -> float | None:
    """Return the loudness of the blocks above both gates (annex 1, eq. 4 to 7)."""
    loud = powers[_lufs(powers) > _ABSOLUTE_LUFS]
    if not len(loud):
        return None
    loud = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_LU]
    return float(_lufs(loud.mean()))


def _lufs(power: np.ndarray) -> np.ndarray:
    return _OFFSET_LUFS + 10 * np.log10(np.maximum(power, 1e-20))


def _k_weighting(hz: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return the gain in power of the two filters, which the standard tabulates for 48 kHz, at any rate.

    The analogue filters behind that table are those of Mansbridge, Finn and Reiss, "Implementation and evaluation of autonomous
    multi-track fader control", AES 132, 2012.
    """
    z = np.exp(-2j * np.pi * hz / sample_rate_hz)
    k, q = np.tan(np.pi * 1681.974450955533 / sample_rate_hz), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    shelf = (high + middle * k / q + k * k) + 2 * (k * k - high) * z + (high - middle * k / q + k * k) * z**2
    shelf /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    k, q = np.tan(np.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    high_pass = (1 - 2 * z + z**2) / (
        1 + 2 * (k * k - 1) / (1 + k / q + k * k) * z + (1 - k / q + k * k) / (1 + k / q + k * k) * z**2
    )
    return np.abs(shelf * high_pass) ** 2
