"""How much the files of a song have in common, and what each sounds like: for stems that are swapped, copied or bleed."""

from dataclasses import dataclass

import numpy as np

from tfsep.dsp.hpss import hpss_masks
from tfsep.dsp.stft import StreamingStft, stft
from tfsep.spec import SpectrogramSpec

_LOW_HZ = 200.0
_ACTIVE_RMS = 10 ** (-50 / 20)
_ALWAYS, _EVERY = 3, 3  # excerpts are analysed up to a number, and then each third one


@dataclass(frozen=True, kw_only=True)
class Sound:
    """What a stem sounds like, from its power spectrum: each a mean over its excerpts, weighted by energy.

    Attributes:
        percussive: share of the energy that harmonic-percussive separation takes for hits, 0 to 1.
        low: share of the energy below 200 Hz, 0 to 1.
        centroid_hz: centre of the power spectrum.
    """

    percussive: float
    low: float
    centroid_hz: float


class SoundMeter:
    """Describes one stem by excerpts of some seconds."""

    def __init__(self, sample_rate_hz: int):
        self._spec = SpectrogramSpec(sample_rate_hz=sample_rate_hz, window_samples=2048, hop_samples=512, channels=1)
        self._sums = np.zeros(4)
        self._excerpts = self._analysed = 0
        self._hz = np.arange(self._spec.bins) * sample_rate_hz / self._spec.window_samples

    def push(self, excerpt: np.ndarray) -> None:
        """Take float32 `(samples, channels)`. Raises: MissingExtraError without scipy."""
        self._excerpts += 1
        mono = excerpt.mean(axis=1, keepdims=True, dtype=np.float32)
        active = len(mono) > self._spec.window_samples and np.sqrt(np.square(mono).mean()) > _ACTIVE_RMS
        if not active or (self._analysed >= _ALWAYS and self._excerpts % _EVERY):
            return
        self._analysed += 1
        magnitudes = np.abs(stft(mono, self._spec)[:, :, 0])
        power = magnitudes**2
        spectrum = power.sum(axis=0, dtype=np.float64)
        harmonic, percussive = (np.square(magnitudes * mask).sum(dtype=np.float64) for mask in hpss_masks(magnitudes))
        total = spectrum.sum()
        self._sums += (
            total * percussive / (percussive + harmonic),
            spectrum[self._hz < _LOW_HZ].sum(),
            spectrum @ self._hz,
            total,
        )

    def finish(self) -> Sound | None:
        """Return the description, None where nothing was loud enough."""
        if not self._analysed:
            return None
        percussive, low, centroid_hz = self._sums[:3] / self._sums[3]
        return Sound(percussive=float(percussive), low=float(low), centroid_hz=float(centroid_hz))


class CoherenceMeter:
    """Accumulates the cross-spectra of several signals of one rate (Welch 1967)."""

    def __init__(self, signals: int, sample_rate_hz: int):
        spec = SpectrogramSpec(sample_rate_hz=sample_rate_hz, window_samples=4096, hop_samples=2048, channels=1)
        self._stft = StreamingStft(spec, signals)
        self._cross = np.zeros((spec.bins, signals, signals), np.complex128)

    def push(self, block: np.ndarray) -> None:
        """Take float32 `(samples, signals)`."""
        spectra = self._stft.push(block).transpose(1, 0, 2)
        self._cross += spectra.transpose(0, 2, 1).conj() @ spectra

    def shared(self) -> np.ndarray:
        """Return which share of each signal's energy a filter could make of each other one: float64 `(signals, signals)`, 0 to 1.

        Row i, column j is the magnitude-squared coherence of i and j, averaged over frequency by the power of i.
        """
        power = np.einsum("fii->fi", self._cross).real
        between = power[:, :, None] * power[:, None, :]
        coherence = np.divide(np.abs(self._cross) ** 2, between, out=np.zeros_like(between), where=between > 0)
        total = power.sum(axis=0)
        return np.einsum("fij,fi->ij", coherence, power) / np.where(total > 0, total, 1)[:, None]
