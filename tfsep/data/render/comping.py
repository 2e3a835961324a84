"""What accompanies: pads, stabs, strummed and power chords, arpeggios, riffs, brass hits, risers; bar by bar, in beats.

Rhythms are written on a grid of sixteenths: `x` a chord, `X` an accented one, `D` and `U` a stroke down or up, `m` a muted low
string, `-` holds on, `.` rests.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from tfsep.data.render.arrange import BarPlan
from tfsep.data.render.bass import Tone
from tfsep.data.render.chance import chance, pick
from tfsep.data.render.harmony import Chord, local_scale, voice

RHYTHMS: Mapping[str, tuple[str, ...]] = {
    "house_stab": ("...x..x....x..x.", "x..x..x...x..x..", "..x...x...x...x.", "x.....x...x.....", "..x..x....x..x..",
                   "x-..x-..x..x..x-"),
    "techno_stab": ("......x.........", "..x.....x.......", "...x......x.....", "..x...x...x...x.", "x..x..x..x..x.x.",
                    "....x......x...."),
    "trance_gate": ("x.xx.xx.x.xx.xx.", "x.x.xx.xx.x.xx.x", "xxx.xxx.xxx.xx.x", "x-x-x-x-x-x-x-x-"),
    "pop_hits": ("x---x---x---x---", "x-----x-x-----x-", "x---x-x---x-x---", "x---------------", "x-----x---x-----",
                 "x-x-x-x-x-x-x-x-"),
    "piano_ballad": ("x---x---x---x---", "x-------x-------", "x---x-x-x---x-x-", "x-x-x-x-x-x-x-x-"),
    "lofi": ("x-----..x-......", "x---------x-....", "..x---....x---..", "x-..x-....x-....", "x---------------"),
    "soul": ("x---..x-x---....", "x-..x-..x-..x-..", "x-----x-..x-....", "..x-..x-..x-..x-"),
    "offbeat": ("..x...x...x...x.", "....x.......x...", "....x-......x-..", "..x.x.x...x.x.x."),
    "funk_chick": ("..x..xx...x.xx..", "x..x..x.x..x..x.", "....x..x....x.x.", "x.xx.xx.x.xx.xx.", "..xx..x...xx..xx"),
    "clav": ("x.x..x.xx..x.x..", "x..xx..x.x.x..x.", "..x.x..x..x.xx..", "xx..x.x..xx.x.x."),
    "hits": ("x.............x.", "......xx........", "..............x-", "X-......X-......", "......x-....x...",
             "x--x--x-........"),
    "shuffle": ("x-x-x-x-x-x-x-x-", "....x.x.....x.x.", "x---....x---....", "..x...x...x...x."),
    "jazz": ("x-....x.........", "..x-......x-....", "......x-......x-", "x-............x-", "....x-..........",
             "x-......x.....x.", "................"),
    "bossa": ("x-..x-..x..x..x-", "..x.x-....x.x-..", "x-..x-....x.x-..", "x..x..x-..x..x-."),
    "skank": ("....x.......x...", "..x...x...x...x.", "....xx......x...", "....x-......x-.."),
    "bubble": ("..x.x.x...x.x.x.", "..xx..xx..xx..xx", "x.x.x.x.x.x.x.x."),
    "strum": ("D---D-U---U-D-U-", "D---D-D-U-D-D-U-", "D-D-D-D-D-D-D-D-", "D-DUD-DUD-DUD-DU", "D---D---D---D-U-",
              "D---------D-D-U-", "D-----D-----D---"),
    "strum_eighths": ("D-D-D-D-D-D-D-D-", "D-DUD-DUD-DUD-DU", "D---D-DUD---D-DU"),
    "power": ("D-D-D-D-D-D-D-D-", "D---------------", "D-----D---D-----", "D--D--D-D--D--D-", "D-..D-..D-D-D-..",
              "D-m-m-m-D-m-m-m-", "D---D-D---D-D-D-"),
    "chug": ("m-m-m-m-m-m-m-m-", "mmmmmmmmmmmmmmmm", "D-mmD-mmD-mmD-mm", "m.mm.mm.D---m.mm", "D-------m-m-m-m-",
             "mmm.mmm.mmm.D---", "D---m.mmD-m-m.mm"),
    "montuno": ("x.xx.x.xx.xx.x.x", "xx.xx.x.x.xx.x.x", "x.x.xx.x.x.xx.x."),
}  # fmt: skip
_LOOSE = ("jazz", "lofi", "soul", "hits")  # the rhythm changes from bar to bar
_LONG_LIMIT_BEATS = 16.0
_RANGES = {"guitar": (50, 74), "brass": (53, 77), "wind": (55, 79), "strings": (50, 79), "mallet": (60, 86)}


def _range_of(sound: str) -> tuple[int, int]:
    return _RANGES.get(sound.split("-")[0], (50, 75))


class Player:
    """One accompanying player of a song; subclasses say what a bar holds."""

    articulation = "sustain"

    def __init__(self, rhythm: str, sound: str, *, key: int, mode: str, tempo_bpm: float, rng: np.random.Generator) -> None:
        self.key, self.mode, self.tempo_bpm, self.rng = key, mode, tempo_bpm, rng
        self.sound, self.loose = sound, rhythm in _LOOSE
        self._lines = RHYTHMS.get(rhythm, ("",))
        self._chosen = {letter: pick(rng, self._lines) for letter in "ABCD"}
        if chance(rng, 0.5):
            self._chosen["C"] = self._chosen["A"]
        self.low, self.high = _range_of(sound)
        self._previous: tuple[int, ...] | None = None

    def line(self, plan: BarPlan) -> str:
        """The rhythm of a bar."""
        if self.loose and chance(self.rng, 0.4):
            self._chosen[plan.section.letter] = pick(self.rng, self._lines)
        return self._chosen[plan.section.letter][: 4 * plan.beats]

    def voicing(self, chord: Chord) -> tuple[int, ...]:
        """The chord in the position next to the last one."""
        self._previous = voice(chord, self.key, previous=self._previous, low=self.low, high=self.high)
        return self._previous

    def strokes(self, plan: BarPlan) -> list[tuple[float, float, str, Chord]]:
        """The rhythm's strokes as (offset and length in beats, mark, chord); a change of chord ends what is held."""
        line = self.line(plan)
        found = []
        for step, mark in enumerate(line):
            if mark in ".-":
                continue
            length = 1
            while step + length < len(line) and line[step + length] == "-":
                length += 1
            end = (step + length) / 4
            for offset, _, chord in plan.chords:
                if step / 4 < offset < end:
                    found.append((offset, end - offset, mark, chord))
                    end = offset
            found.append((step / 4, end - step / 4, mark, plan.chord_at(step / 4)))
        return sorted(found, key=lambda stroke: stroke[0])

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        raise NotImplementedError


class Pad(Player):
    """Holds each chord until the next; tones in common are tied over (see `tie_over`)."""

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        return [
            Tone(plan.start_beat + offset, length, midi, 0.6)
            for offset, length, chord in plan.chords
            for midi in self.voicing(chord)
        ]


class Comp(Player):
    """Chords in a rhythm; a piano adds the root in the left hand in some songs."""

    def __init__(self, rhythm: str, sound: str, **song) -> None:
        super().__init__(rhythm, sound, **song)
        self.articulation = (
            "short" if rhythm in ("funk_chick", "house_stab", "techno_stab", "skank", "clav", "trance_gate") else "pluck"
        )
        self._left_hand = sound == "piano" and rhythm in ("pop_hits", "piano_ballad") and chance(self.rng, 0.6)
        self._gate = 0.5 + 0.5 * self.rng.random()

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        notes = []
        for offset, length, mark, chord in self.strokes(plan):
            held = length * (0.97 if length > 0.3 else self._gate)
            velocity = (0.9 if mark == "X" else 0.72) + (0.06 if offset == int(offset) else 0.0)
            roll = 0.012 * self.rng.random() * self.tempo_bpm / 60
            for i, midi in enumerate(self.voicing(chord)):
                notes.append(Tone(plan.start_beat + offset + i * roll, held, midi, velocity))
        if self._left_hand:
            for offset, length, chord in plan.chords:
                root = 36 + (self.key + chord.root) % 12
                notes.append(Tone(plan.start_beat + offset, 0.97 * length, root, 0.66))
        return notes


class Brass(Comp):
    """Hits of a section, not in every bar."""

    def __init__(self, rhythm: str, sound: str, **song) -> None:
        super().__init__(rhythm, sound, **song)
        self._every = pick(self.rng, (1, 2, 2, 4))
        self._swell = chance(self.rng, 0.3)

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        if plan.in_section % self._every != self._every - 1:
            return []
        notes = super().bar(plan)
        return [Tone(note.beat, note.beats, note.midi, min(1.0, note.velocity + 0.12)) for note in notes]


class Strum(Player):
    """Guitar chords of five or six strings, struck one string after the other; `power` plays root, fifth and octave."""

    articulation = "pluck"

    def __init__(self, rhythm: str, sound: str, *, power: bool = False, **song) -> None:
        super().__init__(rhythm, sound, **song)
        self._power = power
        self._low_string = pick(self.rng, (38, 40, 40)) if rhythm == "chug" else 40
        self._string_s = 0.002 + 0.003 * self.rng.random() if power else 0.005 + 0.013 * self.rng.random()

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        notes = []
        gap = self._string_s * self.tempo_bpm / 60
        for offset, length, mark, chord in self.strokes(plan):
            strings = power_chord(chord, self.key, self._low_string) if self._power else guitar_chord(chord, self.key)
            velocity = 0.8 if offset == int(offset) else 0.7
            if mark == "m":
                notes.append(Tone(plan.start_beat + offset, min(0.2, 0.8 * length), strings[0], 0.6))
                if self._power:
                    notes.append(Tone(plan.start_beat + offset, min(0.2, 0.8 * length), strings[1], 0.5))
                continue
            if mark == "U":
                strings, velocity = strings[::-1][:4], velocity - 0.12
            for i, midi in enumerate(strings):
                notes.append(
                    Tone(plan.start_beat + offset + i * gap, max(0.1, 0.97 * length - i * gap), midi, velocity - 0.02 * i)
                )
        return notes


@lru_cache(maxsize=1024)
def power_chord(chord: Chord, key: int, low: int) -> tuple[int, ...]:
    """Root, the chord's fifth and the octave from the lowest string on, as MIDI notes."""
    root = low + (key + chord.root - low) % 12
    fifth = next((interval for interval in (7, 6, 8) if interval in chord.intervals), 7)
    return (root, root + fifth, root + 12)


@lru_cache(maxsize=1024)
def guitar_chord(chord: Chord, key: int) -> tuple[int, ...]:
    """Root on the lowest strings, then chord tones upwards by a third at least, at most six notes, up to E5."""
    tones = chord.pitch_classes(key)
    notes = [40 + (tones[0] - 40) % 12]
    midi = notes[0] + 5
    while midi <= 69 and len(notes) < 6:
        if midi % 12 in tones:
            notes.append(midi)
            midi += 3
        else:
            midi += 1
    return tuple(notes)


class Arp(Player):
    """Chord tones one after the other, in sixteenths, eighths or triplets, or in a montuno's rhythm."""

    articulation = "pluck"

    def __init__(self, rhythm: str, sound: str, **song) -> None:
        super().__init__(rhythm, sound, **song)
        self._has_rhythm = bool(rhythm)
        played = sound.split("-")[0] in ("piano", "guitar", "keys", "world")
        self._rate = pick(self.rng, (2, 2, 4, 3) if played else (4, 4, 4, 2, 3))
        self._order = pick(self.rng, ("up", "down", "updown", "random", "alberti"))
        self._octaves = pick(self.rng, (1, 2, 2, 3)) if not played else pick(self.rng, (1, 2))
        self._gate = 1.4 if played else pick(self.rng, (0.4, 0.6, 0.95))
        self._seed = [self.rng.random() for _ in range(16)]
        self._rests = [chance(self.rng, 0.15) for _ in range(16)]
        self.low, self.high = (55, 74) if not played else (50, 70)

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        if self._has_rhythm:
            onsets = [(offset, length) for offset, length, _, _ in self.strokes(plan)]
        else:
            count = plan.beats * self._rate
            onsets = [(i / self._rate, 1.0 / self._rate) for i in range(count) if not self._rests[i % 16]]
        notes = []
        current: Chord | None = None
        ladder: tuple[int, ...] = ()
        for i, (offset, length) in enumerate(onsets):
            chord = plan.chord_at(offset)
            if chord is not current:
                current = chord
                position = self.voicing(chord)
                ladder = tuple(midi + 12 * octave for octave in range(self._octaves) for midi in position)
            midi = ladder[self._index(i, len(ladder))]
            notes.append(Tone(plan.start_beat + offset, self._gate * length, midi, 0.75 if offset == int(offset) else 0.62))
            if self._has_rhythm:
                notes.append(Tone(plan.start_beat + offset, self._gate * length, midi + 12, 0.62))
        return notes

    def _index(self, i: int, count: int) -> int:
        if self._order == "up":
            return i % count
        if self._order == "down":
            return count - 1 - i % count
        if self._order == "updown":
            place = i % max(1, 2 * count - 2)
            return place if place < count else 2 * count - 2 - place
        if self._order == "alberti":
            return (0, count - 1, count // 2, count - 1)[i % 4]
        return int(self._seed[i % 16] * count)


class Riff(Player):
    """A figure of one or two bars that returns, on the chord's root or on the tonic throughout."""

    articulation = "pluck"

    def __init__(self, rhythm: str, sound: str, **song) -> None:
        super().__init__(rhythm, sound, **song)
        self._bars = pick(self.rng, (1, 1, 2))
        self._follows = chance(self.rng, 0.5)
        self._base = {"guitar-distorted": 40}.get(sound, pick(self.rng, (55, 60, 60, 67)))
        self._figures = {letter: self._draw() for letter in "AC"}
        self._figures |= {"B": self._figures["A"], "D": self._figures["C"]}

    def _draw(self) -> list[tuple[float, float, int, float]]:
        """A figure as (offset and length in beats, steps of the scale, velocity)."""
        density = 0.25 + 0.4 * self.rng.random()
        steps = [step for step in range(16 * self._bars) if chance(self.rng, density if step % 2 else 1.2 * density)]
        steps = sorted({0, *steps}) if chance(self.rng, 0.75) else steps or [0]
        figure, degree = [], 0
        for step, following in zip(steps, [*steps[1:], 16 * self._bars], strict=True):
            length = min(following - step, pick(self.rng, (1, 1, 2, 4)))
            figure.append((step / 4, 0.92 * length / 4, degree, 0.8 if step % 4 == 0 else 0.7))
            degree = int(np.clip(degree + pick(self.rng, (-2, -1, -1, 0, 0, 1, 1, 2, 4, -4)), -3, 7))
        return figure

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        start = 4.0 * (plan.in_section % self._bars)
        notes = []
        for place, length, degree, velocity in self._figures[plan.section.letter]:
            offset = place - start
            if not 0 <= offset < plan.beats:
                continue
            chord = plan.chord_at(offset)
            tonic = (self.key + chord.root) % 12 if self._follows else self.key
            midi = _scale_note(local_scale(chord, self.key, self.mode), self._base + (tonic - self._base) % 12, degree)
            notes.append(Tone(plan.start_beat + offset, length, midi, velocity))
        return notes


def _scale_note(scale: tuple[int, ...], root: int, degree: int) -> int:
    """The note `degree` steps of a scale away from `root`, or from the scale's next note below where it lacks the root."""
    while root % 12 not in scale:
        root -= 1
    octave, index = divmod(scale.index(root % 12) + degree, len(scale))
    lowest = root - (root % 12 - scale[0])
    return lowest + 12 * octave + scale[index] - scale[0]


class Effects(Player):
    """Risers at the end of builds, impacts where a section falls in."""

    def bar(self, plan: BarPlan) -> list[Tone]:
        """The notes of one bar."""
        midi = 48 + self.key
        if plan.in_section == 0 and plan.section.energy > 0.6 and chance(self.rng, 0.7):
            return [Tone(plan.start_beat, 2.0 * plan.beats, midi, 0.8)]
        if plan.section.drums in ("build", "none") and plan.section.bars - plan.in_section == 2 and chance(self.rng, 0.7):
            return [Tone(plan.start_beat, 2.0 * plan.beats, midi + 12, 0.7)]
        return []


def tie_over(notes: list[Tone], limit_beats: float = _LONG_LIMIT_BEATS) -> list[Tone]:
    """Join notes of one pitch that touch, up to a length; returns them in order of time."""
    joined: list[Tone] = []
    held: dict[int, Tone] = {}
    for note in sorted(notes, key=lambda tone: tone.beat):
        before = held.get(note.midi)
        if (
            before is not None
            and abs(before.beat + before.beats - note.beat) < 1e-6
            and before.beats + note.beats <= limit_beats
        ):
            before.beats += note.beats
        else:
            held[note.midi] = note
            joined.append(note)
    return joined


def player_for(
    role: str, rhythm: str, sound: str, *, key: int, mode: str, tempo_bpm: float, rng: np.random.Generator
) -> Player:
    """Make the player of a role other than "lead" (see `melody.py`).

    Raises: ValueError if the role or the rhythm is unknown.
    """
    if rhythm and rhythm not in RHYTHMS:
        raise ValueError(f"rhythm={rhythm!r}: use one of {', '.join(RHYTHMS)}")
    song = {"key": key, "mode": mode, "tempo_bpm": tempo_bpm, "rng": rng}
    if role == "power":
        return Strum(rhythm, sound, power=True, **song)
    kinds = {"pad": Pad, "comp": Comp, "brass": Brass, "strum": Strum, "arp": Arp, "riff": Riff, "fx": Effects}
    if role not in kinds:
        raise ValueError(f"role={role!r}: use one of {', '.join(kinds)}, power")
    return kinds[role](rhythm, sound, **song)
