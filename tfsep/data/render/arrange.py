"""The form of a song: which sections follow each other, who plays in them, and which chords."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfsep.data.render.chance import chance, pick, pick_weighted
from tfsep.data.render.genre import Genre, Weights, weights
from tfsep.data.render.harmony import Chord, Progression, Progressions, choose_progression, extended


@dataclass(frozen=True)
class SectionPlan:
    """One section as it will be played.

    Args:
        name: "verse", "drop", ...
        letter: sections with the same letter share chords and tunes.
        start_bar, bars: place and length in the song.
        drums: "full", "light", "kick", "tops", "build" or "none".
        bass, vocals: whether they play.
        layers: share of the line-up of the stem "other" that plays, 0 to 1.
        energy: 0 to 1.
        stop_beats: beats of silence at the end of the section, before the next one falls in.
    """

    name: str
    letter: str
    start_bar: int
    bars: int
    drums: str
    bass: bool
    vocals: bool
    layers: float
    energy: float
    stop_beats: int


@dataclass(frozen=True)
class _Kind:
    """How sections of a name tend to be."""

    letter: str
    bars: tuple[int, ...]
    drums: Weights
    bass: float
    layers: tuple[float, float]
    vocals: float
    energy: float
    stop: float = 0.0


_KINDS: Mapping[str, _Kind] = {
    "intro": _Kind("A", (4, 4, 8), weights("full 3 light 2 none 3 kick tops"), 0.4, (0.3, 0.9), 0.1, 0.4),
    "club_intro": _Kind("A", (8, 16), weights("full 4 kick 3 tops light"), 0.35, (0.0, 0.5), 0.15, 0.5),
    "verse": _Kind("A", (8, 8, 16), weights("full 15 light 4 none"), 0.93, (0.4, 0.9), 0.93, 0.6, 0.15),
    "rap_verse": _Kind("A", (8, 12, 16), weights("full 18 light 2"), 0.95, (0.3, 0.8), 0.95, 0.6, 0.2),
    "pre": _Kind("B", (4,), weights("full 6 light 3 none build 2"), 0.85, (0.5, 0.9), 0.9, 0.65, 0.3),
    "chorus": _Kind("C", (8,), weights("full"), 1.0, (0.8, 1.0), 0.93, 0.95, 0.1),
    "hook": _Kind("C", (4, 8), weights("full 12 light"), 0.98, (0.7, 1.0), 0.9, 0.85, 0.15),
    "bridge": _Kind("D", (4, 8), weights("full 3 light 3 none 4"), 0.6, (0.4, 0.9), 0.6, 0.45, 0.2),
    "solo": _Kind("C", (8,), weights("full 9 light"), 0.97, (0.6, 1.0), 0.05, 0.85),
    "drum_break": _Kind("A", (2, 4), weights("full"), 0.1, (0.0, 0.2), 0.1, 0.7),
    "breakdown": _Kind("D", (8, 8, 16), weights("none 7 kick tops light"), 0.3, (0.5, 1.0), 0.7, 0.3),
    "build": _Kind("D", (4, 8), weights("build"), 0.3, (0.5, 0.9), 0.45, 0.7, 0.45),
    "drop": _Kind("C", (16,), weights("full"), 0.99, (0.7, 1.0), 0.6, 1.0),
    "groove": _Kind("A", (8, 16), weights("full"), 0.97, (0.3, 0.8), 0.6, 0.75),
    "acapella": _Kind("C", (2, 4), weights("none"), 0.05, (0.0, 0.4), 1.0, 0.4),
    "head": _Kind("A", (16, 32), weights("full 8 light 3"), 0.98, (0.5, 1.0), 0.9, 0.6),
    "chorus_solo": _Kind("A", (16, 32), weights("full 9 light 2"), 0.98, (0.5, 0.9), 0.05, 0.7),
    "bass_solo": _Kind("A", (8, 16), weights("light 3 tops 2 none"), 1.0, (0.0, 0.5), 0.0, 0.4),
    "drum_solo": _Kind("A", (4, 8), weights("full"), 0.15, (0.0, 0.3), 0.0, 0.9),
    "drift": _Kind("A", (8, 16), weights("light 3 full 2 none 2 tops"), 0.8, (0.5, 1.0), 0.55, 0.4),
    "still": _Kind("D", (8,), weights("none 3 tops"), 0.35, (0.3, 0.9), 0.4, 0.2),
    "outro": _Kind("A", (4, 8), weights("full 4 light 3 none 2 kick"), 0.6, (0.2, 0.7), 0.25, 0.4),
}
# What follows what: the opening, the middle that repeats while the song goes on, and the end. "a|b" draws one, "a?" is there
# half the time.
_FORMS: Mapping[str, tuple[str, str, str]] = {
    "song": ("intro?", "verse pre? chorus verse pre? chorus|hook bridge|solo|breakdown drum_break? acapella? chorus", "outro?"),
    "club": ("club_intro|intro", "groove breakdown? build? drop groove breakdown build drop drum_break? acapella?", "outro"),
    "loop": ("intro", "rap_verse hook rap_verse hook bridge|breakdown? drum_break? acapella? hook", "outro?"),
    "jazz": ("intro?", "head chorus_solo chorus_solo? bass_solo|drum_solo|chorus_solo head", "outro?"),
    "drift": ("still|drift", "drift still? drift|drift still", "still?"),
}


def plan_form(genre: Genre, bars_wanted: int, rng: np.random.Generator, *, with_vocals: bool) -> tuple[SectionPlan, ...]:
    """Draw the sections of a whole song of at least `bars_wanted` bars (and at least one round of the form)."""
    opening, middle, end = _FORMS[genre.form]
    names = _draw(opening, rng)
    bars = 0
    while not bars or bars < bars_wanted:
        part = _draw(middle, rng)
        names += part
        bars += sum(min(_KINDS[name].bars) for name in part)
    names += _draw(end, rng)
    plans: list[SectionPlan] = []
    start = 0
    lengths = {name: pick(rng, _KINDS[name].bars) for name in dict.fromkeys(names)}  # verses of a song are of one length
    for name in names:
        kind = _KINDS[name]
        if name == "acapella" and not with_vocals:
            continue
        low, high = kind.layers
        plan = SectionPlan(
            name=name.removeprefix("club_").removeprefix("rap_"),
            letter=kind.letter,
            start_bar=start,
            bars=lengths[name],
            drums=pick_weighted(rng, kind.drums),
            bass=chance(rng, kind.bass),
            vocals=with_vocals and chance(rng, kind.vocals),
            layers=low + (high - low) * rng.random(),
            energy=float(np.clip(kind.energy + rng.normal(0, 0.08), 0.05, 1.0)),
            stop_beats=pick(rng, (1, 2, 2, 4)) if chance(rng, kind.stop) else 0,
        )
        plans.append(plan)
        start += plan.bars
    return tuple(plans)


def _draw(words: str, rng: np.random.Generator) -> list[str]:
    names = []
    for word in words.split():
        if word.endswith("?") and chance(rng, 0.5):
            continue
        names.append(pick(rng, word.rstrip("?").split("|")))
    return names


def choose_window(plans: tuple[SectionPlan, ...], bars_wanted: float, rng: np.random.Generator) -> float:
    """Draw the bar (with a fraction) that an excerpt begins at; of four, the fullest is favoured.

    Returns: 0 for an excerpt that is the whole song or its beginning, up to the last bar from which `bars_wanted` remain.
    """
    spare = sum(plan.bars for plan in plans) - bars_wanted
    if spare <= 0 or chance(rng, 0.08):
        return 0.0
    candidates = [rng.random() * spare for _ in range(4)]
    if chance(rng, 0.8):
        chosen = max(candidates, key=lambda start: _fullness(plans, start, start + bars_wanted))
    else:
        chosen = candidates[0]
    return float(int(chosen)) if chance(rng, 0.5) else chosen


def _fullness(plans: tuple[SectionPlan, ...], start: float, stop: float) -> float:
    """How many of bass, vocals and others sound within the bars, and for how long; drums are there anyway, nearly always."""
    shares = np.zeros(3)
    for plan in plans:
        overlap = max(0.0, min(stop, plan.start_bar + plan.bars) - max(start, plan.start_bar)) / (stop - start)
        shares += overlap * np.array([plan.bass, plan.vocals, plan.layers > 0.2])
    return float(np.sum(shares) + np.sum(shares > 0.2))


@dataclass(frozen=True)
class BarPlan:
    """One bar: where it is, and its chords as (offset in beats, length in beats, chord)."""

    number: int
    start_beat: float
    beats: int
    in_section: int
    section: SectionPlan
    chords: tuple[tuple[float, float, Chord], ...]
    next_chord: Chord

    @property
    def is_last(self) -> bool:
        """Whether the section ends with this bar."""
        return self.in_section == self.section.bars - 1

    @property
    def ends_phrase(self) -> bool:
        """Whether this is the fourth bar of a phrase, or the section's last."""
        return self.is_last or self.in_section % 4 == 3

    def chord_at(self, offset_beats: float) -> Chord:
        """The chord that sounds at an offset from the start of the bar."""
        return next((chord for offset, _, chord in reversed(self.chords) if offset <= offset_beats), self.chords[0][2])


def plan_chords(
    genre: Genre, mode: str, collection: Progressions, rng: np.random.Generator
) -> Mapping[str, tuple[Progression, float]]:
    """Draw for each letter of the form a progression and its bars a chord; parts of a song often share theirs."""
    notes = pick_weighted(rng, genre.chord_notes)
    drawn: dict[str, tuple[Progression, float]] = {}
    for letter in "ACBD":
        keep = {"A": 0.0, "C": 0.4, "B": 0.5, "D": 0.5}[letter] if genre.form != "club" else 0.7
        if drawn and chance(rng, keep):
            drawn[letter] = drawn[pick(rng, tuple(drawn))]
            continue
        found = choose_progression(
            mode, genre.own_major if mode == "major" else genre.own_minor, genre.own_share, collection, rng, genre.moods
        )
        bars = pick_weighted(rng, genre.bars_per_chord)
        if len(found.chords) > 8:
            bars = min(bars, 1.0)
        chords = tuple(extended(chord, mode, notes) for chord in found.chords) if notes > 3 else found.chords
        drawn[letter] = Progression(chords, found.moods), bars
    return drawn


def plan_bars(
    plans: tuple[SectionPlan, ...], harmony: Mapping[str, tuple[Progression, float]], beats_per_bar: int
) -> list[BarPlan]:
    """Lay the chords of each section over its bars."""

    def chords_of(plan: SectionPlan, bar: int) -> tuple[tuple[float, float, Chord], ...]:
        progression, bars_each = harmony[plan.letter]
        chords = progression.chords
        if bars_each >= 1:
            return ((0.0, float(beats_per_bar), chords[int(bar // bars_each) % len(chords)]),)
        first = 2.0 if beats_per_bar == 4 else float(beats_per_bar - 1)
        return (
            (0.0, first, chords[2 * bar % len(chords)]),
            (first, beats_per_bar - first, chords[(2 * bar + 1) % len(chords)]),
        )

    laid = [(plan, bar, chords_of(plan, bar)) for plan in plans for bar in range(plan.bars)]
    found = []
    for number, (plan, bar, chords) in enumerate(laid):
        following = laid[number + 1][2][0][2] if number + 1 < len(laid) else chords[0][2]
        found.append(BarPlan(number, float(number * beats_per_bar), beats_per_bar, bar, plan, chords, following))
    return found
