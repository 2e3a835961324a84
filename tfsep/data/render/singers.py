"""Who sings what: lead, harmony, rap, choir and chopped samples of a song."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfsep.data.render.arrange import BarPlan
from tfsep.data.render.bass import Tone
from tfsep.data.render.chance import chance, pick
from tfsep.data.render.comping import Pad, tie_over
from tfsep.data.render.harmony import voice
from tfsep.data.render.melody import ChordAt, Tune, harmonise, ornament

# Voices of each line-up; the first one sings wherever there are vocals.
VOCAL_LINE_UPS: Mapping[str, tuple[str, ...]] = {
    "lead": ("lead",),
    "lead+harmony": ("lead", "harmony"),
    "lead+choir": ("lead", "choir"),
    "lead+chops": ("lead", "chops"),
    "rap": ("rap",),
    "rap+hook": ("rap", "hook"),
    "choir": ("choir",),
    "chops": ("chops",),
}
_REGISTERS = ((45, 64), (48, 67), (53, 72), (57, 76), (57, 74))  # bass-baritone to soprano, as sung in popular music
_CHOP_RHYTHMS = (
    "x.x...x...x.....",
    "..x..x....x..x..",
    "x..x..x.....x.x.",
    "....x.x.....xxx.",
    "x-..x-..x.x.x...",
    "x.....x.x...x...",
    "..xx....x...x.x.",
)


@dataclass(frozen=True)
class Line:
    """What one voice or instrument plays in a song, before it is set in seconds."""

    sound: str
    role: str
    articulation: str
    tones: list[Tone]
    gain_db: float = 0.0


def sing(
    line_up: str,
    sections: Sequence[Sequence[BarPlan]],
    *,
    key: int,
    mode: str,
    chord_at: ChordAt,
    busy: str,
    rng: np.random.Generator,
) -> list[Line]:
    """Write the vocal parts of a song.

    Args:
        line_up: a name in `VOCAL_LINE_UPS`.
        sections: bars of each section; only those whose plan has vocals are sung in.
        key, mode: of the song.
        chord_at: the chord at a beat.
        busy: pace of a lead voice, see `melody.Tune`.
        rng: draws everything.
    Returns: lines that hold notes, in order of time.
    Raises: ValueError if the line-up is unknown.
    """
    if line_up not in VOCAL_LINE_UPS:
        raise ValueError(f"line_up={line_up!r}: use one of {', '.join(VOCAL_LINE_UPS)}")
    sung = [section for section in sections if section[0].section.vocals]
    low, high = pick(rng, _REGISTERS)
    song = {"key": key, "mode": mode, "rng": rng}
    phrase_bars = pick(rng, (2, 2, 4)) if busy != "busy" else 2
    lead_tune = Tune(pace=busy, low=low, high=high, phrase_bars=phrase_bars, breath_beats=(1.0, 3.0), span=5, **song)
    lines = []
    lead: list[Tone] = []
    for name in VOCAL_LINE_UPS[line_up]:
        if name in ("lead", "hook"):
            wanted = [section for section in sung if name == "lead" or section[0].section.letter == "C"]
            lead = [tone for section in wanted for tone in lead_tune.section(section)]
            lines.append(Line("lead", name, "sustain", ornament(monophonic(lead), key, mode, chord_at, rng)))
        elif name == "rap":
            hooked = "hook" in VOCAL_LINE_UPS[line_up]
            tune = Tune(
                pace="rap",
                low=low - 3,
                high=low + 9,
                phrase_bars=pick(rng, (1, 2, 2)),
                breath_beats=(0.25, 1.5),
                span=2,
                **song,
            )
            wanted = [section for section in sung if not hooked or section[0].section.letter != "C"]
            lines.append(Line("lead", "rap", "rap", monophonic([tone for section in wanted for tone in tune.section(section)])))
        elif name == "harmony":
            wanted_letters = pick(rng, ("C", "CD", "CB"))
            places = [
                (s[0].start_beat - 1.0, s[-1].start_beat + s[-1].beats) for s in sung if s[0].section.letter in wanted_letters
            ]
            doubled = [tone for tone in monophonic(lead) if any(a <= tone.beat < b for a, b in places)]
            lines.append(
                Line("lead", "harmony", "sustain", harmonise(doubled, key, mode, chord_at, pick(rng, (2, 2, -2, 7))), -4.0)
            )
        elif name == "choir":
            alone = line_up == "choir"
            lines.append(Line("choir", "choir", "sustain", _choir(sung, alone, key, mode, rng), 0.0 if alone else -4.0))
        else:
            lines.append(Line("chops", "chops", "short", _chops(sung, line_up == "chops", key, rng)))
    return [line for line in lines if line.tones]


def monophonic(tones: list[Tone]) -> list[Tone]:
    """Cut each note where the next one begins; a voice sings one note at a time."""
    ordered = sorted(tones, key=lambda tone: tone.beat)
    found: list[Tone] = []
    for tone in ordered:
        if found and tone.beat - found[-1].beat < 1e-6:
            continue
        if found:
            found[-1].beats = min(found[-1].beats, tone.beat - found[-1].beat)
        found.append(tone)
    return found


def _choir(sections: Sequence[Sequence[BarPlan]], alone: bool, key: int, mode: str, rng: np.random.Generator) -> list[Tone]:
    """Held chords, in parts of the song only if others sing too."""
    letters = "ABCD" if alone else pick(rng, ("C", "CD", "D"))
    player = Pad("", "choir", key=key, mode=mode, tempo_bpm=120.0, rng=rng)
    player.low, player.high = pick(rng, ((50, 69), (53, 74), (57, 77)))
    silent = pick(rng, (0, 0, 4)) if alone else 0  # bars of every eight
    tones = []
    for section in sections:
        if section[0].section.letter in letters:
            tones += tie_over([tone for plan in section if plan.in_section % 8 >= silent for tone in player.bar(plan)], 8.0)
    return tones


def _chops(sections: Sequence[Sequence[BarPlan]], alone: bool, key: int, rng: np.random.Generator) -> list[Tone]:
    """Short syllables in a rhythm that returns, on tones of the chord."""
    letters = "ABCD" if alone else pick(rng, ("C", "CD", "AD", "D"))
    rhythms = {letter: pick(rng, _CHOP_RHYTHMS) + pick(rng, _CHOP_RHYTHMS) for letter in "ABCD"}
    ranks = [int(4 * rng.random()) for _ in range(32)]
    low = pick(rng, (52, 57, 62))
    every = pick(rng, (1, 1, 2))
    gate = 0.5 + 0.5 * rng.random()
    tones = []
    for section in sections:
        if section[0].section.letter not in letters:
            continue
        text = rhythms[section[0].section.letter]
        for plan in section:
            if (plan.in_section // 2) % every:
                continue
            for step in range(4 * plan.beats):
                place = 16 * (plan.in_section % 2) + step
                if text[place] != "x" or chance(rng, 0.05):
                    continue
                notes = voice(plan.chord_at(step / 4), key, previous=None, low=low, high=low + 16)
                length = 0.5 if text[(place + 1) % 32] == "-" else 0.25
                tones.append(Tone(plan.start_beat + step / 4, gate * length, notes[ranks[place] % len(notes)], 0.78))
    return tones
