"""Tunes: motifs that return and vary, for voices and lead instruments; in beats, on the scale of the moment."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from tfsep.data.render.arrange import BarPlan
from tfsep.data.render.bass import Tone
from tfsep.data.render.chance import chance, pick, pick_weighted
from tfsep.data.render.harmony import Chord, local_scale

# A beat's rhythm in sixteenths: `x` a note, `-` holds on, `.` rests.
_CELLS = {
    "calm": (("x---", 3.0), ("----", 5.0), ("..x-", 1.0), ("x-x-", 1.2), ("....", 0.6), ("x--x", 0.4)),
    "song": (("x-x-", 4.0), ("x---", 4.0), ("----", 2.2), ("..x-", 1.4), ("x--x", 1.2), ("-x--", 0.5), ("....", 0.5),
             ("x-xx", 0.8), ("xxx-", 0.3)),
    "busy": (("x-x-", 3.0), ("xxx-", 1.0), ("x-xx", 2.0), ("xx-x", 1.0), ("x--x", 1.5), ("--x-", 1.2), ("xxxx", 0.8),
             ("....", 0.5)),
    "rap": (("xxxx", 2.5), ("x-xx", 3.0), ("xx.x", 1.5), ("x-x-", 2.0), ("..xx", 0.8), ("x.xx", 1.5), ("xxx.", 1.0),
            (".x.x", 0.6), ("....", 0.2)),
}  # fmt: skip
_STEPS = ((-3, 0.3), (-2, 1.2), (-1, 3.0), (0, 1.4), (1, 2.8), (2, 1.3), (3, 0.4), (4, 0.2), (-4, 0.2))
_PHRASE_FORMS = ((0, 1, 0, 2), (0, 0, 1, 0), (0, 1, 0, 1), (0, 0, 0, 1), (0, 1, 2, 1))

ChordAt = Callable[[float], Chord]  # the chord at a beat of the song
# (offset in beats from the start of the phrase, length in beats, steps of the scale from the first note)
Motif = tuple[tuple[float, float, int], ...]


@lru_cache(maxsize=16384)
def ladder(chord: Chord, key: int, mode: str, low: int, high: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The notes from `low` to `high` that are in the scale of the moment, and those of the chord; both ascending."""
    scale, tones = local_scale(chord, key, mode), chord.pitch_classes(key)
    return (
        tuple(midi for midi in range(low, high + 1) if midi % 12 in scale),
        tuple(midi for midi in range(low, high + 1) if midi % 12 in tones),
    )


def nearest(notes: Sequence[int], midi: int) -> int:
    """Index of the note nearest to a pitch, the lower of two."""
    return min(range(len(notes)), key=lambda i: abs(notes[i] - midi))


class Tune:
    """Invents the tunes of one voice or lead instrument and returns to them.

    Args:
        pace: "calm", "song", "busy" or "rap", how fast syllables follow each other in verses; choruses are calmer.
        low, high: range as MIDI notes, an octave at least.
        phrase_bars: 2 or 4; a breath is taken after each.
        breath_beats: least and most rest at the end of a phrase.
        span: largest distance from a phrase's first note, in steps of the scale.
    """

    def __init__(
        self, *, key: int, mode: str, pace: str, low: int, high: int, phrase_bars: int, breath_beats: tuple[float, float],
        span: int, rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._key, self._mode, self._rng = key, mode, rng
        self._low, self._high, self._span = low, high, span
        self._pace = {
            "A": pace,
            "B": pace,
            "C": {"busy": "song", "song": pick(rng, ("song", "calm", "calm"))}.get(pace, pace),
            "D": pick(rng, (pace, "calm")),
        }
        self._phrase_bars, self._breath = phrase_bars, breath_beats
        self._form = pick(rng, _PHRASE_FORMS)
        self._shift = {letter: pick(rng, (-0.5, 0.0, 0.0, 0.0, 0.5, 0.25)) for letter in "ABCD"}
        self._motifs: dict[tuple[str, int, int], Motif] = {}
        self._silence = pick(rng, (0.0, 0.05, 0.12, 0.2))  # of phrases

    def section(self, bars: Sequence[BarPlan]) -> list[Tone]:
        """The tune of one section; some phrases but the first are left to the others."""
        notes: list[Tone] = []
        for index, first in enumerate(range(0, len(bars), self._phrase_bars)):
            phrase = bars[first : first + self._phrase_bars]
            if index and chance(self._rng, self._silence):
                continue
            notes += self._phrase(phrase, self._form[index % 4])
        return notes

    def _phrase(self, bars: Sequence[BarPlan], slot: int) -> list[Tone]:
        letter, beats = bars[0].section.letter, bars[0].beats * len(bars)
        if (letter, slot, beats) not in self._motifs:
            self._motifs[letter, slot, beats] = self._invent(letter, beats, bars[0].beats)
        motif = self._motifs[letter, slot, beats]
        if chance(self._rng, 0.3):
            motif = self._varied(motif)
        rise = round((bars[0].section.energy - 0.6) * 8)
        centre = int(np.clip((self._low + self._high) // 2 + rise + self._rng.integers(-2, 3), self._low + 3, self._high - 3))
        start = bars[0].start_beat + self._shift[letter]
        first_notes, first_chord_notes = ladder(self._chord(bars, 0.0), self._key, self._mode, self._low, self._high)
        origin = (
            first_chord_notes[nearest(first_chord_notes, centre)] if first_chord_notes else first_notes[len(first_notes) // 2]
        )
        sung: list[Tone] = []
        for offset, length, degree in motif:
            notes, chord_notes = ladder(
                self._chord(bars, offset + self._shift[letter]), self._key, self._mode, self._low, self._high
            )
            place = nearest(notes, origin) + degree
            midi = notes[min(max(place, 0), len(notes) - 1)]
            if chord_notes and (length >= 1.0 or (offset == int(offset) and chance(self._rng, 0.6))):
                midi = chord_notes[nearest(chord_notes, midi)]
            velocity = 0.72 + 0.12 * (offset == int(offset)) + 0.1 * (bars[0].section.energy - 0.5)
            sung.append(Tone(start + offset, length, midi, float(velocity)))
        return sung

    @staticmethod
    def _chord(bars: Sequence[BarPlan], offset: float) -> Chord:
        beats = bars[0].beats
        index = int(np.clip(offset // beats, 0, len(bars) - 1))
        return bars[index].chord_at(max(0.0, offset - index * beats))

    def _invent(self, letter: str, beats: int, beats_per_bar: int) -> Motif:
        cells = _CELLS[self._pace[letter]]
        drawn = [pick_weighted(self._rng, cells) for _ in range(beats)]
        if beats >= 2 * beats_per_bar and chance(self._rng, 0.55):  # the second bar answers with the first one's rhythm
            drawn[beats_per_bar : beats_per_bar + 2] = drawn[:2]
        rest = round(4 * (self._breath[0] + (self._breath[1] - self._breath[0]) * self._rng.random()))
        grid = "".join(drawn)[: max(4, 4 * beats - rest)]
        onsets = [step for step, mark in enumerate(grid) if mark == "x"] or [0]
        motif, degree = [], 0
        for onset, following in zip(onsets, [*onsets[1:], len(grid)], strict=True):
            length = 1
            while onset + length < following and grid[onset + length] == "-":
                length += 1
            if following == len(grid):
                longest = 4 * beats - onset - max(2, rest // 2)  # the last syllable may ring into the rest, not through it
                length = max(length, min(longest, pick(self._rng, (2, 4, 6, 8, 12))))
            motif.append((onset / 4, 0.96 * length / 4, degree))
            step = pick_weighted(self._rng, _STEPS)
            if abs(degree + step) > self._span:
                step = -step
            degree = int(np.clip(degree + step, -self._span, self._span))
        return tuple(motif)

    def _varied(self, motif: Motif) -> Motif:
        """The motif with other pitches for its last notes."""
        kept = max(1, len(motif) - pick(self._rng, (1, 2, 3)))
        shift = pick(self._rng, (-2, -1, 1, 2))
        limit = self._span
        return motif[:kept] + tuple(
            (offset, length, int(np.clip(degree + shift, -limit, limit))) for offset, length, degree in motif[kept:]
        )


def ornament(notes: list[Tone], key: int, mode: str, chord_at: ChordAt, rng: np.random.Generator) -> list[Tone]:
    """Sing: scoop into some notes from below, and carry some long ones on to the neighbouring note of the scale."""
    sung: list[Tone] = []
    for note in notes:
        draw = rng.random()
        if draw < 0.16:
            note.glide_from_midi, note.glide_beats = note.midi - pick(rng, (1, 2)), min(0.15, 0.4 * note.beats)
        elif draw < 0.24 and note.beats >= 0.7:
            notes_there, _ = ladder(chord_at(note.beat), key, mode, note.midi - 4, note.midi + 4)
            other = pick(rng, [midi for midi in notes_there if 0 < abs(midi - note.midi) <= 4] or [note.midi])
            part = 0.5 * note.beats
            sung.append(Tone(note.beat, part, note.midi, note.velocity))
            sung.append(Tone(note.beat + part, part, other, note.velocity, tied=True))
            continue
        sung.append(note)
    return sung


def harmonise(notes: Sequence[Tone], key: int, mode: str, chord_at: ChordAt, steps: int) -> list[Tone]:
    """A second voice `steps` notes of the scale away from the first (2 is a third above), at the same time."""
    found = []
    for note in notes:
        scale, _ = ladder(chord_at(note.beat), key, mode, note.midi - 12, note.midi + 12)
        midi = scale[int(np.clip(nearest(scale, note.midi) + steps, 0, len(scale) - 1))]
        found.append(Tone(note.beat, note.beats, midi, 0.85 * note.velocity, tied=note.tied))
    return found
