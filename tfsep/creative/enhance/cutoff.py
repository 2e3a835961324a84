"""Where the sound of a recording ends: found in its long-term spectrum."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tfsep.audio import Resampler
from tfsep.dsp.stft import StreamingStft
from tfsep.spec import SpectrogramSpec

BAND_BINS = 4
PERCENTILE = 90.0  # of the frames: a level that a band reaches now and then, and that single clicks do not make
FLOOR_DB = -110.0  # of full scale; what lies below is silence
DROP_DB = 20.0  # by which a cutoff falls
BELOW_HZ = 500.0  # the drop is from the median of so much below an edge ...
GAP_HZ, GAP_SHARE = 260.0, 0.06  # ... to all from so far above it, or from this share of the edge, as slopes are per octave
STOPPED_DB = 50.0  # below the loudest band is what a filter leaves; louder highs are music after a loud bass
EDGE_DB = 6.0  # the cutoff is the last band that has fallen by no more
EVERY = 4  # blocks of a long song: one of so many is heard
SHORT_S = 60.0  # songs up to this are heard whole
CELL_DB = 0.25  # in which levels are counted
HIGHEST_DB = 40.0  # of full scale; what is louder counts as this


@dataclass(frozen=True)
class Bandwidth:
    """How far up a recording goes.

    Attributes:
        cutoff_hz: where the spectrum falls off as by a filter; None if it does so nowhere.
        silent: there is nothing to be heard.
    """

    cutoff_hz: float | None
    silent: bool = False


class SpectrumMeter:
    """Counts the levels of a recording's bands, of every fourth block once a minute has been heard.

    Memory does not depend on the recording's length.
    """

    def __init__(self, spec: SpectrogramSpec, sample_rate_hz: int):
        self._spec, self._rate_hz = spec, sample_rate_hz
        self._histogram = LevelHistogram(spec.model_bins // BAND_BINS)
        self._samples = self._blocks = 0

    def push(self, block: np.ndarray) -> None:
        """Take float32 `(samples, channels)`."""
        self._blocks += 1
        heard = self._samples < SHORT_S * self._rate_hz or self._blocks % EVERY == 0
        self._samples += len(block)
        if heard:
            self._histogram.add(_band_levels_db(block, self._spec, self._rate_hz))

    def bandwidth(self) -> Bandwidth:
        """Return what was found so far."""
        if self._histogram.silent:
            return Bandwidth(None, silent=True)
        return Bandwidth(find_cutoff(self._histogram.percentile_db(PERCENTILE), self._spec))


class LevelHistogram:
    """How often each band has had which level, in cells of `CELL_DB` from `FLOOR_DB` to `HIGHEST_DB`."""

    def __init__(self, bands: int):
        cells = round((HIGHEST_DB - FLOOR_DB) / CELL_DB) + 1
        self._counts = np.zeros((bands, cells), np.int64)

    def add(self, levels_db: np.ndarray) -> None:
        """Count levels, `(frames, bands)`."""
        bands, cells = self._counts.shape
        index = np.rint((np.clip(levels_db, FLOOR_DB, HIGHEST_DB) - FLOOR_DB) / CELL_DB).astype(np.int64)
        flat = np.bincount((index + np.arange(bands) * cells).ravel(), minlength=bands * cells)
        self._counts += flat.reshape(bands, cells)

    @property
    def silent(self) -> bool:
        """Whether no level above `FLOOR_DB` has been counted."""
        return not self._counts[:, 1:].any()

    def percentile_db(self, percentile: float) -> np.ndarray:
        """Return each band's percentile in dB, `(bands,)`, as `np.percentile` finds it, within half a cell. There must be a level."""
        totals = self._counts.cumsum(axis=1)
        place = (totals[0, -1] - 1) * percentile / 100
        lower, upper = ((totals <= order).sum(axis=1) for order in (np.floor(place), np.ceil(place)))
        return FLOOR_DB + CELL_DB * (lower + (upper - lower) * (place % 1))


def measure(blocks: Iterable[np.ndarray], spec: SpectrogramSpec, *, sample_rate_hz: int) -> Bandwidth:
    """Return how far up a recording goes.

    Args:
        blocks: float32 `(samples, channels)`.
        spec: of the transform that the spectrum is taken with.
    """
    meter = SpectrumMeter(spec, sample_rate_hz)
    for block in blocks:
        meter.push(block)
    return meter.bandwidth()


def find_cutoff(levels_db: np.ndarray, spec: SpectrogramSpec) -> float | None:
    """Return the frequency in Hz above which a long-term spectrum has fallen by `DROP_DB` for good, None if there is none.

    Args:
        levels_db: `(bands,)`, each of `BAND_BINS` bins.
    """
    band_hz = BAND_BINS * spec.sample_rate_hz / spec.window_samples
    below = max(1, round(BELOW_HZ / band_hz))
    edges = np.arange(below, len(levels_db))
    ends = edges + np.rint(np.maximum(GAP_HZ / band_hz, GAP_SHARE * edges)).astype(int)
    edges, ends = edges[ends < len(levels_db)], ends[ends < len(levels_db)]
    highest_above = np.maximum.accumulate(levels_db[::-1])[::-1]
    medians = np.array([np.median(levels_db[edge - below : edge]) for edge in edges])
    drops = medians - highest_above[ends]
    drops = np.where(highest_above[ends] <= levels_db.max() - STOPPED_DB, drops, 0)
    if not len(edges) or drops.max() < DROP_DB:
        return None
    # the lowest edge of those that qualify: the steepest one lies half-way down a gentle slope
    best = int(np.flatnonzero(drops >= max(DROP_DB, drops.max() / 2))[0])
    edge = int(edges[best])
    near = levels_db[edge - below : ends[best]]
    last = edge - below + int(np.flatnonzero(near >= medians[best] - EDGE_DB)[-1])
    return (last + 1) * band_hz


def _band_levels_db(block: np.ndarray, spec: SpectrogramSpec, sample_rate_hz: int) -> np.ndarray:
    """Return the level of each band in each frame that lies wholly in the block, `(frames, bands)`, at least `FLOOR_DB`."""
    channels = block.shape[1]
    resampler = Resampler(sample_rate_hz, spec.sample_rate_hz, channels)
    sound = np.concatenate([resampler.process(block), resampler.flush()])
    # a block's ends are edges that the recording has not got
    spectra = StreamingStft(spec, channels).push(sound)[spec.window_samples // spec.hop_samples - 1 :]
    power = (spectra.real**2 + spectra.imag**2)[:, : spec.model_bins].mean(axis=2)
    bands = power.reshape(len(power), spec.model_bins // BAND_BINS, BAND_BINS).mean(axis=2)
    return 10 * np.log10(np.maximum(bands, 10 ** (FLOOR_DB / 10)))
