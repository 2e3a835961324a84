"""Instruments out of recorded notes: the nearest note, resampled to the pitch that is asked for."""

import re

import numpy as np
import soxr

from tfsep.data.render.chance import between, chance, pick, pick_weighted
from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.data.render.material import Material, Sample, note_number

NOT_A_NOTE = re.compile(
    r"chord|riff|loop|arpeggio|gliss|trill|scale|hit|down|up_|slide|em9|fifths|harmonics|bpm|woosh|swoosh|\+|rhythm|robot"
)
FURTHEST_SEMITONES = 19  # a single recorded note may be moved by so much; beyond, whole octaves are folded
GUITARS = {
    "guitar-acoustic": re.compile(r"nylon|steel|acoustic|emily|ukulele|024|025"),
    "guitar-distorted": re.compile(r"dist|overdr|shiny|black|030|029"),
    "guitar-muted": re.compile(r"mute|028|emily|clean"),
    "guitar-clean": re.compile(r"clean|jazz|green|027|026|shiny"),
}
BASSES = {
    "acoustic": re.compile(r"acoustic|double|meatbass|fretless|berklee"),
    "electric": re.compile(r"finger|pick|slap|fretless|YR|pastabass|growly|killer|sonic-pi"),
    "synth": re.compile(r"synth|organ|killer|growly|sonic-pi|boochi|berklee"),
    "sub": re.compile(r"boochi|synth|organ"),
}


def _level(audio: np.ndarray) -> float:
    """Loudness of a note's first 0.4 s."""
    return float(np.sqrt((audio[:, : int(0.4 * SAMPLE_RATE)] ** 2).mean())) + 1e-4


class Sampler:
    """Recorded notes as an instrument.

    Args:
        material: decodes the samples.
        notes: (MIDI note, sample) pairs, at least one.
        release_s: time after a note's end in which it dies.
        detune_cents: tuning of the whole instrument.
    """

    def __init__(
        self, material: Material, notes: list[tuple[float, Sample]], release_s: float, detune_cents: float = 0.0
    ) -> None:
        self.material, self.notes, self.release_s, self.detune_cents = material, notes, release_s, detune_cents
        self.used: dict[str, Sample] = {}

    @property
    def sources(self) -> list[Sample]:
        """The files that were played so far."""
        return [self.used[path] for path in sorted(self.used)]

    def table(self, midi: int, seconds: float) -> np.ndarray:
        """Return one note of up to `seconds`, float32 `(1 or 2, samples)`; it ends with the recording."""
        recorded, sample = min(self.notes, key=lambda pair: (abs(pair[0] - midi), pair[1].path))
        while midi - recorded > FURTHEST_SEMITONES:
            midi -= 12
        while recorded - midi > FURTHEST_SEMITONES:
            midi += 12
        self.used[sample.path] = sample
        ratio = 2 ** ((midi - recorded + self.detune_cents / 100) / 12)
        wanted = int(seconds * SAMPLE_RATE)
        audio = self.material.audio(sample)
        level = _level(audio)
        audio = audio[:, : int(wanted * ratio) + 64]
        if abs(ratio - 1) > 1e-4:
            audio = soxr.resample(audio.T, SAMPLE_RATE * ratio, SAMPLE_RATE, quality="LQ").T
        return np.ascontiguousarray(audio[:, :wanted]) * np.float32(0.3 / level)


def playable(samples: list[Sample]) -> list[tuple[float, Sample]]:
    """Return (note, sample) for all single notes of known pitch of an instrument's folder."""
    return [
        (float(note_number(s.name)), s)
        for s in samples
        if note_number(s.name) is not None and not NOT_A_NOTE.search(s.name.lower())
    ]


def _loose_notes(material: Material, samples: list[Sample], rng: np.random.Generator) -> list[tuple[float, Sample]]:
    """Draw one single note out of a folder of various sounds and estimate its pitch; empty if none of three tries has one."""
    loose = [s for s in samples if not NOT_A_NOTE.search(s.name.lower())]
    for _ in range(min(3, len(loose))):
        sample = pick(rng, loose)
        note = material.pitch(sample)
        if note is not None:
            return [(note, sample)]
    return []


def _families(sound: str) -> tuple[str, re.Pattern | None]:
    """Return the role in the material and what the folder's name should hold, for a part's `sound` of the stem other."""
    if sound.startswith("guitar"):
        return "other/guitar", GUITARS.get(sound)
    return f"other/{sound}", None


def draw_sampler(material: Material, stem: str, sound: str, short: bool, rng: np.random.Generator) -> Sampler | None:
    """Draw a recorded instrument for a part.

    Args:
        stem: "bass" or "other". sound: the part's family. short: the notes are staccato.
    Returns: a sampler, or None if the material has none for that sound.
    """
    role, wanted = ("bass", BASSES.get(sound)) if stem == "bass" else _families(sound)
    folders = material.folders(role)
    matching = {name: s for name, s in folders.items() if wanted and wanted.search(name)} or folders
    release_s = between(rng, (0.03, 0.08)) if short else between(rng, (0.06, 0.25))
    for _ in range(3):
        if not matching:
            return None
        # folders with many notes are instruments; single notes of a mixed folder come up less often
        name = pick_weighted(rng, [(name, 1.0 if len(playable(s)) >= 3 else 0.35) for name, s in matching.items()])
        notes = playable(matching[name])
        if len(notes) < 3 or chance(rng, 0.02):
            notes = notes or _loose_notes(material, matching[name], rng)
        layers = sorted({s.name.split("_")[-1] for _, s in notes if "_" in s.name})
        if len(layers) > 1 and all(sum(s.name.endswith(layer) for _, s in notes) >= 4 for layer in layers):
            layer = pick(rng, layers)  # complete velocity layers: take one, they differ in sound
            notes = [(note, s) for note, s in notes if s.name.endswith(layer)]
        if notes:
            return Sampler(material, notes, release_s, rng.normal(0, 4))
    return None
