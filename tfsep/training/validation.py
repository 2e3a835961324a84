"""SDR of songs held out from training, as a run goes."""

from collections.abc import Sequence

import numpy as np

from tfsep.data.cache import CachedTrack
from tfsep.data.mixing import RESIDUAL_STEM


def validation_crops(
    track: CachedTrack, stems: Sequence[str], *, samples: int, count: int
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Cut `count` crops, evenly spread over a song.

    Returns: float32 `(count, stems, channels, samples)`; and the stems that can be scored, which leaves out the missing ones and,
        since it may hold them, `other` with them.
    """
    starts = np.linspace(0, max(0, track.length - samples), count).astype(int)
    crops = np.zeros((count, len(stems), track.samples.shape[2], samples), np.float32)
    for item, start in enumerate(starts):
        for position, stem in enumerate(stems):
            if stem in track.stems:
                stored = track.samples[track.stems.index(stem), start : start + samples]
                crops[item, position, :, : len(stored)] = (stored.astype(np.float32) * np.float32(track.gain)).T
    whole = set(stems) <= set(track.stems)
    return crops, tuple(stem for stem in stems if stem in track.stems and (whole or stem != RESIDUAL_STEM))


def decibels(energy: float, error: float) -> float:
    """Return the SDR, `10 log10(energy / error)`."""
    return float(10 * np.log10((energy + 1e-12) / (error + 1e-12)))
