"""How loud each sample plays: overlapping hits explained together, by least squares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfsep.creative.drums.align import STEPS_PER_SAMPLE, best_delay, moved, split_delay
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.song_kit import ATTACK_S, SEARCH_S, SongKit, Stem, attack, emphasised
from tfsep.dsp.hit_grid import ONSET_SAMPLES

TAIL_FROM_S = 0.06  # a sample's tail has a gain of its own from here on, so that it may ring longer or shorter
SHORTEST_FADE_S = 0.008  # by which a hit is choked by the next one of its drum
AUDIBLE_DB = -45.0  # where a sample is cut, under its peak
_CHOKED_BY = {"open_hat": ("closed_hat", "open_hat"), "closed_hat": ("closed_hat", "open_hat"), "kick": ("kick",)}
_TOGETHER_S = 0.02
_RIDGE = 1e-3  # of a sample's energy
_LOUDEST_TAIL = 1.5  # against its attack


@dataclass
class Placed:
    """A hit with the sample that plays it.

    Attributes:
        start: of the sample in the stem, in samples; may be negative.
        parts: float32 `(samples, 2)`: attack and tail, which add up to the sample.
        gains: float32 `(2, channels)`, of attack and tail; set by `fit_gains`.
        explained: share of the energy of the hit's attack that the sample explains, 1 at most, once all other hits are taken off.
    """

    hit: Hit
    start: int
    parts: np.ndarray
    gains: np.ndarray
    explained: float = 0.0

    @property
    def stop(self) -> int:
        """End of the sample in the stem."""
        return self.start + len(self.parts)

    def sound(self) -> np.ndarray:
        """Return what it plays, float32 `(samples, channels)`."""
        return self.parts @ self.gains


def place(stem: Stem, hit: Hit, kit: SongKit, choked_at_s: float | None) -> Placed | None:
    """Find which of its drum's samples a hit is, and where it begins, finer than a sample; None if the kit has none.

    Args:
        choked_at_s: when a later hit silences it; None if it rings on.
    """
    rate_hz = stem.sample_rate_hz
    start, most = round(hit.time_s * rate_hz) - ONSET_SAMPLES, round(SEARCH_S * rate_hz)
    fits = []
    for number, sample in enumerate(kit.samples.get(hit.drum, ())):
        reference = attack(sample, rate_hz, hit.drum)
        around = stem.read(start - most, len(reference) + 2 * most).mean(axis=1)
        delay, correlation = best_delay(emphasised(around, hit.drum), reference, most)
        fits.append((correlation, number, delay))
    if not fits:
        return None
    _, number, delay = max(fits)
    whole, step = split_delay(delay)
    sample = moved(kit.samples[hit.drum][number], step / STEPS_PER_SAMPLE)
    start += whole
    sample = sample[: _audible_samples(sample)]
    if choked_at_s is not None:
        sample = _choked(sample, round(choked_at_s * rate_hz) - start, rate_hz)
    time_s = (np.arange(len(sample)) - ONSET_SAMPLES) / rate_hz
    tail = np.clip((time_s - TAIL_FROM_S / 2) / TAIL_FROM_S, 0, 1).astype(np.float32)
    parts = np.stack([sample * (1 - tail), sample * tail], axis=1)
    return Placed(hit, start, parts, np.zeros((2, stem.channels), np.float32))


def _audible_samples(sample: np.ndarray) -> int:
    level = np.abs(sample)
    return int(np.flatnonzero(level >= level.max() * 10 ** (AUDIBLE_DB / 20))[-1]) + 1


def _choked(sample: np.ndarray, after: int, rate_hz: int) -> np.ndarray:
    fade = round(SHORTEST_FADE_S * rate_hz)
    if len(sample) <= after:
        return sample
    kept = sample[: max(after, ONSET_SAMPLES) + fade].copy()
    kept[-fade:] *= np.linspace(1, 0, len(kept[-fade:]), dtype=np.float32)
    return kept


def choke_times_s(hits: Sequence[Hit]) -> list[float | None]:
    """Return for each hit when a later one of its drum silences it; None for those that ring on."""
    result = []
    for index, hit in enumerate(hits):
        by = _CHOKED_BY.get(hit.drum, ())
        later = (other.time_s for other in hits[index:] if other.drum in by and other.time_s > hit.time_s + _TOGETHER_S)
        result.append(next(later, None) if by else None)
    return result


def fit_gains(sound: np.ndarray, first: int, placed: Sequence[Placed], rate_hz: int) -> None:
    """Set gains and `explained` of hits that may overlap, by least squares on the stem, each channel by itself.

    Args:
        sound: of the stem from sample `first` on, float32 `(samples, channels)`, from which hits that are settled were taken off.
            It holds the attacks of all of `placed`; tails may reach past its end.
    """
    if not placed:
        return
    columns = np.zeros((len(sound), 2 * len(placed)), np.float32)
    for number, each in enumerate(placed):
        low, high = max(0, each.start - first), min(len(sound), each.stop - first)
        columns[low:high, 2 * number : 2 * number + 2] = each.parts[low + first - each.start : high + first - each.start]
    products = (columns.T @ columns).astype(np.float64)
    energies = np.diag(products)
    products[np.diag_indices_from(products)] += _RIDGE * energies + 1e-9
    gains = np.linalg.solve(products, (columns.T @ sound).astype(np.float64))
    gains = np.maximum(gains, 0).reshape(len(placed), 2, sound.shape[1])
    gains[:, 1] = np.minimum(gains[:, 1], _LOUDEST_TAIL * gains[:, 0])
    residual = sound - columns @ gains.reshape(2 * len(placed), -1).astype(np.float32)
    window = round(ATTACK_S * rate_hz)
    for each, gain in zip(placed, gains, strict=True):
        each.gains = gain.astype(np.float32)
        low = max(0, each.start - first)
        left = residual[low : low + window]
        skipped = low + first - each.start
        played = each.sound()[skipped : skipped + len(left)]
        left = left[: len(played)]
        energy = float(np.sum((left + played) ** 2))
        each.explained = 1 - float(np.sum(left**2)) / energy if energy > 0 else 0.0
