"""The vocal stem: leads, doubles, harmonies, choirs, chopped and spoken phrases, and their chain of effects."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import soxr

from tfsep.data.render.chance import between, chance, pick, pick_weighted
from tfsep.data.render.effects import (
    SAMPLE_RATE,
    biquad,
    chorus,
    compress,
    db,
    equalise,
    pan_gains,
    ping_pong,
    reverberate,
    saturate,
)
from tfsep.data.render.material import Sample, note_number
from tfsep.data.render.mix import active_level_db
from tfsep.data.render.sampler import Sampler
from tfsep.data.render.score import Note, Part
from tfsep.data.render.studio import Studio, play_notes
from tfsep.data.render.synth import Patch, Synth
from tfsep.data.render.voice import choir, draw_singer, sing, speech_envelope

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


def harmony(notes: tuple[Note, ...], key: int, mode: str, steps: int) -> tuple[Note, ...]:
    """Move a line by `steps` degrees of the scale; notes outside the scale move as their lower neighbour does."""
    scale = SCALES[mode]
    moved = []
    for note in notes:
        octave, pitch_class = divmod(note.midi - key, 12)
        degree = max(i for i, step in enumerate(scale) if step <= pitch_class)
        octaves, target = divmod(degree + steps, 7)
        moved.append(replace(note, midi=key + 12 * (octave + octaves) + scale[target], glide_from_midi=None, glide_s=0.0))
    return tuple(moved)


def _shifted(notes: tuple[Note, ...], rng: np.random.Generator) -> tuple[Note, ...]:
    """A second take: every note a little earlier or later."""
    return tuple(replace(note, time_s=max(0.0, note.time_s + rng.normal(0, 0.012))) for note in notes)


def _speech(studio: Studio) -> list[Sample]:
    return [sample for group in studio.material.folders("vocals/phrases").values() for sample in group]


def _vowel_groups(studio: Studio, roles: tuple[str, ...]) -> dict[str, list[tuple[float, Sample]]]:
    """Return recorded singing by voice ("femalevoice_aa"), for samplers."""
    groups = defaultdict(list)
    for role in roles:
        for folder, samples in studio.material.folders(role).items():
            for sample in samples:
                if (note := note_number(sample.name)) is not None:
                    voice = "_".join(sample.name.split("_")[:2]) if role == "vocals/vowels" else folder
                    groups[voice].append((float(note), sample))
    return {voice: notes for voice, notes in sorted(groups.items()) if len(notes) >= 3}


def _recorded(studio: Studio, part: Part, notes: tuple[Note, ...], roles: tuple[str, ...]) -> np.ndarray | None:
    """Play a line or chords on sung vowels; None if the material has none."""
    groups = _vowel_groups(studio, roles)
    if not groups:
        return None
    middle = float(np.median([note.midi for note in notes]))
    near = [(voice, 1 / (4 + abs(np.mean([n for n, _ in pairs]) - middle)) ** 2) for voice, pairs in groups.items()]
    sampler = Sampler(
        studio.material, groups[pick_weighted(studio.rng, near)], between(studio.rng, (0.08, 0.3)), studio.rng.normal(0, 5)
    )
    audio = play_notes(sampler, notes, studio.samples, part.sound == "lead")
    studio.use(sampler.sources, "vocals")
    return audio


def _lead(studio: Studio, part: Part, notes: tuple[Note, ...]) -> np.ndarray:
    """Sing a line, with takes beside it: `(2, samples)`."""
    rng, score = studio.rng, studio.score
    style = "rap" if part.articulation == "rap" else "chops" if part.sound == "chops" else "lead"
    way = pick_weighted(
        rng, [("formants", 0.55), ("speech", 0.33 if _speech(studio) else 0.0), ("recorded", 0.12 if style != "rap" else 0.0)]
    )
    if way == "recorded" and (audio := _recorded(studio, part, notes, ("vocals/vowels",))) is not None:
        return np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio
    singer = draw_singer(float(np.median([note.midi for note in notes])), style, rng)
    speech = None
    if way == "speech":
        phrases = _speech(studio)
        chosen = [phrases[i] for i in rng.permutation(len(phrases))[:4]]
        studio.use(chosen, "vocals")
        speech = [speech_envelope(studio.material.audio(sample)) for sample in chosen]
    voice = sing(notes, studio.samples, singer, style, rng, speech)
    out = np.repeat(voice[None], 2, axis=0)
    level = between(rng, (0.15, 0.7))
    if chance(rng, 0.3):  # doubles, left and right
        side = between(rng, (0.4, 1.0))
        for position in (-side, side):
            take = sing(_shifted(notes, rng), studio.samples, singer, style, rng, speech)
            out += np.float32(level) * np.array([[g] for g in pan_gains(position)], np.float32) * take
    if style == "lead" and chance(rng, 0.3):
        other = singer if chance(rng, 0.5) else draw_singer(float(np.median([note.midi for note in notes])), style, rng)
        line = harmony(_shifted(notes, rng), score.key, score.mode, pick(rng, (2, 2, -3, 4, -2, 7, -7)))
        take = sing(line, studio.samples, other, style, rng, speech)
        out += np.float32(level) * np.array([[g] for g in pan_gains(between(rng, (-0.6, 0.6)))], np.float32) * take
    return out


def _choir(studio: Studio, part: Part, notes: tuple[Note, ...]) -> np.ndarray:
    """Sing chords: recorded choirs, or many detuned sources through one moving vowel."""
    rng = studio.rng
    if chance(rng, 0.55) and (audio := _recorded(studio, part, notes, ("vocals/choir-sampled", "vocals/vowels"))) is not None:
        return np.repeat(audio, 2, axis=0) if len(audio) == 1 else audio
    patch = Patch(
        wave="saw", voices=int(rng.integers(3, 6)), detune_cents=between(rng, (8, 22)), width=1.0, cutoff_hz=6000, slope=1.0,
        attack_s=between(rng, (0.04, 0.25)), sustain=0.9, release_s=between(rng, (0.1, 0.4)), noise=between(rng, (0.005, 0.04)),
        vibrato_cents=between(rng, (5, 25)), vibrato_hz=between(rng, (4.5, 6)),
    )  # fmt: skip
    source = play_notes(Synth(patch, rng), notes, studio.samples, False)
    return choir(source, draw_singer(float(np.median([note.midi for note in notes])), "lead", rng), rng)


def _ad_libs(studio: Studio) -> np.ndarray | None:
    """Drop spoken phrases on beats, whole or cut into stuttering pieces, some semitones away; None without material."""
    rng, phrases = studio.rng, _speech(studio)
    if not phrases or not studio.score.beats_s:
        return None
    out = np.zeros((2, studio.samples), np.float32)
    beat = round(60 / studio.score.tempo_bpm * SAMPLE_RATE)
    for _ in range(int(rng.integers(1, 6))):
        sample = pick(rng, phrases)
        studio.use([sample], "vocals")
        ratio = 2 ** (rng.normal(0, 2.0) / 12)
        audio = soxr.resample(studio.material.audio(sample).mean(axis=0), SAMPLE_RATE * ratio, SAMPLE_RATE, quality="LQ")
        start = round(pick(rng, studio.score.beats_s) * SAMPLE_RATE)
        if chance(rng, 0.35):  # a stutter: one short piece again and again
            size = max(beat // pick(rng, (1, 2, 2, 4)), 256)
            at = int(rng.random() * max(1, len(audio) - size))
            piece = audio[at : at + size].copy()
            edge = min(200, len(piece) // 2)
            piece[:edge] *= np.linspace(0, 1, edge)
            piece[-edge:] *= np.linspace(1, 0, edge)
            audio = np.tile(np.pad(piece, (0, size - len(piece))), pick(rng, (2, 3, 4, 8)))
        count = min(len(audio), studio.samples - start)
        if count > 0:
            gains = np.array([[g] for g in pan_gains(rng.normal(0, 0.3))], np.float32)
            out[:, start : start + count] += gains * audio[:count].astype(np.float32)
    return out


def _treat(studio: Studio, audio: np.ndarray, lead: bool) -> np.ndarray:
    """The chain of a voice: filters, compressor, a touch of distortion or chorus."""
    rng = studio.rng
    sections = [biquad("high_pass", between(rng, (70, 180)))]
    sections.append(biquad("peak", between(rng, (200, 600)), between(rng, (-5, 2)), 1.0))
    sections.append(biquad("peak", between(rng, (2000, 5000)), between(rng, (-2, 6)), 0.8))
    sections.append(biquad("high_shelf", between(rng, (7000, 11000)), between(rng, (-4, 5))))
    if chance(rng, 0.05):  # telephone
        sections += [biquad("high_pass", 400), biquad("low_pass", 3500)]
    audio = compress(
        equalise(audio, *sections), between(rng, (-26, -10)), between(rng, (2, 6)), between(rng, (0.002, 0.02)), 90.0
    )
    if chance(rng, 0.25):
        audio = saturate(audio, between(rng, (0, 10)), between(rng, (0, 0.2)))
    if chance(rng, 0.12 if lead else 0.3):
        audio = chorus(audio, between(rng, (0.3, 1.0)), between(rng, (0.001, 0.003)), between(rng, (0.3, 0.7)))
    return audio


def perform_vocals(studio: Studio, parts: list[Part]) -> np.ndarray:
    """Sing the vocal parts: float32 `(2, samples)`, silent without parts."""
    rng, samples = studio.rng, studio.samples
    stem, send = np.zeros((2, samples), np.float32), np.zeros(samples, np.float32)
    tracks: list[tuple[np.ndarray, float, bool]] = []
    for part in parts:
        notes = tuple(
            sorted((n for n in part.notes if n.time_s < studio.score.duration_s), key=lambda note: (note.time_s, note.midi))
        )
        if not notes:
            continue
        audio = _choir(studio, part, notes) if part.sound == "choir" else _lead(studio, part, notes)
        wanted_db = part.gain_db + (-7.0 if part.sound == "choir" and len(parts) > 1 else 0.0) + rng.normal(0, 1.5)
        left, right = pan_gains(part.pan)
        tracks.append((audio * np.array([[left], [right]], np.float32), wanted_db, part.sound != "choir"))
    if tracks and chance(rng, 0.2) and (spoken := _ad_libs(studio)) is not None:
        tracks.append((spoken, between(rng, (-8, 0)), True))
    for audio, wanted_db, lead in tracks:
        audio = _treat(studio, audio, lead)
        level_db = active_level_db(audio)
        if level_db < -100:
            continue
        audio = audio * np.float32(db(-20 + wanted_db - level_db))
        beat_s = 60 / studio.score.tempo_bpm
        if chance(rng, 0.35):
            audio = audio + ping_pong(
                audio, beat_s * pick(rng, (0.25, 0.5, 0.75, 1.0)), between(rng, (0.15, 0.5)), between(rng, (0.08, 0.35))
            )
        stem += audio
        send += audio.mean(axis=0) * np.float32(studio.wetness * between(rng, (0.2, 1.0)))
    if send.any():
        stem += reverberate(send, studio.room)
    return stem
