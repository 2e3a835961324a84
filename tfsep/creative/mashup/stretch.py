"""Time stretching of several stems at once that leaves their sum whole.

A phase vocoder with identity phase locking (Laroche and Dolson, "Improved phase vocoder time-scale modification of audio", IEEE
TSAP 7(3), 1999). The phases are found once, from the sum of all stems and channels, as one rotation of each bin of each frame;
every stem's spectrum is turned by it. Turning is linear, so the stretched stems sum to the stretched sum, and the channels keep
their differences of phase. How far a bin turns between two frames is read off a second transform, one hop before the
frame, so that nothing has to be unwrapped. At transients time runs at its own speed, and bins whose energy rises start with the
phase they have in the song (Röbel, "A new approach to transient processing in the phase vocoder", DAFx 2003).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfsep.creative.mashup.piecewise import PiecewiseLinear
from tfsep.dsp.windows import hann_window

_WINDOW_S = 0.093  # long enough to tell the tones of a bass apart
_OVERLAPS = 4
_BATCH_FRAMES = 32
_RISE = 2.0  # of energy, for a bin to belong to a transient
_SLOWEST, _FASTEST = 0.5, 2.0  # of the speed between transients


class StemSource(Protocol):
    """Stems that can be read at any place."""

    stems: int
    channels: int

    def read(self, start: int, count: int) -> np.ndarray:
        """Return float32 `(count, stems, channels)`; silence before and after the song."""


@dataclass(frozen=True)
class Transient:
    """An onset to be kept sharp: `at` in source samples, `strength` in any unit."""

    at: float
    strength: float


class Stretcher:
    """Plays the stems of a song along a map of time.

    Args:
        source: the stems.
        sample_rate_hz: of the stems.
        to_source: from output samples to source samples.
        transients: onsets of what is heard; the strongest that have room are kept sharp.
    """

    def __init__(
        self, source: StemSource, sample_rate_hz: int, to_source: PiecewiseLinear, transients: Sequence[Transient] = ()
    ):
        self._source = source
        self._window = 2 ** round(np.log2(_WINDOW_S * sample_rate_hz))
        self._hop = self._window // _OVERLAPS
        hann = hann_window(self._window)
        self._analysis = hann
        self._synthesis = hann / np.float32((hann.astype(np.float64) ** 2).sum() / self._hop)
        self._to_source, self._locked = _locked_map(to_source, transients, self._window // 2 + self._hop)
        self._turned: np.ndarray | None = None  # last frame's spectrum of the sum, complex `(channels, bins)`

    def blocks(self, start: int, count: int) -> Iterator[np.ndarray]:
        """Yield `count` output samples from sample `start` on, in blocks, float32 `(samples, stems, channels)`."""
        stems, channels, half = self._source.stems, self._source.channels, self._window // 2
        first = (start - half) // self._hop
        last = -(-(start + count + half) // self._hop)
        held = np.zeros((stems * channels, self._window), np.float32)
        held_at, end = first * self._hop - half, start + count
        self._turned = None
        for batch in range(first, last + 1, _BATCH_FRAMES):
            frames = np.arange(batch, min(batch + _BATCH_FRAMES, last + 1))
            pieces = self._frames(frames)
            ready = len(frames) * self._hop
            output = np.concatenate([held, np.zeros((len(held), ready), np.float32)], axis=1)
            for index in range(len(frames)):
                output[:, index * self._hop :][:, : self._window] += pieces[:, index]
            held = output[:, ready:]
            block = output[:, max(0, start - held_at) : max(0, min(ready, end - held_at))]
            held_at += ready
            if block.shape[1]:
                yield block.T.reshape(-1, stems, channels)

    def _frames(self, frames: np.ndarray) -> np.ndarray:
        """Return the windowed sound of output frames, whose centres lie at `frame * hop`, `(stems * channels, frames, window)`."""
        centres = np.rint(self._to_source(frames * self._hop)).astype(int)
        begin = centres.min() - self._window // 2 - self._hop
        at = centres - self._window // 2 - begin
        # rows of samples that lie side by side are transformed several times faster
        sound = np.ascontiguousarray(_rows(self._source.read(begin, centres.max() + self._window // 2 - begin)))
        spectra = self._transform(sound, at)
        now = _sum_of_stems(spectra, self._source.stems)
        before = self._transform(_sum_of_stems(sound, self._source.stems), at - self._hop)
        for index, frame in enumerate(frames):
            spectra[:, index] *= self._rotation(now[:, index], before[:, index], self._reset_bins(frame * self._hop))
        return np.fft.irfft(spectra, n=self._window) * self._synthesis

    def _transform(self, sound: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the spectra of `(rows, samples)` in the windows that begin at `at`, complex `(rows, frames, bins)`."""
        frames = np.lib.stride_tricks.sliding_window_view(sound, self._window, axis=1)[:, at]
        return np.fft.rfft(frames * self._analysis)

    def _rotation(self, now: np.ndarray, before: np.ndarray, reset: np.ndarray | None) -> np.ndarray:
        """Return the unit complex numbers by which the bins of a frame are turned, `(bins,)`.

        Args:
            now, before: spectra of the sum, complex `(channels, bins)`, at the frame and one hop earlier in the source.
            reset: whether a bin starts afresh, `(bins,)`, None for none.
        """
        power = _power(now)
        if self._turned is None:
            rotation = np.ones(len(power), now.dtype)
        else:
            regions = _regions(power)
            # the angle that fits all bins of the region and all channels best, weighted by their energy
            cross = np.add.reduceat((self._turned * before.conj()).sum(axis=0), regions)
            size = np.abs(cross)
            turns = np.where(size > 0, cross / np.where(size > 0, size, 1), 1)
            rotation = np.repeat(turns, np.diff(regions, append=len(power)))
            if reset is not None:
                rotation[reset] = 1
        self._turned = now * rotation
        return rotation

    def _reset_bins(self, output_at: int) -> np.ndarray | None:
        """Return which bins start afresh in the frame centred at `output_at`: those that a transient near its centre raises."""
        # the first frame that has the onset no later than a quarter window after its centre
        lead = self._window // 4
        after = self._locked[np.searchsorted(self._locked, output_at + lead - self._hop, side="right") :][:1]
        if not len(after) or after[0] > output_at + lead:
            return None
        onset = int(np.rint(self._to_source(after[0])))
        sound = _rows(self._source.read(onset - self._window, 2 * self._window))
        spectra = self._transform(_sum_of_stems(sound, self._source.stems), np.array([0, self._window]))
        energies = [np.convolve(power, np.ones(5), "same") for power in _power(spectra)]
        return energies[1] > _RISE * energies[0]


def _rows(sound: np.ndarray) -> np.ndarray:
    """Return `(samples, stems, channels)` as `(stems * channels, samples)`."""
    return sound.reshape(len(sound), -1).T


def _sum_of_stems(rows: np.ndarray, stems: int) -> np.ndarray:
    """Return the sum of what belongs to the stems, `(channels, ...)` of `(stems * channels, ...)`."""
    return rows.reshape(stems, -1, *rows.shape[1:]).sum(axis=0)


def _power(spectra: np.ndarray) -> np.ndarray:
    """Return the power in all channels, the first axis."""
    return (spectra.real**2 + spectra.imag**2).sum(axis=0)


def _regions(power: np.ndarray) -> np.ndarray:
    """Return the first bin of each region: a peak, which nothing exceeds within two bins, and what lies nearer to it than to others."""
    padded = np.pad(power, 2, constant_values=-1.0)
    count = len(power)
    around = np.maximum(np.maximum(padded[:count], padded[1 : count + 1]), np.maximum(padded[3 : count + 3], padded[4:]))
    peaks = np.flatnonzero(power > around)
    if len(peaks) < 2:
        return np.zeros(1, int)
    return np.concatenate([[0], (peaks[:-1] + peaks[1:] + 1) // 2])


def _locked_map(to_source: PiecewiseLinear, transients: Sequence[Transient], reach: int) -> tuple[PiecewiseLinear, np.ndarray]:
    """Return the map with time running at its own speed within `reach` samples of transients, and those in output samples.

    A transient is kept where it falls; one that is too near to a stronger one is left out.
    """
    chosen: dict[int, int] = {}  # output to source samples
    for transient in sorted(transients, key=lambda one: -one.strength):
        output = int(np.rint(to_source.inverse(transient.at)))
        source = int(np.rint(to_source(output)))
        if all(_fits(output - other, source - chosen[other], reach) for other in _neighbours(sorted(chosen), output)):
            chosen[output] = source
    outputs = np.array(sorted(chosen), np.float64)
    if not len(outputs):
        return to_source, outputs
    sources = np.array([chosen[int(output)] for output in outputs], np.float64)
    # a bend of the map within reach of a transient gives way to it
    free = [np.abs(outputs - x).min() > 2 * reach for x in to_source.x]
    x = np.concatenate([outputs - reach, outputs + reach, to_source.x[free]])
    y = np.concatenate([sources - reach, sources + reach, to_source.y[free]])
    order = np.argsort(x)
    return PiecewiseLinear(x[order], y[order]), outputs


def _neighbours(ordered: list[int], value: int) -> list[int]:
    at = int(np.searchsorted(ordered, value))
    return ordered[max(0, at - 1) : at + 1]


def _fits(output_gap: int, source_gap: int, reach: int) -> bool:
    output_rest, source_rest = abs(output_gap) - 2 * reach, abs(source_gap) - 2 * reach
    return output_rest > 0 and _SLOWEST * output_rest <= source_rest <= _FASTEST * output_rest
