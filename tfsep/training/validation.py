"""SDR of songs held out from training, as a run goes."""

from collections.abc import Sequence

import numpy as np

from tfsep.contract import residual_stem
from tfsep.data.cache import CachedTrack


def scored_stems(track: CachedTrack, stems: Sequence[str]) -> tuple[str, ...]:
    """Return which stems of a song can be scored: not the missing ones, nor then the residual one, which may hold them."""
    there = [stem for stem in stems if track.parts(stem, stems)]
    return tuple(stem for stem in there if len(there) == len(stems) or stem != residual_stem(stems))


def validation_crops(track: CachedTrack, stems: Sequence[str], *, samples: int, count: int) -> np.ndarray:
    """Cut `count` crops, evenly spread over a song: float32 `(count, stems, channels, samples)`, silence for missing stems."""
    starts = np.linspace(0, max(0, track.length - samples), count).astype(int)
    crops = np.zeros((count, len(stems), track.samples.shape[2], samples), np.float32)
    for item, start in enumerate(starts):
        for position, stem in enumerate(stems):
            if track.parts(stem, stems):
                audio = track.read(stem, stems, int(start), samples)
                crops[item, position, :, : len(audio)] = audio.T
    return crops


def decibels(energy: float, error: float) -> float:
    """Return the SDR, `10 log10(energy / error)`."""
    return float(10 * np.log10((energy + 1e-12) / (error + 1e-12)))
