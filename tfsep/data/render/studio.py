"""What the tracks of one song share, and the playing of notes on an instrument."""

import numpy as np

from tfsep.data.render.chance import between
from tfsep.data.render.effects import ROOMS, SAMPLE_RATE, biquad, equalise
from tfsep.data.render.material import Material, Sample
from tfsep.data.render.sampler import Sampler
from tfsep.data.render.score import Note, Score
from tfsep.data.render.synth import Synth


class Studio:
    """What the tracks of one song share: the rooms, the tempo, the list of files used."""

    def __init__(self, score: Score, material: Material, rng: np.random.Generator) -> None:
        self.score, self.material, self.rng = score, material, rng
        self.samples = round(score.duration_s * SAMPLE_RATE)
        self.room = int(rng.integers(ROOMS))
        self.small_room = int(rng.integers(ROOMS // 2))
        self.wetness = 10 ** between(rng, (-1.3, 0.0))  # from close to a wash
        self.kicks_s = [hit.time_s for hit in score.drum_hits if hit.drum == "kick"]
        self.recovery_s = between(rng, (0.12, 0.35))
        self._sources: dict[tuple[str, str], Sample] = {}

    def use(self, samples: list[Sample], played_by: str) -> None:
        """Remember files for song.json."""
        self._sources.update({(played_by, sample.path): sample for sample in samples})

    def sources(self) -> list[dict[str, str]]:
        """Return what `use` collected, sorted."""
        return [
            {"stem": stem, "path": path, "licence": sample.licence, "attribution": sample.attribution}
            for (stem, path), sample in sorted(self._sources.items(), key=lambda item: item[0])
        ]


def play_notes(instrument: Sampler | Synth, notes: tuple[Note, ...], samples: int, monophonic: bool) -> np.ndarray:
    """Play notes: each pitch is rendered once, as long as its longest note, and copied.

    Returns: float32 `(1 or 2, samples)`; soft notes are darker as well as quieter.
    """
    ends_s = [note.time_s + note.duration_s for note in notes]
    if monophonic:
        starts_s = [note.time_s for note in notes[1:]]
        ends_s = [min(end_s, next_s) for end_s, next_s in zip(ends_s, [*starts_s, np.inf], strict=True)]
    longest: dict[int, float] = {}
    for note, end_s in zip(notes, ends_s, strict=True):
        longest[note.midi] = max(longest.get(note.midi, 0.0), min(end_s - note.time_s, 12.0))
    tail_samples = max(64, int(2.5 * instrument.release_s * SAMPLE_RATE))
    fade = np.exp(-np.arange(tail_samples, dtype=np.float32) / np.float32(0.35 * tail_samples))
    fade *= np.linspace(1, 0, tail_samples, dtype=np.float32)
    tables = {midi: instrument.table(midi, seconds + tail_samples / SAMPLE_RATE) for midi, seconds in sorted(longest.items())}
    soft: dict[int, np.ndarray] = {}
    out = np.zeros((max((len(table) for table in tables.values()), default=1), samples), np.float32)
    for note, end_s in zip(notes, ends_s, strict=True):
        start, held = round(note.time_s * SAMPLE_RATE), max(64, round((end_s - note.time_s) * SAMPLE_RATE))
        if not 0 <= start < samples:
            continue
        bright = min(1.0, 0.2 + note.velocity)
        level = note.velocity**1.2
        length = min(held + tail_samples, tables[note.midi].shape[1], samples - start)
        piece = tables[note.midi][:, :length] * np.float32(level * bright)
        if bright < 0.9:
            if note.midi not in soft:
                soft[note.midi] = equalise(tables[note.midi], biquad("low_pass", 2500, q=0.5))
            piece += soft[note.midi][:, :length] * np.float32(level * (1 - bright))
        if length > held:
            piece[:, held:] *= fade[: length - held]
        edge = min(64, length)
        piece[:, -edge:] *= np.linspace(1, 0, edge, dtype=np.float32)
        out[:, start : start + length] += piece
    return out
