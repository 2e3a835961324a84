"""How much the files of a song have in common, and what each sounds like: for stems that are swapped, copied or bleed."""

from dataclasses import dataclass

import numpy as np

from tfsep.dsp.hpss import hpss_masks
from tfsep.dsp.stft import StreamingStft, stft
from tfsep.spec import SpectrogramSpec

_LOW_HZ = 200.0
_HITS_HZ = 300.0  # a kick below is as tonal as a bass
_HIGH_HZ = 16_000.0  # above it, lossy coders leave nothing
_QUIET = 0.03  # of the root mean square magnitude of a signal
_ACTIVE_RMS = 10 ** (-50 / 20)
_ALWAYS, _EVERY = 3, 3  # excerpts are analysed up to a number, and then each third one


@dataclass(frozen=True, kw_only=True)
class Sound:
    """What a stem sounds like, from its power spectrum: each a mean over its excerpts, weighted by energy.

    Attributes:
        percussive: share of the energy above 300 Hz that harmonic-percussive separation takes for hits, 0 to 1.
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
        self._hits, self._sums = np.zeros(2), np.zeros(3)
        self._excerpts = self._analysed = 0
        self._hz = np.arange(self._spec.bins) * sample_rate_hz / self._spec.window_samples

    def push(self, excerpt: np.ndarray) -> None:
        """Take float32 `(samples, channels)`."""
        self._excerpts += 1
        mono = excerpt.mean(axis=1, keepdims=True, dtype=np.float32)
        active = len(mono) > self._spec.window_samples and np.sqrt(np.square(mono).mean()) > _ACTIVE_RMS
        if not active or (self._analysed >= _ALWAYS and self._excerpts % _EVERY):
            return
        self._analysed += 1
        magnitudes = np.abs(stft(mono, self._spec)[:, :, 0])
        power = magnitudes**2
        spectrum = power.sum(axis=0, dtype=np.float64)
        above = self._hz >= _HITS_HZ
        harmonic, percussive = ((power * mask**2)[:, above].sum(dtype=np.float64) for mask in hpss_masks(magnitudes))
        self._hits += percussive, harmonic + percussive
        self._sums += spectrum[self._hz < _LOW_HZ].sum(), spectrum @ self._hz, spectrum.sum()

    def finish(self) -> Sound | None:
        """Return the description, None where nothing was loud enough."""
        if not self._analysed:
            return None
        low, centroid_hz = self._sums[:2] / self._sums[2]
        percussive = self._hits[0] / self._hits[1] if self._hits[1] > 0 else 0.0
        return Sound(percussive=float(percussive), low=float(low), centroid_hz=float(centroid_hz))


class CoherenceMeter:
    """Accumulates how steadily the phases of several signals of one rate follow each other.

    Every cell of the spectra counts alike, as in the phase transform of Knapp and Carter 1976 ("The generalized correlation
    method for estimation of time delay"), but for those that lie far below the signal's level so far. That finds bleed in what
    is quiet, and is fooled less than plain coherence by loops that repeat together.
    """

    def __init__(self, signals: int, sample_rate_hz: int):
        spec = SpectrogramSpec(sample_rate_hz=sample_rate_hz, window_samples=4096, hop_samples=2048, channels=1)
        self._stft = StreamingStft(spec, signals)
        self._cross = np.zeros((spec.bins, signals, signals), np.complex128)
        self._energy, self._frames = np.zeros(signals), 0
        hz = np.arange(spec.bins) * sample_rate_hz / spec.window_samples
        self._weights = np.where((hz > _LOW_HZ) & (hz < _HIGH_HZ), 1 / np.maximum(hz, 1), 0)  # each octave counts alike

    def push(self, block: np.ndarray) -> None:
        """Take float32 `(samples, signals)`."""
        spectra = self._stft.push(block)
        magnitudes = np.abs(spectra)
        self._energy += np.square(magnitudes).sum(axis=0, dtype=np.float64).mean(axis=0)
        self._frames += len(spectra)
        floor = _QUIET * np.sqrt(self._energy / max(1, self._frames))
        phases = (spectra / (magnitudes + np.maximum(floor, 1e-12).astype(np.float32))).transpose(1, 0, 2)
        self._cross += phases.transpose(0, 2, 1).conj() @ phases

    def shared(self) -> np.ndarray:
        """Return how much of each signal goes with each other one: float64 `(signals, signals)`, 0 to 1, 1 for a copy.

        Row i, column j is the squared coherence of i and j, averaged over 200 Hz to 16 kHz by how much there is of i.
        """
        power = np.einsum("fii->fi", self._cross).real
        between = power[:, :, None] * power[:, None, :]
        coherence = np.divide(np.abs(self._cross) ** 2, between, out=np.zeros_like(between), where=between > 0)
        weights = power * self._weights[:, None]
        total = weights.sum(axis=0)
        return np.einsum("fij,fi->ij", coherence, weights) / np.where(total > 0, total, 1)[:, None]
