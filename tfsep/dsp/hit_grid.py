"""A drum hit as a small picture: power in cells that grow with time and with frequency, in NumPy.

A hit changes fast at its attack and slowly in its tail, and single partials matter at low frequencies only. So cells are one
frame long at the attack and 27 frames at the end, one bin wide at the bottom and 20 at the top: 64 x 80 numbers in
place of 512 x 512. Phases are left out: whoever makes sound of a grid brings them.
"""

from functools import lru_cache

import numpy as np

from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.dsp.stft import stft

ONSET_SAMPLES = 64  # of a clip before the hit begins
RISEN = 1 / 30  # of the peak, where a hit is taken to begin


class HitGrid:
    """Makes grids of clips, and magnitudes of grids; by a sampler's contract.

    A clip is float32 mono `(clip_samples,)`, the hit beginning `ONSET_SAMPLES` in. A grid is float32 `(cells, bands)`, from 0
    (`floor_db` below the loudest cell, or less) to 1 (the loudest).
    """

    def __init__(self, contract: DrumSamplerContract):
        self.contract, self.spec = contract, contract.spec
        spec = contract.spec
        self.clip_samples = spec.frames * spec.hop_samples - (spec.window_samples - spec.hop_samples)
        self._frame_edges = growing_edges(contract.cells, spec.frames)
        self._bin_edges = growing_edges(contract.bands, spec.model_bins)
        self._to_frames = interpolation(self._frame_edges)
        self._to_bins = interpolation(self._bin_edges)

    def spectrum(self, clip: np.ndarray) -> np.ndarray:
        """Return the transform of a clip, complex64 `(frames, bins)`; what is missing at its end is silent, what is too much left out."""
        heard = clip[: self.clip_samples]
        heard = heard[: len(heard) - int(np.argmax(heard[::-1] != 0))] if heard.any() else heard[:0]
        spectrum = np.zeros((self.spec.frames, self.spec.bins), np.complex64)
        frames = stft(heard[:, np.newaxis], self.spec)[:, :, 0]  # most hits are shorter than a clip
        spectrum[: len(frames)] = frames
        return spectrum

    def band_powers(self, spectrum: np.ndarray) -> np.ndarray:
        """Return the mean power of each band in each frame, float32 `(frames, bands)`."""
        powers = np.abs(spectrum[:, : self.spec.model_bins]) ** 2
        return cell_means(powers.T, self._bin_edges).T

    def from_band_powers(self, powers: np.ndarray) -> np.ndarray:
        """Return the grid of `band_powers`; of silence all 0."""
        return self.normalised(cell_means(powers, self._frame_edges))

    def normalised(self, cells: np.ndarray) -> np.ndarray:
        """Return the grid of mean powers `(..., cells, bands)`."""
        peak = cells.max(axis=(-2, -1), keepdims=True)
        level_db = 10 * np.log10(np.maximum(cells, 1e-30) / np.maximum(peak, 1e-20))
        return np.clip(1 + level_db / self.contract.floor_db, 0, 1).astype(np.float32)

    def of_clip(self, clip: np.ndarray) -> np.ndarray:
        """Return the grid of a clip."""
        return self.from_band_powers(self.band_powers(self.spectrum(clip)))

    def magnitudes(self, grid: np.ndarray) -> np.ndarray:
        """Return magnitudes, float32 `(frames, bins)`, the loudest cell 1: levels in dB are interpolated between cells.

        What a grid holds at its floor is silence.
        """
        level = self._to_frames @ grid @ self._to_bins.T
        magnitude = 10 ** ((level - 1) * (self.contract.floor_db / 20))
        magnitude *= np.clip(level / 0.05, 0, 1)  # fades out over the last 4 dB above the floor
        return np.pad(magnitude, ((0, 0), (0, 1))).astype(np.float32)


def clip_of(hit: np.ndarray) -> np.ndarray:
    """Return a mono hit `(samples,)` as float32 with peak 1 that first passes `RISEN` of it at sample `ONSET_SAMPLES`; silence stays."""
    level = np.abs(hit)
    peak = float(level.max(initial=0.0))
    if peak < 1e-6:
        return hit.astype(np.float32)
    shift = ONSET_SAMPLES - int(np.argmax(level > peak * RISEN))
    moved = np.concatenate([np.zeros(shift, np.float32), hit]) if shift > 0 else hit[-shift:]
    return (moved / peak).astype(np.float32)


@lru_cache(maxsize=4)
def growing_edges(cells: int, units: int) -> np.ndarray:
    """Return where cells begin and end, int64 `(cells + 1,)`, from 0 to `units`: 1 unit wide at first, growing exponentially."""
    if cells == units:
        return np.arange(cells + 1)
    low, high = 1e-6, 1.0
    for _ in range(60):  # bisection for the growth g in (exp(g cells) - 1) / g = units
        growth = (low + high) / 2
        low, high = (growth, high) if np.expm1(growth * cells) / growth < units else (low, growth)
    edges = np.rint(np.expm1(low * np.arange(cells + 1)) / low).astype(np.int64)
    edges[-1] = units
    return edges


def cell_means(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the mean of each cell's rows of `(units, n)`, float32 `(cells, n)`."""
    return (np.add.reduceat(values, edges[:-1], axis=0) / np.diff(edges)[:, None]).astype(np.float32)


def interpolation(edges: np.ndarray) -> np.ndarray:
    """Return the matrix, float32 `(units, cells)`, that interpolates linearly between the cells' middles."""
    middles = (edges[:-1] + edges[1:] - 1) / 2
    units = np.arange(edges[-1])
    return np.stack([np.interp(units, middles, row) for row in np.eye(len(middles))], axis=1).astype(np.float32)
