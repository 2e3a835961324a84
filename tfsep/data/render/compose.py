"""Compose a song of a genre: an excerpt of a whole one, as events in seconds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from tfsep.data.render.arrange import BarPlan, SectionPlan, choose_window, plan_bars, plan_chords, plan_form
from tfsep.data.render.bass import Bassist, Tone
from tfsep.data.render.chance import between, chance, pick, pick_weighted
from tfsep.data.render.comping import player_for, tie_over
from tfsep.data.render.drummer import Drummer
from tfsep.data.render.feel import Feel
from tfsep.data.render.genre import Genre, Layer
from tfsep.data.render.genres import GENRES
from tfsep.data.render.grooves import GrooveLibrary
from tfsep.data.render.harmony import Chord, Progressions, built_in_progressions
from tfsep.data.render.melody import Tune
from tfsep.data.render.score import ChordSpan, DrumHit, Note, Part, Score, Section
from tfsep.data.render.singers import Line, monophonic, sing
from tfsep.errors import UsageError

_SHORTEST_CUT_S = 0.25  # a note that began before the excerpt is kept if so much of it remains


def compose(
    genre: str, *, seconds: float, rng: np.random.Generator, grooves: GrooveLibrary | None, progressions: Progressions | None
) -> Score:
    """Compose an excerpt of a song, which may begin and end in the middle of it.

    Args:
        genre: a name in `GENRES`.
        seconds: length of the excerpt, > 0.
        rng: draws everything; the same state gives the same score.
        grooves: recorded drum performances, or None for patterns alone.
        progressions: chord progressions, or None for a built-in table.
    Returns: the score; all events begin within [0, seconds) and all notes end by `seconds`. Pitches are of the key's scale or
        the chord, but for chromatic steps of the bass into a new chord. `tags` hold the family, the beats in a bar, the unit
        that swings, and the drum pattern or the file of the performance.
    Raises: UsageError if the genre is unknown or `seconds` not positive; DataError if a performance cannot be read.
    """
    if genre not in GENRES:
        raise UsageError(f"genre {genre!r} is unknown: use one of {', '.join(sorted(GENRES))}")
    if not 0 < seconds < float("inf"):
        raise UsageError(f"seconds={seconds}: a song must be longer than 0 seconds")
    return _Song(genre, seconds, rng, grooves, progressions or built_in_progressions()).score()


class _Song:
    """What is decided once for a song, and its parts."""

    def __init__(
        self, name: str, seconds: float, rng: np.random.Generator, grooves: GrooveLibrary | None, progressions: Progressions
    ) -> None:
        self.name, self.seconds, self.rng = name, seconds, rng
        self.genre: Genre = GENRES[name]
        self.tempo_bpm = round(between(rng, self.genre.tempo_bpm), 2)
        self.beat_s = 60.0 / self.tempo_bpm
        self.beats_per_bar = 3 if chance(rng, self.genre.waltz_share) else 4
        self.key = int(rng.integers(12))
        self.mode = "minor" if chance(rng, self.genre.minor_share) else "major"
        self.with_vocals = chance(rng, self.genre.vocal_share)
        self.drummer = Drummer(self.genre, tempo_bpm=self.tempo_bpm, beats_per_bar=self.beats_per_bar, grooves=grooves, rng=rng)
        self.feel = self._draw_feel()
        self.drummer.feel = self.feel
        bars_wanted = seconds / self.beat_s / self.beats_per_bar
        plans = plan_form(self.genre, int(np.ceil(bars_wanted)), rng, with_vocals=self.with_vocals)
        self.start_beat = choose_window(plans, bars_wanted, rng) * self.beats_per_bar
        first_bar, last_bar = self.start_beat / self.beats_per_bar, self.start_beat / self.beats_per_bar + bars_wanted
        heard = [plan for plan in plans if plan.start_bar < last_bar and plan.start_bar + plan.bars > first_bar]
        lead_in = heard[0].start_bar * self.beats_per_bar  # sections before the excerpt are not composed
        self.start_beat -= lead_in
        heard = [replace(plan, start_bar=plan.start_bar - lead_in // self.beats_per_bar) for plan in heard]
        self.bars = plan_bars(tuple(heard), plan_chords(self.genre, self.mode, progressions, rng), self.beats_per_bar)
        self.sections: list[list[BarPlan]] = [list(group) for _, group in groupby(self.bars, key=lambda bar: bar.section)]

    def _draw_feel(self) -> Feel:
        """The swing of the performance, if there is one, so that everybody swings with the drummer; else the genre's."""
        performance = self.drummer.performance
        if performance is None:
            return Feel(round(between(self.rng, self.genre.swing), 3), self.genre.swing_unit)
        eighths, sixteenths = performance.swing(8), performance.swing(16)
        if eighths >= 0.57 or self.genre.swing_unit == 8:
            return Feel(round(eighths, 3), 8)
        return Feel(round(min(sixteenths, 0.67), 3), 16)

    def chord_at(self, beat: float) -> Chord:
        """The chord at a beat of the composed stretch; before and after it, its first and last."""
        bar = self.bars[min(max(int(beat // self.beats_per_bar), 0), len(self.bars) - 1)]
        return bar.chord_at(beat - bar.start_beat)

    def score(self) -> Score:
        """Let everybody play."""
        rng, genre = self.rng, self.genre
        hits, kicks = self._drums()
        parts = [self._bass(kicks), *self._others(), *self._voices()]
        return Score(
            genre=self.name,
            tempo_bpm=self.tempo_bpm,
            key=self.key,
            mode=self.mode,
            swing=self.feel.swing,
            duration_s=float(self.seconds),
            beats_s=self._grid(1),
            downbeats_s=self._grid(self.beats_per_bar),
            drum_hits=hits,
            parts=tuple(part for part in parts if part is not None),
            kit_style=pick_weighted(rng, genre.kits),
            drum_loop_tempo_bpm=self.tempo_bpm if self.beats_per_bar == 4 and chance(rng, genre.loop_share) else None,
            tags=self._tags(),
            sections=tuple(
                Section(
                    time_s=max(0.0, self._time(bars[0].start_beat)), name=bars[0].section.name,
                    drums=bars[0].section.drums, energy=bars[0].section.energy,
                )
                for bars in self.sections
                if self._time(bars[0].start_beat) < self.seconds
            ),
            chords=self._chord_spans(),
        )  # fmt: skip

    def _time(self, beat: float) -> float:
        """Seconds from the start of the excerpt."""
        return (beat - self.start_beat) * self.beat_s

    def _grid(self, every: int) -> tuple[float, ...]:
        first = int(np.ceil(self.start_beat / every - 1e-9))
        count = int(np.ceil((self.start_beat + self.seconds / self.beat_s) / every - 1e-9)) - first
        times = (max(0.0, self._time(float((first + i) * every))) for i in range(count))
        return tuple(time for time in times if time < self.seconds)

    def _chord_spans(self) -> tuple[ChordSpan, ...]:
        spans: list[ChordSpan] = []
        for bar in self.bars:
            for offset, length, chord in bar.chords:
                time_s = self._time(bar.start_beat + offset)
                if time_s + length * self.beat_s <= 1e-9 or time_s >= self.seconds:
                    continue
                name = chord.name(self.key)
                if not spans or spans[-1].name != name:
                    spans.append(ChordSpan(time_s=max(0.0, time_s), name=name, pitch_classes=chord.pitch_classes(self.key)))
        return tuple(spans)

    def _tags(self) -> dict[str, str]:
        performance = self.drummer.performance
        return {
            "family": self.genre.family,
            "beats_per_bar": str(self.beats_per_bar),
            "swing_unit": str(self.feel.unit),
            "drums": performance.source if performance else self.drummer.pattern_names["A"],
        }

    def _stopped(self, beat: float) -> bool:
        """Whether the band is silent there, in a stop before the next section."""
        bar = self.bars[min(max(int(beat // self.beats_per_bar), 0), len(self.bars) - 1)]
        return bar.is_last and bar.section.stop_beats > 0 and beat >= bar.start_beat + bar.beats - bar.section.stop_beats - 1e-6

    def _drums(self) -> tuple[tuple[DrumHit, ...], dict[int, list[float]]]:
        """The hits, and for each bar the kick's offsets in beats, which the bass follows."""
        jitter_s = 0.0 if self.drummer.has_feel else 0.5e-3 * self.genre.timing_ms
        late_s = {drum: self.rng.normal(0.0, jitter_s) for drum in ("kick", "snare", "closed_hat")}
        hits: list[DrumHit] = []
        kicks: dict[int, list[float]] = {}
        for bar in self.bars:
            kicks[bar.number] = []
            for offset, drum, velocity, piece in self.drummer.bar(bar):
                if drum == "kick":
                    kicks[bar.number].append(offset)
                if self._stopped(bar.start_beat + offset):
                    continue
                time_s = self._time(bar.start_beat + offset) + late_s.get(drum, 0.0) + self.rng.normal(0.0, jitter_s)
                if -0.02 < time_s < 0:  # a stroke just before the bar line that the excerpt begins on
                    time_s = 0.0
                if 0 <= time_s < self.seconds:
                    hits.append(DrumHit(time_s=float(time_s), drum=drum, velocity=velocity, piece=piece))
        return tuple(sorted(hits, key=lambda hit: (hit.time_s, hit.drum, hit.piece))), kicks

    def _bass(self, kicks: dict[int, list[float]]) -> Part | None:
        sound = pick_weighted(self.rng, self.genre.bass_sounds)
        style = pick_weighted(self.rng, self.genre.bass)
        bassist = Bassist(style, sound, key=self.key, mode=self.mode, rng=self.rng)
        tones = [tone for bar in self.bars if bar.section.bass for tone in bassist.bar(bar, kicks[bar.number])]
        if style in ("reese", "sustained"):
            tones = tie_over(tones, 8.0)
        duck = between(self.rng, self.genre.duck) * 0.7
        line = Line(sound, style, "pluck" if sound in ("electric", "acoustic") else "sustain", monophonic(tones))
        return self._part("bass", line, duck=duck, stops=True)

    def _line_up(self) -> list[Layer]:
        """Draw who is in the band: each by its probability, within the number that the genre wants; the first ones lead."""
        low, high = self.genre.layers_wanted
        drawn = [entry for entry in self.genre.layers if chance(self.rng, entry.probability)]
        missing = [entry for entry in self.genre.layers if entry not in drawn and entry.role != "fx"]
        while len(drawn) < low and missing:
            drawn.append(missing.pop(0))
        effects = [entry for entry in drawn if entry.role == "fx"]
        return [entry for entry in drawn if entry.role != "fx"][:high] + effects

    def _others(self) -> list[Part | None]:
        band = self._line_up()
        tonal = [entry for entry in band if entry.role != "fx"]
        active: list[set[int]] = []  # who plays in each section
        for bars in self.sections:
            count = round(bars[0].section.layers * len(tonal) + 0.25)
            order = self.rng.permutation(len(tonal)) if chance(self.rng, 0.4) else np.arange(len(tonal))
            active.append({int(index) for index in order[:count]})
        parts = []
        for index, entry in enumerate(band):
            sound = pick(self.rng, entry.sounds)
            playing = [bars for bars, who in zip(self.sections, active, strict=True) if entry.role == "fx" or index in who]
            line = self._lead(entry, sound, playing) if entry.role == "lead" else self._accompany(entry, sound, playing)
            duck = between(self.rng, self.genre.duck) if entry.role in ("pad", "comp", "arp", "riff") else 0.0
            wide = 0.3 if entry.role in ("pad", "lead", "fx") else 0.8
            parts.append(
                self._part("other", line, duck=duck, pan=float(self.rng.uniform(-wide, wide)), stops=entry.role != "fx")
            )
        return parts

    def _accompany(self, entry: Layer, sound: str, playing: Sequence[Sequence[BarPlan]]) -> Line:
        player = player_for(
            entry.role, entry.rhythm, sound, key=self.key, mode=self.mode, tempo_bpm=self.tempo_bpm, rng=self.rng
        )
        tones: list[Tone] = []
        for bars in playing:
            played = [tone for bar in bars for tone in player.bar(bar)]
            tones += tie_over(played) if entry.role == "pad" else played
        return Line(sound, entry.role, player.articulation, tones, entry.gain_db)

    def _lead(self, entry: Layer, sound: str, playing: Sequence[Sequence[BarPlan]]) -> Line:
        """A lead instrument: solos where nobody sings, short answers where somebody does."""
        low = {"wind": 60, "brass": 58, "guitar-distorted": 55, "guitar-clean": 55}.get(sound, pick(self.rng, (60, 60, 67)))
        pace = "busy" if self.genre.form == "jazz" and self.beat_s > 0.35 else pick(self.rng, ("song", "busy", "calm"))
        tune = Tune(
            key=self.key, mode=self.mode, pace=pace, low=low, high=low + 22, phrase_bars=pick(self.rng, (2, 4)),
            breath_beats=(0.5, 2.5), span=8, rng=self.rng,
        )  # fmt: skip
        tones: list[Tone] = []
        for bars in playing:
            sung = bars[0].section.vocals
            if not sung:
                tones += tune.section(bars)
            elif chance(self.rng, 0.5):
                answers = [bar for bar in bars if bar.in_section % 4 == 3]
                tones += [tone for bar in answers for tone in tune.section([bar])]
        return Line(sound, "lead", "sustain", monophonic(tones), entry.gain_db)

    def _voices(self) -> list[Part | None]:
        if not self.with_vocals:
            return []
        line_up = pick_weighted(self.rng, self.genre.vocals)
        if self.beat_s < 0.4:  # sung at speed, a syllable a sixteenth would be too many
            busy = pick(self.rng, ("calm", "song"))
        else:
            busy = pick(self.rng, ("song", "busy")) if self.beat_s > 0.7 else "song"
        lines = sing(line_up, self.sections, key=self.key, mode=self.mode, chord_at=self.chord_at, busy=busy, rng=self.rng)
        stops = chance(self.rng, 0.3)  # usually the voice carries on through a stop
        pans = {"harmony": 0.5, "choir": 0.2, "chops": 0.3}
        return [
            self._part("vocals", line, pan=float(self.rng.uniform(-1, 1) * pans.get(line.role, 0.05)), stops=stops, sung=True)
            for line in lines
        ]

    def _part(
        self, stem: str, line: Line, *, duck: float = 0.0, pan: float = 0.0, stops: bool = False, sung: bool = False
    ) -> Part | None:
        """Set a line in seconds: swing, a player's lag and scatter, the ends of the excerpt; None if nothing is left."""
        timing_s = 1e-3 * (max(self.genre.timing_ms, 9.0) if sung and line.role != "chops" else self.genre.timing_ms)
        lag_s = self.rng.normal(0.4 * timing_s if sung else 0.0, 0.5 * timing_s)
        scatter = self.rng.normal(0.0, 1.0, (len(line.tones), 2))
        notes = []
        for tone, (early, loud) in zip(line.tones, scatter, strict=True):
            if stops and self._stopped(tone.beat):
                continue
            end_beat = tone.beat + tone.beats
            if stops:
                end_beat = self._cut_at_stop(tone.beat, end_beat)
            start_s = self._time(self.feel.at(tone.beat)) + lag_s + 0.6 * timing_s * early
            end_s = self._time(self.feel.at(end_beat)) + lag_s
            if start_s < 0:
                if end_s < _SHORTEST_CUT_S and start_s < -0.03:
                    continue
                start_s = 0.0
            if start_s >= self.seconds:
                continue
            end_s = min(max(end_s, start_s + 0.03), self.seconds)
            notes.append(
                Note(
                    time_s=float(start_s),
                    duration_s=float(end_s - start_s),
                    midi=tone.midi,
                    velocity=float(min(1.0, max(0.05, tone.velocity * (1.0 + self.genre.velocity_sd * loud)))),
                    glide_from_midi=tone.glide_from_midi,
                    glide_s=tone.glide_beats * self.beat_s,
                    tied=tone.tied,
                )
            )
        if not notes:
            return None
        notes.sort(key=lambda note: (note.time_s, note.midi))
        return Part(
            stem=stem, sound=line.sound, notes=tuple(notes), gain_db=line.gain_db, pan=pan, duck=duck,
            articulation=line.articulation, role=line.role,
        )  # fmt: skip

    def _cut_at_stop(self, beat: float, end_beat: float) -> float:
        """The end of a note that sounds into a stop of its section."""
        bar = self.bars[min(max(int(beat // self.beats_per_bar), 0), len(self.bars) - 1)]
        plan: SectionPlan = bar.section
        stop = (plan.start_bar + plan.bars) * self.beats_per_bar - plan.stop_beats
        return stop if plan.stop_beats and beat < stop < end_beat else end_beat
