"""Which bars of two songs to play together: the tempi brought to each other, then the phrases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfsep.creative.mashup.beats import BeatGrid
from tfsep.creative.mashup.deck import POWERS_PER_S, Deck, means_between
from tfsep.creative.mashup.features import CHROMA_PER_S
from tfsep.creative.mashup.meter import BEATS
from tfsep.creative.mashup.settings import STEMS, MashupSettings
from tfsep.errors import UsageError

PHRASE = 8  # bars
MOST_STRETCH = 1.5  # of speed, either way
_NATURAL = 2**0.5  # beyond that, half or double time is nearer


@dataclass(frozen=True)
class Alignment:
    """Bar `start_a` of deck A plays with bar `start_b` of deck B, counted from 0, for `bars` bars; `score` from 0 to 3."""

    start_a: int
    start_b: int
    bars: int
    score: float


@dataclass(frozen=True, eq=False)
class Bars:
    """What the score of an alignment is made of, bar by bar.

    Attributes:
        levels: `(bars,)`, 0 to 1: the level of the stems that are played, against their loudest bars.
        chroma: `(bars, 12)` of unit length, zeros where no stem with pitches is played.
        phrase: which bars, of 8, begin a phrase: 0 to 7.
    """

    levels: np.ndarray
    chroma: np.ndarray
    phrase: int


def matched_beats(beats: BeatGrid, bpm: float, path: object) -> BeatGrid:
    """Return a song's beats at half, single or double time, whichever is nearest to `bpm`.

    Raises: UsageError if it would have to be played more than `MOST_STRETCH` times faster or slower even so, or if no whole bar
        is left at half time.
    """
    matched = beats
    if bpm / beats.bpm > _NATURAL:
        middles = (beats.beats_s[:-1] + beats.beats_s[1:]) / 2
        doubled = np.sort(np.concatenate([beats.beats_s, middles]))
        matched = replace(beats, beats_s=doubled, first_downbeat=2 * beats.first_downbeat % BEATS)
    elif bpm / beats.bpm < 1 / _NATURAL:
        matched = replace(beats, beats_s=beats.beats_s[beats.first_downbeat % 2 :: 2], first_downbeat=beats.first_downbeat // 2)
    if not 1 / MOST_STRETCH <= bpm / matched.bpm <= MOST_STRETCH:
        between = (bpm * beats.bpm) ** 0.5
        raise UsageError(
            f"{path}: {beats.bpm:.1f} BPM cannot be brought to {bpm:.1f} BPM, even at half or double time: "
            f"use a tempo between them, for example --bpm {between:.0f}, or another song"
        )
    if matched.bars < 1:
        raise UsageError(
            f"{path}: holds no whole bar at half time, {matched.bpm:.1f} BPM: "
            f"use a longer song, or a tempo near its own, for example --bpm {beats.bpm:.0f}"
        )
    return matched


def describe_bars(deck: Deck, beats: BeatGrid) -> Bars:
    """Return what is heard in each bar of a deck.

    Args:
        beats: of the deck, see `matched_beats`.
    """
    lines_s = beats.bar_lines_s()
    played = [STEMS.index(stem) for stem in deck.store.names]
    powers = means_between(deck.powers, lines_s * POWERS_PER_S)
    levels = np.sqrt(powers[:, played].sum(axis=1))
    levels = np.clip(levels / (np.percentile(levels, 90) + 1e-9), 0, 1)
    chroma = _unit(means_between(deck.features.chroma, lines_s * CHROMA_PER_S))
    phrase = _phrase(np.concatenate([_unit(np.sqrt(powers)), chroma], axis=1))
    tonal = set(deck.store.names) - {"drums"}
    return Bars(levels, chroma if tonal else np.zeros_like(chroma), phrase)


def align(a: Bars, b: Bars, settings: MashupSettings, shift: tuple[int, int]) -> Alignment:
    """Find the bars that go together best.

    The score of an alignment is the sum of three parts, each from 0 to 1: how much both decks are playing (the mean over its
    bars of the geometric mean of their levels); how well the chroma of the two fit (the mean of their product; none where one
    deck has no pitches); and whether phrases of 8 bars begin together. Where the length is free, it is multiplied by the share
    of the shorter song that is played.

    Args:
        shift: semitones by which each deck is shifted.
    Raises: UsageError if a section that is asked for does not lie in the song.
    """
    harmony = np.roll(a.chroma, shift[0], axis=1) @ np.roll(b.chroma, shift[1], axis=1).T
    activity = np.sqrt(a.levels[:, None] * b.levels[None, :])
    count_a, count_b = len(a.levels), len(b.levels)
    _check_section("a", settings.start_a, settings.bars, count_a)
    _check_section("b", settings.start_b, settings.bars, count_b)
    found = []
    for start_a, start_b in _starts(a, b, settings):
        room = min(count_a - start_a, count_b - start_b)
        bars = room if settings.bars is None else settings.bars
        if bars > room:
            continue
        at = np.arange(bars)
        coverage = bars / min(count_a, count_b) if settings.bars is None else 1.0
        together = (start_a - a.phrase) % PHRASE == (start_b - b.phrase) % PHRASE
        pairs = start_a + at, start_b + at
        score = coverage * (float(activity[pairs].mean()) + float(harmony[pairs].mean()) + together)
        found.append(Alignment(start_a, start_b, bars, score))
    return max(found, key=lambda one: one.score)


def _check_section(deck: str, start: int | None, bars: int | None, count: int) -> None:
    first = 1 if start is None else start
    if first > count or first - 1 + (bars or 1) > count:
        asked = (f"--start-{deck} {start} " if start else "") + (f"--bars {bars}" if bars else "")
        raise UsageError(f"{asked.strip()}: deck {deck.upper()} has {count} whole bars: choose a section within them")


def _starts(a: Bars, b: Bars, settings: MashupSettings) -> Sequence[tuple[int, int]]:
    """Return the pairs of first bars that come into question.

    Without a length the decks play from the first bar that both have, at every offset; with one, A plays from a bar where one of
    its phrases begins, or from any if none of these leaves room for the length.
    """
    count_a, count_b = len(a.levels), len(b.levels)
    fixed_a = None if settings.start_a is None else [settings.start_a - 1]
    fixed_b = None if settings.start_b is None else [settings.start_b - 1]
    if settings.bars is None and fixed_a is None and fixed_b is None:
        return [(max(0, -offset), max(0, offset)) for offset in range(1 - count_a, count_b)]
    phrases = range(a.phrase, count_a, PHRASE) if count_a > PHRASE else range(count_a)
    roomy = [start for start in phrases if start + (settings.bars or 1) <= count_a]
    starts_a = fixed_a or roomy or list(range(count_a))
    starts_b = fixed_b or list(range(count_b))
    return [(start_a, start_b) for start_a in starts_a for start_b in starts_b]


def _phrase(bars: np.ndarray) -> int:
    """Return where phrases begin: the places, 8 bars apart, at which the four bars after differ most from the four before."""
    if len(bars) < 2 * PHRASE:
        return 0
    half = PHRASE // 2
    sums = np.concatenate([np.zeros((1, bars.shape[1])), np.cumsum(bars, axis=0)])
    at = np.arange(half, len(bars) - half + 1)
    novelty = np.linalg.norm(sums[at + half] - 2 * sums[at] + sums[at - half], axis=1) / half
    means = [novelty[at % PHRASE == place].mean() for place in range(PHRASE)]
    return int(np.argmax(means))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)
