"""Bass lines, by style, in beats.

Lines of a fixed rhythm are written on a grid of sixteenths: `r` root, `8` its octave, `3` `5` `6` `7` the chord's or scale's
tones, `a` a step that leads to the next root, `n` the next chord's root already, `g` a ghost note, `-` holds on, `.` rests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfsep.data.render.arrange import BarPlan
from tfsep.data.render.chance import chance, pick
from tfsep.data.render.harmony import Chord, local_scale

STYLES: Mapping[str, tuple[str, ...]] = {
    "quarters": ("r---r---r---r---", "r---r---5---r---", "r---r---r---a---", "r-------5---r---"),
    "eighths": ("r-r-r-r-r-r-r-r-", "r-r-r-r-r-r-r-5-", "r-r-r-r-r-5-r-a-", "r.r.r.r.r.r.r.r."),
    "sustained": ("r---------------", "r-------r-------", "r-----r-r-------", "r-----------5---"),
    "long_notes": ("r-------------..", "r-----......r---", "r---------r-----", "r-----------....", "r-..r-......r---"),
    "octave_disco": ("r-8-r-8-r-8-r-8-", "r.8.r.8.r.8.5.8.", "r.8.r.8.r.88r.8a", "rr8.rr8.rr8.5.8."),
    "offbeat": ("..r-..r-..r-..r-", "..r-..r-..r-..rr", "..r.r.r...r...r.", "..r...r8..r...r."),
    "rolling": (".rrr.rrr.rrr.rrr", ".r8r.r8r.r8r.r8r", "..rr..rr..rr..rr", ".rr..rr..rr..r5r"),
    "galloping": ("r.rrr.rrr.rrr.rr", "..rr..rr..rr..r8", "r.rrr.rrr.rr7.rr"),
    "gallop": ("r-rrr-rrr-rrr-rr", "r-rrr-rrr-r-5-r-", "rrrrr-r-rrrrr-r-"),
    "techno_sync": ("r..r..r...r..r..", "..r...r..r..r...", ".rr..rr..rr.r.rr", "r..r....r..r..8.", "....r..r....r.r."),
    "synth16": ("rrrrrrrrrrrrrrrr", "rr8rrr8rrr8rrr8r", "r.rrr.rrr.rrr.rr", "r.r.rrr.r.r.rrr."),
    "house_sync": ("r..r..r-..r..r..", "r-....r..r..r-7.", "r.r..r-...r.3.5.", "r-..r.8...r-..7.", "..r..r-...r..r5."),
    "boombap": ("r---..r-..r---..", "r--r..5-..r-7-r-", "r-...rr-..r---a-", "r-----..r-r-..5-"),
    "reese": ("r---------------", "r-------------r-", "r-----r---r-----", "r---------8-----"),
    "motown": ("r--rr-5-6-5-3-a-", "r-r-8-r-5-6-5-a-", "r--r..r-3-5-6-5-", "r-..r-3-5-..5-a-"),
    "two_feel": ("r-------5-------", "r-----..5-----..", "r-------5-----a-", "r-----r-5-------"),
    "bossa": ("r-----5-5-----r-", "r-----5-5-------", "r-----5-8-----5-"),
    "tumbao": ("......5-----n---", "......5-....n---", "r-....5-....n---", "......3-....5-n-"),
    "reggae": ("r-..r.r-..5-3-..", "....r-r-8---5-..", "r--.3-5-..r-5-3-", "r-....r-r-..5-r-", "..r-r-..3-..5---"),
    "boogie": ("r-3-5-6-8-6-5-3-", "r-r-5-5-6-6-5-5-", "r-r-3-3-5-5-6-6-", "r---3---5---6---"),
}
_GENERATED = ("walking", "kick_lock", "funk", "slide_808", "wobble")
BASS_STYLES = (*STYLES, *_GENERATED)
LOWEST = {"sub": 25, "synth": 26, "electric": 28, "acoustic": 28}  # MIDI notes; 28 is the open E string
_FUNK_TONES = "rrrr85573gg"


@dataclass
class Tone:
    """A note of a part under way, in beats from the start of the song; see `score.Note` for the rest."""

    beat: float
    beats: float
    midi: int
    velocity: float
    glide_from_midi: int | None = None
    glide_beats: float = 0.0
    tied: bool = False


class Bassist:
    """Plays the bass of one song."""

    def __init__(self, style: str, sound: str, *, key: int, mode: str, rng: np.random.Generator) -> None:
        if style not in BASS_STYLES:
            raise ValueError(f"style={style!r}: use one of {', '.join(BASS_STYLES)}")
        self._style, self._key, self._mode, self._rng = style, key, mode, rng
        self._low = LOWEST[sound]
        self._octave_up = style in ("offbeat", "rolling", "synth16") and chance(rng, 0.4)
        self._lines = {letter: self._draw_line() for letter in "ABCD"}
        if chance(rng, 0.5):
            self._lines["C"] = self._lines["A"]
        self._last = self._low + 5
        self._gate = 0.6 + 0.38 * rng.random()

    def _draw_line(self) -> str:
        if self._style in STYLES:
            return pick(self._rng, STYLES[self._style])
        if self._style == "funk":
            line = ["r"] + [pick(self._rng, _FUNK_TONES) if chance(self._rng, 0.42) else "." for _ in range(15)]
            for step in range(1, 16):
                if line[step] == "." and line[step - 1] not in ".g" and chance(self._rng, 0.3):
                    line[step] = "-"
            return "".join(line)
        if self._style == "wobble":
            return " ".join(pick(self._rng, ("1", "2", "3", "4", "6", "8", "0.5", "0")) for _ in range(4))  # notes a beat
        return ""

    def bar(self, plan: BarPlan, kicks: Sequence[float]) -> list[Tone]:
        """The notes of a bar. `kicks` are the bass drum's offsets in beats from the bar line, straight, ascending."""
        if self._style == "walking":
            return self._walk(plan)
        if self._style == "kick_lock":
            return self._lock(plan, kicks)
        if self._style == "slide_808":
            return self._slide(plan, kicks)
        if self._style == "wobble":
            return self._wobble(plan)
        return self._write(self._lines[plan.section.letter], plan)

    def _root(self, chord: Chord) -> int:
        """The chord's root in the register, an octave up for lines that leave the lowest to the kick."""
        midi = self._low + (self._key + chord.root - self._low) % 12
        return midi + 12 if self._octave_up and midi < self._low + 8 else midi

    def _tone(self, chord: Chord, mark: str, plan: BarPlan) -> int:
        root = self._root(chord)
        if mark in "rg":
            return root
        if mark == "8":
            return root + 12
        if mark == "n":
            return self._root(plan.next_chord)
        if mark == "a":
            return self._approach(root, self._root(plan.next_chord), chord)
        scale = local_scale(chord, self._key, self._mode)
        wanted = {"3": (4, 3), "5": (7, 6, 8), "6": (9, 8), "7": (10, 11)}[mark]
        tones = chord.pitch_classes(self._key)
        for pool in (tones, scale):
            for interval in wanted:
                if (root + interval) % 12 in pool:
                    return root + interval
        return root

    def _approach(self, root: int, target: int, chord: Chord) -> int:
        """A step next to the target: of the scale, or in one of four a semitone off it."""
        side = 1 if target < root else -1 if target > root else pick(self._rng, (-1, 1))
        if chance(self._rng, 0.25):
            return target + side
        scale = local_scale(chord, self._key, self._mode)
        return next(target + side * step for step in range(1, 12) if (target + side * step) % 12 in scale)

    def _write(self, line: str, plan: BarPlan) -> list[Tone]:
        steps = 4 * plan.beats
        line = line[:steps]
        notes: list[Tone] = []
        for step, mark in enumerate(line):
            if mark in ".-":
                continue
            length = 1
            while step + length < steps and line[step + length] == "-":
                length += 1
            chord = plan.chord_at(step / 4)
            accent = 0.86 if step % 4 == 0 else 0.76
            if mark == "g":
                notes.append(Tone(plan.start_beat + step / 4, 0.1, self._tone(chord, mark, plan), 0.3))
                continue
            held = length / 4 if length > 1 else 0.25 * self._gate
            notes.append(Tone(plan.start_beat + step / 4, held * 0.97, self._tone(chord, mark, plan), accent))
        for offset, _, chord in plan.chords[1:]:  # a held note must not cover a change of chord
            for note in notes:
                start = note.beat - plan.start_beat
                if start < offset < start + note.beats:
                    rest = start + note.beats - offset
                    note.beats = offset - start
                    notes.append(Tone(plan.start_beat + offset, rest, self._root(chord), note.velocity))
                    break
        if (
            plan.is_last
            and plan.section.drums == "full"
            and chance(self._rng, 0.25)
            and self._style in ("eighths", "quarters", "motown")
        ):
            self._run_up(notes, plan)
        return notes

    def _run_up(self, notes: list[Tone], plan: BarPlan) -> None:
        """Replace the last beat by two eighths of the scale that climb or fall to the next root."""
        start = plan.beats - 1.0
        chord = plan.chord_at(start)
        target = self._root(plan.next_chord)
        scale = local_scale(chord, self._key, self._mode)
        side = pick(self._rng, (-1, 1)) if target - 4 >= self._low else 1
        steps = [target + side * step for step in range(1, 6) if (target + side * step) % 12 in scale][:2][::-1]
        notes[:] = [note for note in notes if note.beat < plan.start_beat + start]
        for note in notes:
            note.beats = min(note.beats, plan.start_beat + start - note.beat)
        notes += [Tone(plan.start_beat + start + 0.5 * i, 0.48, midi, 0.8) for i, midi in enumerate(steps)]

    def _walk(self, plan: BarPlan) -> list[Tone]:
        """Quarters: roots where a chord begins, then chord and scale tones in steps, a leading tone before the next chord."""
        notes = []
        changes = {offset for offset, _, _ in plan.chords}
        for beat in range(plan.beats):
            chord = plan.chord_at(beat)
            if beat in changes:
                midi = self._near(self._root(chord))
            elif beat + 1 == plan.beats or beat + 1.0 in changes:
                following = plan.next_chord if beat + 1 == plan.beats else plan.chord_at(beat + 1)
                midi = self._approach(self._last, self._near(self._root(following)), chord)
            else:
                pool = chord.pitch_classes(self._key) if chance(self._rng, 0.6) else local_scale(chord, self._key, self._mode)
                near = [
                    midi
                    for midi in range(max(self._low, self._last - 7), min(self._low + 24, self._last + 8))
                    if midi % 12 in pool and midi != self._last
                ]
                midi = pick(self._rng, near) if near else self._root(chord)
            self._last = midi
            notes.append(Tone(plan.start_beat + beat, 0.92, midi, 0.8 if beat % 2 else 0.74))
            if chance(self._rng, 0.08):
                notes[-1].beats = 0.45
                notes.append(Tone(plan.start_beat + beat + 0.5, 0.4, midi, 0.5))
        return notes

    def _near(self, root: int) -> int:
        """The root in the octave that lies closer to the last note."""
        higher = root + 12
        return higher if abs(higher - self._last) < abs(root - self._last) and higher <= self._low + 22 else root

    def _onsets(self, kicks: Sequence[float], plan: BarPlan) -> list[float]:
        """The kick's rhythm as sixteenths, with every change of chord; a bar without a kick gets its changes alone."""
        return sorted(
            {round(4 * kick) / 4 for kick in kicks if 0 <= round(4 * kick) < 4 * plan.beats} | {o for o, _, _ in plan.chords}
        )

    def _lock(self, plan: BarPlan, kicks: Sequence[float]) -> list[Tone]:
        onsets = self._onsets(kicks, plan)
        notes = []
        for onset, following in zip(onsets, [*onsets[1:], float(plan.beats)], strict=True):
            chord = plan.chord_at(onset)
            mark = "r" if onset in (0.0, *(o for o, _, _ in plan.chords)) else pick(self._rng, "rrrrrr85")
            held = min(following - onset, 2.0) * (0.95 if self._gate > 0.75 else 0.7)
            notes.append(Tone(plan.start_beat + onset, held, self._tone(chord, mark, plan), 0.84))
        return notes

    def _slide(self, plan: BarPlan, kicks: Sequence[float]) -> list[Tone]:
        """Long 808 notes on the kick, some of them sliding in from the octave above or from the note before."""
        notes = self._lock(plan, kicks)
        for note, following in zip(notes, [*notes[1:], None], strict=True):
            end = following.beat if following else plan.start_beat + plan.beats
            note.beats = 0.98 * (end - note.beat)
            draw = self._rng.random()
            if draw < 0.12 and note.beats >= 0.5:
                note.glide_from_midi, note.glide_beats = note.midi + 12, 0.5 * note.beats
            elif draw < 0.2 and note.midi != self._last:
                note.glide_from_midi, note.glide_beats = self._last, 0.25
            self._last = note.midi
        return notes

    def _wobble(self, plan: BarPlan) -> list[Tone]:
        """Each beat is cut into as many notes as the line says, 0.5 for a note of two beats, 0 for a rest."""
        notes: list[Tone] = []
        free = 0
        for beat, rate in enumerate(self._lines[plan.section.letter].split()[: plan.beats]):
            if beat < free or rate == "0":
                continue
            count = max(1, int(float(rate)))
            length = min(2.0, plan.beats - beat) if rate == "0.5" else 1.0 / count
            free = beat + 2 if rate == "0.5" else beat + 1
            for i in range(count):
                midi = self._root(plan.chord_at(beat)) + (12 if chance(self._rng, 0.1) else 0)
                notes.append(Tone(plan.start_beat + beat + i * length, 0.9 * length, midi, 0.85))
        return notes
