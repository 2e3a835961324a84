"""A limiter that looks ahead, holds true peaks below a ceiling, and turns the stems down with their sum."""

from collections.abc import Iterator

import numpy as np

from tfsep.audio import Resampler

_OVERSAMPLING = 4  # BS.1770-5, annex 2
_CHUNK = 32  # samples that share a demand for gain
_REACH_S = 0.02  # the gain begins to fall so long before a peak, and is back so long after it


class Limiter:
    """Limits a mix that arrives in blocks, with its stems.

    The gain that each stretch of samples needs (from its true peak, four times oversampled) is held for the reach of a smoothing
    window around it and then smoothed by that window: so it is never above what is needed, and moves without steps.

    Args:
        sample_rate_hz, channels: of the blocks.
        ceiling_db: full scale is 0.
    """

    def __init__(self, sample_rate_hz: int, channels: int, ceiling_db: float = -1.0):
        self._ceiling = 10 ** (ceiling_db / 20)
        self._reach = max(1, round(_REACH_S * sample_rate_hz / _CHUNK))
        window = np.hanning(2 * self._reach + 3)[1:-1]
        self._window = window / window.sum()
        self._oversampler = Resampler(sample_rate_hz, _OVERSAMPLING * sample_rate_hz, channels)
        self._peaks = np.zeros((0, channels), np.float32)  # oversampled, not yet in demands
        # the oversampler loses the last tenth of the band, and so a little of a peak of one sample
        self._sample_peaks = np.zeros(0, np.float32)  # not yet in demands
        self._demands = np.ones(self._margin)  # of chunks, from `_margin` before the first that is held
        self._held: list[np.ndarray] = []  # blocks `(samples, stems, channels)`
        self._held_samples = 0
        self.least_gain = 1.0

    @property
    def _margin(self) -> int:
        """Chunks before and after one whose demands decide its gain."""
        return 2 * self._reach + 2

    def push(self, stems: np.ndarray) -> Iterator[np.ndarray]:
        """Take float32 `(samples, stems, channels)`; yield what is ready, limited, of that shape."""
        self._held.append(stems)
        self._held_samples += len(stems)
        mix = np.einsum("tsc->tc", stems)  # several times faster than `sum`
        self._sample_peaks = np.concatenate([self._sample_peaks, np.abs(mix).max(axis=1)])
        self._demand(self._oversampler.process(mix))
        ready = len(self._demands) - 2 * self._margin
        if ready > 0:
            yield self._release(ready)

    def finish(self) -> Iterator[np.ndarray]:
        """Yield the rest."""
        self._demand(self._oversampler.flush())
        self._sample_peaks = np.pad(self._sample_peaks, (0, -len(self._sample_peaks) % _CHUNK))
        missing = len(self._sample_peaks) * _OVERSAMPLING - len(self._peaks)
        self._demand(np.pad(self._peaks[:0], ((0, missing), (0, 0))))
        chunks = -(-self._held_samples // _CHUNK)
        missing = max(0, chunks + 2 * self._margin - len(self._demands))
        self._demands = np.concatenate([self._demands, np.ones(missing)])
        if chunks:
            yield self._release(chunks)

    def _demand(self, oversampled: np.ndarray) -> None:
        self._peaks = np.concatenate([self._peaks, oversampled])
        size = _CHUNK * _OVERSAMPLING
        chunks = len(self._peaks) // size
        peaks = np.abs(self._peaks[: chunks * size]).reshape(chunks, size * self._peaks.shape[1]).max(axis=1)
        self._peaks = self._peaks[chunks * size :]
        peaks = np.maximum(peaks, self._sample_peaks[: chunks * _CHUNK].reshape(chunks, _CHUNK).max(axis=1))
        self._sample_peaks = self._sample_peaks[chunks * _CHUNK :]
        self._demands = np.concatenate([self._demands, np.minimum(1.0, self._ceiling / np.maximum(peaks, 1e-9))])

    def _release(self, chunks: int) -> np.ndarray:
        """Return the next `chunks` chunks of what is held, limited."""
        demands = self._demands[: chunks + 2 * self._margin]
        least = np.lib.stride_tricks.sliding_window_view(demands, 2 * self._reach + 3).min(axis=1)
        gains = np.convolve(least, self._window, "valid")  # of one chunk before the first to one after the last
        held = np.concatenate(self._held)
        count = min(chunks * _CHUNK, len(held))
        at = (np.arange(count) + 0.5) / _CHUNK + 0.5
        gain = np.interp(at, np.arange(len(gains)), gains).astype(np.float32)
        self.least_gain = min(self.least_gain, float(gain.min(initial=1.0)))
        self._held, self._held_samples = [held[count:]], len(held) - count
        self._demands = self._demands[chunks:]
        return held[:count] * gain[:, None, None]
