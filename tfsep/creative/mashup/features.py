"""What beats, bars and keys are found from: onset strength in bands and chroma, of the drums and of the rest of a song.

Onset strength is the rise of log-compressed band energy from frame to frame (spectral flux; Böck and Widmer, "Maximum filter
vibrato suppression for onset detection", DAFx 2013, without the maximum filter); chroma folds the spectrum of what is not drums
to twelve pitch classes (Fujishima, "Realtime chord recognition of musical sound", ICMC 1999).
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from tfsep.audio import Resampler, to_mono
from tfsep.dsp.stft import StreamingStft
from tfsep.spec import SpectrogramSpec

RATE_HZ = 22_050
BAND_EDGES_HZ = (0, 150, 500, 2000, 6000, 11_025)
LANES = 2 * (len(BAND_EDGES_HZ) - 1)  # bands of the drums, then bands of the rest
_ONSETS = SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=1024, hop_samples=256, channels=1)
_TONES = SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=8192, hop_samples=2048, channels=1)
FRAMES_PER_S = _ONSETS.frames_per_second
CHROMA_PER_S = _TONES.frames_per_second
_LOG_GAIN = 1000.0
_LOWEST_HZ, _HIGHEST_HZ = 55.0, 1760.0  # A1 to A6: below and above, harmonics and noise outweigh pitches


@dataclass(frozen=True, eq=False)
class Features:
    """Of a whole song.

    Attributes:
        onsets: float32 `(frames, LANES)`, >= 0, at `FRAMES_PER_S`; frame `k` is centred at `k / FRAMES_PER_S` seconds.
        chroma: float32 `(frames, 12)`, >= 0, C first, at `CHROMA_PER_S`.
        duration_s: of the song.
    """

    onsets: np.ndarray
    chroma: np.ndarray
    duration_s: float


class FeatureStream:
    """Computes `Features` from blocks of drums and rest; they do not depend on how the song is cut into blocks.

    Args:
        sample_rate_hz: of the blocks.
    """

    def __init__(self, sample_rate_hz: int):
        self._rate_hz, self._samples = sample_rate_hz, 0
        self._resamplers = [Resampler(sample_rate_hz, RATE_HZ, 1) for _ in range(2)]
        self._onset_stfts = [StreamingStft(_ONSETS, 1) for _ in range(2)]
        self._last = [np.zeros((1, len(BAND_EDGES_HZ) - 1), np.float32) for _ in range(2)]
        self._chroma_stft = StreamingStft(_TONES, 1)
        self._onsets: list[list[np.ndarray]] = [[], []]
        self._chroma: list[np.ndarray] = []

    def push(self, drums: np.ndarray, rest: np.ndarray) -> None:
        """Take float32 `(samples, channels)` of each, of one length."""
        self._samples += len(drums)
        for part, block in enumerate((drums, rest)):
            self._take(part, self._resamplers[part].process(to_mono(block)))

    def finish(self) -> Features:
        """Return the features of all that was pushed."""
        for part, resampler in enumerate(self._resamplers):
            self._take(part, resampler.flush())
            self._add_onsets(part, self._onset_stfts[part].finish())
        self._add_chroma(self._chroma_stft.finish())
        onsets = np.concatenate([np.concatenate(lanes) for lanes in self._onsets], axis=1)
        # frame k of the streams is centred at (k - 1) hops
        return Features(onsets[1:], np.concatenate(self._chroma)[1:], self._samples / self._rate_hz)

    def _take(self, part: int, samples: np.ndarray) -> None:
        self._add_onsets(part, self._onset_stfts[part].push(samples))
        if part == 1:
            self._add_chroma(self._chroma_stft.push(samples))

    def _add_onsets(self, part: int, spectra: np.ndarray) -> None:
        bands = np.log1p(_LOG_GAIN * np.abs(spectra[:, :, 0])) @ _band_matrix()
        rise = np.diff(np.concatenate([self._last[part], bands]), axis=0)
        self._last[part] = bands[-1:] if len(bands) else self._last[part]
        self._onsets[part].append(np.maximum(rise, 0).astype(np.float32))

    def _add_chroma(self, spectra: np.ndarray) -> None:
        self._chroma.append(np.log1p(_LOG_GAIN * np.abs(spectra[:, :, 0])) @ _chroma_matrix())


@lru_cache(maxsize=1)
def _band_matrix() -> np.ndarray:
    """Return the mean over each band, float32 `(bins, bands)`."""
    hz = np.arange(_ONSETS.bins) * RATE_HZ / _ONSETS.window_samples
    inside = np.stack([(hz >= low) & (hz < high) for low, high in pairwise(BAND_EDGES_HZ)], axis=1)
    return (inside / inside.sum(axis=0)).astype(np.float32)


@lru_cache(maxsize=1)
def _chroma_matrix() -> np.ndarray:
    """Return the share of each bin in each pitch class, float32 `(bins, 12)`: a bell of half a semitone."""
    hz = np.maximum(np.arange(_TONES.bins) * RATE_HZ / _TONES.window_samples, 1.0)
    pitch = 12 * np.log2(hz / 440.0) + 9  # 0 is a C
    distance = (pitch[:, None] - np.arange(12) + 6) % 12 - 6
    # wide bins of low pitches must not count more often than their pitch deserves
    weight = np.exp(-0.5 * (distance / 0.3) ** 2) * (((hz >= _LOWEST_HZ) & (hz <= _HIGHEST_HZ)) / hz)[:, None]
    return (weight * 1000.0).astype(np.float32)
