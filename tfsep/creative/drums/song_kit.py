"""The kit of a song: for each of its drums one sample or a few, found from the hits of its drum stem."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tfsep.contract_drums import CLASSES
from tfsep.creative.drums.align import STEPS_PER_SAMPLE, best_delay, moved, split_delay
from tfsep.creative.drums.hits import Hit
from tfsep.dsp.hit_grid import ONSET_SAMPLES

CLIP_S = 1.466  # of a sample; what the sampler makes
ATTACK_S = 0.08  # what samples are compared and aligned by
SEARCH_S = 0.005  # by which a hit may lie beside its time
_HEARD = 24  # hits of a drum that are listened to, the most isolated ones
_LARGEST_KIT = 3  # samples of a drum
_ALIKE = 0.5  # correlation of attacks from which two hits are of one sample
_OVERLAPPED = 0.05  # weight of a hit's sound after the next one has begun
_NEAR_S, _FAR_S = 0.03, 0.5
_FADE_SHARE = 0.1  # of a clip that ends where the next hit begins
_LOW = ("kick", "tom")  # whose attacks are not emphasised


class Stem(Protocol):
    """A drum stem that can be read anywhere."""

    sample_rate_hz: int
    channels: int
    samples: int

    def read(self, start: int, count: int) -> np.ndarray:
        """Return float32 `(count, channels)`; silence before and after the song."""
        ...


@dataclass(frozen=True)
class HeldStem:
    """A stem in memory, float32 `(samples, channels)`."""

    sound: np.ndarray
    sample_rate_hz: int

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.sound.shape[1]

    @property
    def samples(self) -> int:
        """Length."""
        return len(self.sound)

    def read(self, start: int, count: int) -> np.ndarray:
        """Return float32 `(count, channels)`; silence before and after the song."""
        result = np.zeros((count, self.channels), np.float32)
        first, last = max(0, start), min(self.samples, start + count)
        if last > first:
            result[first - start : last - start] = self.sound[first:last]
        return result


@dataclass
class AlikeHits:
    """Hits of one drum that are alike, aligned and added up.

    Attributes:
        first: the most isolated of them, a clip with what came after it.
        first_alone: how many of its samples were heard before the next hit.
        weighted, weights: `weighted / weights` is their least-squares mean, see `mean`.
        alone: how many samples some of them were heard before the next hit.
        hits: how many there are.
    """

    first: np.ndarray
    first_alone: int
    weighted: np.ndarray
    weights: np.ndarray
    alone: int
    hits: int = 1

    @property
    def mean(self) -> np.ndarray:
        """Return their mean, a clip; from sample `alone` on other hits are in it."""
        return (self.weighted / np.maximum(self.weights, 1e-9)).astype(np.float32)


Chooser = Callable[[str, AlikeHits], np.ndarray | None]
"""From a drum and hits that are alike to the sample that they are played with; None for none."""


def ended(clip: np.ndarray, alone: int) -> np.ndarray:
    """Return a clip as far as it was heard alone, faded out."""
    cut = clip[:alone].copy()
    fade = min(round(_FADE_SHARE * len(cut)), len(cut))
    cut[len(cut) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut


@dataclass(frozen=True)
class SongKit:
    """What a song's hits are played with.

    Attributes:
        samples: of each drum, float32 mono; the attack `ONSET_SAMPLES` in, at the stem's rate. Drums without any are left as they are.
        heard: how many hits each sample was found from.
    """

    samples: dict[str, list[np.ndarray]]
    heard: dict[str, list[int]] = field(default_factory=dict)


def song_kit(stem: Stem, hits: Sequence[Hit], choose: Chooser) -> SongKit:
    """Find the kit of a song.

    Of each drum up to 24 hits are heard, the most isolated ones. Those that are alike are aligned and averaged, what overlaps
    other hits counting little, so that what is not of the drum averages out.

    Args:
        hits: in the order of their times.
        choose: gives the sample for a group of hits, see `Chooser`.
    """
    samples, heard = {}, {}
    for drum in CLASSES:
        groups = _groups(stem, hits, drum)
        chosen = [(choose(drum, group), group.hits) for group in groups]
        there = [(sample, count) for sample, count in chosen if sample is not None]
        if there:
            samples[drum] = [sample for sample, _ in there]
            heard[drum] = [count for _, count in there]
    return SongKit(samples, heard)


def _groups(stem: Stem, hits: Sequence[Hit], drum: str) -> list[AlikeHits]:
    rate_hz = stem.sample_rate_hz
    times_s = np.array([hit.time_s for hit in hits])
    count, most = round(CLIP_S * rate_hz), round(SEARCH_S * rate_hz)
    groups: list[AlikeHits] = []
    for index in _most_isolated(hits, times_s, drum):
        start = round(times_s[index] * rate_hz) - ONSET_SAMPLES
        sound = stem.read(start - most, count + 2 * most).mean(axis=1)
        if not sound[most:].any():
            continue
        following = times_s[times_s > times_s[index] + _NEAR_S]
        alone = count if not len(following) else round((following[0] - times_s[index]) * rate_hz) + ONSET_SAMPLES
        _take(groups, sound, min(alone, count), drum, most)
    return groups


def _most_isolated(hits: Sequence[Hit], times_s: np.ndarray, drum: str) -> list[int]:
    """Return the indices of the hits of a drum that others disturb least, the best first."""
    scored = []
    for index, hit in enumerate(hits):
        if hit.drum != drum:
            continue
        after = times_s[times_s > hit.time_s + _NEAR_S]
        gap_s = min(_FAR_S, after[0] - hit.time_s) if len(after) else _FAR_S
        together = int((np.abs(times_s - hit.time_s) <= _NEAR_S).sum()) - 1
        scored.append((gap_s + 0.3 * hit.velocity - 0.5 * together, -index))
    return [-index for _, index in sorted(scored, reverse=True)[:_HEARD]]


def emphasised(sound: np.ndarray, drum: str) -> np.ndarray:
    """Return what `(samples,)` is compared by: with high frequencies emphasised, lest a kick decide, unless the drum is a low one."""
    return sound if drum in _LOW else np.diff(sound, prepend=sound[:1])


def attack(clip: np.ndarray, rate_hz: int, drum: str) -> np.ndarray:
    """Return the attack of a clip, `emphasised`."""
    return emphasised(clip[: ONSET_SAMPLES + round(ATTACK_S * rate_hz)], drum)


def _take(groups: list[AlikeHits], sound: np.ndarray, alone: int, drum: str, most: int) -> None:
    """Put a hit into the group that it is most like, or into one of its own.

    Args:
        sound: the hit's clip with `most` samples more before and after.
        alone: samples of the clip until the next hit.
    """
    count = len(sound) - 2 * most
    rate_hz = round(count / CLIP_S)
    weights = np.where(np.arange(count) < alone, 1.0, _OVERLAPPED)
    fits = []
    for number, group in enumerate(groups):
        reference = attack(group.mean, rate_hz, drum)
        delay, correlation = best_delay(emphasised(sound[: len(reference) + 2 * most], drum), reference, most)
        fits.append((correlation, number, delay))
    best = max(fits, default=(0.0, 0, 0.0))
    if not groups or (best[0] < _ALIKE and len(groups) < _LARGEST_KIT):
        clip = sound[most : most + count].astype(np.float64)
        groups.append(AlikeHits(clip.astype(np.float32), alone, weights * clip, weights, alone))
        return
    _, number, delay = best
    whole, step = split_delay(-delay)
    clip = moved(sound, step / STEPS_PER_SAMPLE)[most - whole : most - whole + count]
    group = groups[number]
    reference = attack(group.mean, rate_hz, drum)
    gain = float(np.dot(attack(clip, rate_hz, drum), reference) / max(float(np.dot(reference, reference)), 1e-12))
    if gain <= 0 or len(clip) < count:
        return
    group.weighted += weights * gain * clip
    group.weights += weights * gain**2
    group.alone = max(group.alone, alone)
    group.hits += 1
