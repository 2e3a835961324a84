"""What the drummer plays, bar by bar: patterns or a recorded performance, variation, ghost notes, fills, builds."""

from collections.abc import Mapping

import numpy as np

from tfsep.data.render.arrange import BarPlan
from tfsep.data.render.chance import chance, pick, pick_weighted
from tfsep.data.render.feel import Feel
from tfsep.data.render.genre import Genre
from tfsep.data.render.grooves import BarHit, GrooveLibrary, Performance
from tfsep.data.render.patterns import FILLS, LANES, PATTERNS, VELOCITIES

_KEPT = {
    "full": None,
    "light": ("kick", "closed_hat", "ride", "percussion"),
    "kick": ("kick",),
    "tops": ("closed_hat", "open_hat", "ride", "percussion"),
}


class Drummer:
    """Plays one song. Patterns and fills swing by `feel`; a performance has its drummer's own timing (`has_feel`)."""

    def __init__(
        self, genre: Genre, *, tempo_bpm: float, beats_per_bar: int, grooves: GrooveLibrary | None, rng: np.random.Generator
    ) -> None:
        self._rng, self._genre = rng, genre
        self.feel = Feel()
        self.performance: Performance | None = None
        self._fill_performance: Performance | None = None
        if grooves is not None and chance(rng, genre.groove_share):
            wanted = {"styles": genre.groove_styles, "tempo_bpm": tempo_bpm, "beats_per_bar": beats_per_bar, "rng": rng}
            self.performance = grooves.choose(kind="beat", **wanted)
            if self.performance is not None and chance(rng, 0.5):
                self._fill_performance = grooves.choose(kind="fill", **wanted)
        pool = genre.patterns if beats_per_bar == 4 else genre.waltz
        self.pattern_names = {letter: pick_weighted(rng, pool) for letter in "ABCD"}
        self.pattern_names["B"] = self.pattern_names["A"]
        if chance(rng, 0.4):
            self.pattern_names["C"] = self.pattern_names["A"]
        self._optional: dict[tuple[str, str, int], bool] = {}
        self._silent_lanes = {lane for lane in ("shaker", "rim", "bell", "high_drum", "low_drum") if chance(rng, 0.35)}
        self._hat_thinning = pick(rng, (0, 0, 0, 1))  # some songs have hats on eighths only
        self._loose = 0.0 if genre.timing_ms == 0 else 0.06
        self._offset = self._first_bar() if self.performance is not None else 0
        self._crash_next = False

    @property
    def has_feel(self) -> bool:
        """Whether the hits have a drummer's timing already."""
        return self.performance is not None

    def _first_bar(self) -> int:
        """A bar of the performance to begin with, on a multiple of four where there are enough, and not a silent one."""
        bars = self.performance.bars
        played = [index for index in range(0, max(1, len(bars) - 3), 4 if len(bars) >= 8 else 1) if len(bars[index]) > 2]
        return pick(self._rng, played) if played else 0

    def bar(self, plan: BarPlan) -> list[BarHit]:
        """The hits of one bar, in order of time."""
        mode = plan.section.drums
        crash = self._crash_next or (plan.in_section == 0 and plan.section.energy > 0.55 and chance(self._rng, 0.75))
        self._crash_next = False
        if mode == "none":
            return []
        if mode == "build":
            return self._build(plan)
        hits = self._performed(plan) if self.performance is not None else self._patterned(plan)
        kept = _KEPT[mode]
        if kept is not None:
            hits = [hit for hit in hits if hit[1] in kept]
        if mode == "full":
            if plan.ends_phrase and chance(self._rng, self._genre.fill_share * (1.0 if plan.is_last else 0.5)):
                hits = self._with_fill(hits, plan)
                self._crash_next = chance(self._rng, 0.55 if plan.is_last else 0.25)
            if plan.section.name == "drum_solo":
                hits = self._with_fill(hits, plan)
            if crash:
                hits = [hit for hit in hits if hit[0] > 0.1 or hit[1] not in ("closed_hat", "ride", "open_hat")]
                hits.append((0.0, "crash", 0.7 + 0.3 * self._rng.random(), 0))
        scale = 0.8 + 0.25 * plan.section.energy
        spread = self._rng.normal(1.0, self._genre.velocity_sd, len(hits)) if hits else ()
        return sorted(
            (time, drum, float(min(1.0, max(0.05, velocity * scale * factor))), piece)
            for (time, drum, velocity, piece), factor in zip(hits, spread, strict=True)
        )

    def _performed(self, plan: BarPlan) -> list[BarHit]:
        bars = self.performance.bars
        run = bars[self._offset :] if len(bars) - self._offset >= 2 else bars
        whole = len(run) - len(run) % 4 if len(run) >= 4 else len(run)  # loop on phrases
        return list(run[plan.number % whole])

    def _patterned(self, plan: BarPlan) -> list[BarHit]:
        name = self.pattern_names[plan.section.letter]
        steps = 4 * plan.beats
        hits = []
        for lane, text in PATTERNS[name].items():
            if lane in self._silent_lanes:
                continue
            start = steps * (plan.number % (len(text) // steps))
            thin = lane == "hat" and self._hat_thinning
            for step in range(steps):
                mark = text[start + step]
                if mark == "." or (thin and step % 2):
                    continue
                if mark == "?" and not self._plays(name, lane, start + step, plan):
                    continue
                if mark in "og" and chance(self._rng, self._loose):
                    continue
                drum, piece = LANES[lane]
                hits.append((self.feel.at(step / 4), drum, VELOCITIES[mark], piece))
        if self._genre.hat_rolls and chance(self._rng, self._genre.hat_rolls):
            hits = self._with_roll(hits, plan)
        return hits

    def _plays(self, name: str, lane: str, step: int, plan: BarPlan) -> bool:
        """Whether an optional hit sounds: decided once a song, and now and then turned round in the last bar of a phrase."""
        key = (name, lane, step)
        if key not in self._optional:
            self._optional[key] = chance(self._rng, 0.45)
        return self._optional[key] != (plan.in_section % 2 == 1 and chance(self._rng, 0.3))

    def _with_roll(self, hits: list[BarHit], plan: BarPlan) -> list[BarHit]:
        """Replace the hats of half a beat to a beat by a roll of triplets or thirty-seconds."""
        start = pick(self._rng, tuple(np.arange(0.5, plan.beats, 0.5)))
        length = pick(self._rng, (0.5, 0.5, 1.0))
        count = int(length * pick(self._rng, (6, 8, 8, 12)))
        rise = pick(self._rng, (-0.35, 0.0, 0.35))
        kept = [hit for hit in hits if hit[1] != "closed_hat" or not start <= hit[0] < start + length]
        roll = [
            (start + i * length / count, "closed_hat", 0.6 + rise * (i / count - 0.5), 0)
            for i in range(count)
            if start + i * length / count < plan.beats
        ]
        return kept + roll

    def _with_fill(self, hits: list[BarHit], plan: BarPlan) -> list[BarHit]:
        """Replace the end of the bar by a fill of one, two or all beats."""
        whole = plan.section.name == "drum_solo"
        if self._fill_performance is not None:
            bars = [bar for bar in self._fill_performance.bars if len(bar) > 3]
            if bars:
                return list(pick(self._rng, bars))
        beats = plan.beats if whole else pick(self._rng, (1, 2, 2, plan.beats))
        start = plan.beats - beats
        fill: Mapping[str, str] = pick(self._rng, FILLS[pick_weighted(self._rng, self._genre.fills)])
        kept = [hit for hit in hits if hit[0] < start - 0.06 or (hit[1] == "kick" and "kick" not in fill and hit[0] < start)]
        for lane, text in fill.items():
            drum, piece = LANES[lane]
            text = text[-4 * plan.beats :]
            for step in range(4 * start, 4 * plan.beats):
                if text[step] != "." and not (text[step] == "?" and chance(self._rng, 0.5)):
                    swell = 0.75 + 0.25 * (step / 4 - start) / beats
                    kept.append((self.feel.at(step / 4), drum, VELOCITIES[text[step]] * swell, piece))
        return kept

    def _build(self, plan: BarPlan) -> list[BarHit]:
        """A roll that doubles its pace from bar to bar and grows, over a kick that drops out at the end."""
        progress = (plan.in_section + 1) / plan.section.bars
        division = 1 if progress <= 0.5 else 2 if progress <= 0.75 else 4
        hits = []
        for i in range(plan.beats * division):
            beat = i / division
            pace = 2 if plan.is_last and division == 4 and beat >= plan.beats - 2 else 1
            level = 0.3 + 0.6 * (plan.in_section + beat / plan.beats) / plan.section.bars
            hits += [(beat + j / (division * pace), "snare", min(1.0, level), 0) for j in range(pace)]
        if not (plan.is_last and chance(self._rng, 0.7)):
            hits += [(float(beat), "kick", 0.85, 0) for beat in range(plan.beats)]
        if progress > 0.5:
            hits += [(beat + 0.5, "open_hat", 0.5, 0) for beat in range(plan.beats)]
        self._crash_next = plan.is_last
        return sorted(hits)
