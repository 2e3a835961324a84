"""The performer: a score and the material become four stems."""

import re
from dataclasses import dataclass

import numpy as np
import soxr

from tfsep.data.render.chance import between, chance, pick
from tfsep.data.render.effects import (
    SAMPLE_RATE,
    biquad,
    chorus,
    compress,
    crush,
    db,
    duck_gain,
    equalise,
    pan_gains,
    ping_pong,
    reverberate,
    saturate,
    widen,
)
from tfsep.data.render.kits import Kit, pick_style
from tfsep.data.render.material import Material
from tfsep.data.render.mix import STEMS, active_level_db, balance, draw_master, master
from tfsep.data.render.sampler import Sampler, draw_sampler
from tfsep.data.render.score import Part, Score
from tfsep.data.render.studio import Studio, play_notes
from tfsep.data.render.synth import Synth, draw_patch
from tfsep.data.render.vocals import perform_vocals

# Loops that hold, or by their names may hold, more than drums (Sonic Pi); they would teach the wrong stem.
NOT_DRUMS = re.compile(r"garzul|3d_printer|weirdo|mehackit|compus|drum_roll|tabla|safari|mika")
TEMPO_IN_NAME = re.compile(r"(?:^|_)(\d{2,3})(?:BPM)?(?:-|_|$)")
ROLE_DB = {"pad": -5.0, "arp": -3.0, "comp": -2.0, "strum": -2.0, "riff": 0.0, "lead": 1.0, "harmony": -4.0}


@dataclass
class Performance:
    """Four float32 stems `(2, samples)`, mastered, and where the sounds came from."""

    stems: dict[str, np.ndarray]
    sources: list[dict[str, str]]
    loop: dict[str, object] | None


def _instrument(studio: Studio, part: Part) -> Sampler | Synth:
    """Draw what plays a part of bass or other."""
    rng, sound = studio.rng, part.sound
    procedural = sound.startswith("synth-") or (part.stem == "bass" and sound in ("sub", "synth"))
    if chance(rng, {True: 0.25, False: 0.93}[procedural]):
        family = sound
        if sound.startswith("synth-"):
            family = {"synth-pad": "pad", "synth-chord": pick(rng, ("keys", "synth", "strings"))}.get(
                sound, pick(rng, ("synth", "mallet", "world"))
            )
        sampler = draw_sampler(studio.material, part.stem, family, part.articulation == "short", rng)
        if sampler:
            return sampler
    return Synth(draw_patch(sound, rng), rng)


def _colour(studio: Studio, part: Part, audio: np.ndarray) -> np.ndarray:
    """Equalise, compress, distort and modulate a track: `(1 or 2, samples)` to `(2, samples)`."""
    rng, low = studio.rng, part.stem == "bass"
    if part.sound == "guitar-distorted" and chance(rng, 0.7):
        audio = saturate(equalise(audio, biquad("high_pass", 120)), between(rng, (10, 28)), between(rng, (0, 0.2)))
        audio = equalise(audio, biquad("low_pass", between(rng, (3500, 6000))), biquad("peak", 800, between(rng, (-5, 3))))
    sections = [biquad("high_pass", between(rng, (22, 45)) if low else between(rng, (60, 220)))]
    for _ in range(int(rng.integers(0, 3))):
        centre_hz = 10 ** between(rng, (1.9, 3.0) if low else (2.4, 3.9))
        sections += [biquad("peak", centre_hz, between(rng, (-6, 5)), between(rng, (0.5, 2)))]
    if chance(rng, 0.4):
        sections.append(biquad("high_shelf", between(rng, (2500, 8000)), between(rng, (-9, 5))))
    if low and chance(rng, 0.4):
        sections.append(biquad("low_pass", 10 ** between(rng, (2.6, 3.7))))
    audio = equalise(audio, *sections)
    if chance(rng, 0.7 if low else 0.3):
        audio = compress(
            audio, between(rng, (-24, -8)), between(rng, (2, 6)), between(rng, (0.003, 0.03)), between(rng, (40, 200))
        )
    if chance(rng, 0.45 if low else 0.2):
        audio = saturate(audio, between(rng, (0, 14)), between(rng, (0, 0.3)))
    if chance(rng, 0.02):
        audio = crush(audio, int(rng.integers(6, 10)), int(rng.integers(1, 5)))
    if not low and chance(rng, 0.2):
        audio = chorus(
            audio,
            between(rng, (0.2, 1.2)),
            between(rng, (0.0005, 0.003)),
            between(rng, (0.3, 0.9)),
            between(rng, (0.004, 0.02)),
        )
    if low:  # a compressor that follows the wave of a low, lopsided note makes DC
        audio = equalise(audio, biquad("high_pass", 20))
    if len(audio) == 1:
        audio = np.repeat(audio, 2, axis=0)
    elif low:
        audio = widen(audio, between(rng, (0, 0.8)))
    return audio


def _perform_part(studio: Studio, part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return a track of bass or other and what it sends to the room: `(2, samples)`, `(samples,)`."""
    rng = studio.rng
    notes = tuple(
        sorted((n for n in part.notes if n.time_s < studio.score.duration_s), key=lambda note: (note.time_s, note.midi))
    )
    instrument = _instrument(studio, part)
    sliding = any(note.glide_from_midi for note in notes)
    if (
        isinstance(instrument, Synth)
        and (part.stem == "bass" or part.sound == "synth-lead")
        and (sliding or instrument.patch.glide_s)
    ):
        audio = instrument.line(notes, studio.samples)
    else:
        audio = play_notes(instrument, notes, studio.samples, part.stem == "bass")
    studio.use(instrument.sources, part.stem)
    audio = _colour(studio, part, audio)
    level_db = active_level_db(audio)
    if level_db < -100:
        return audio, np.zeros(studio.samples, np.float32)
    wanted_db = -20 + part.gain_db + ROLE_DB.get(part.role, 0.0) + float(np.clip(rng.normal(0, 2.5), -5, 5))
    audio = audio * np.float32(db(wanted_db - level_db))
    if part.stem == "other" and chance(rng, 0.25):
        beat_s = 60 / studio.score.tempo_bpm
        audio += ping_pong(
            audio, beat_s * pick(rng, (0.5, 0.75, 0.75, 1.0)), between(rng, (0.2, 0.6)), between(rng, (0.15, 0.5))
        )
    if part.duck > 0 and studio.kicks_s:
        audio = audio * duck_gain(studio.samples, studio.kicks_s, part.duck, studio.recovery_s)
    left, right = pan_gains(part.pan)
    audio *= np.array([[left], [right]], np.float32)
    amount = 1.0 if part.stem == "other" else 0.15 if chance(rng, 0.25) else 0.0  # a bass is mostly kept dry
    return audio, audio.mean(axis=0) * np.float32(amount * studio.wetness * between(rng, (0.1, 1.0)))


def fit_loop(seconds: float, name: str, tempo_bpm: float) -> tuple[float, int] | None:
    """Return (speed, beats) to play a loop of `seconds` at `tempo_bpm`, or None if it would have to change by over a fifth.

    The tempo in its name is believed; else the loop is taken for 4, 8, 16 or 32 beats.
    """
    if match := TEMPO_IN_NAME.search(name):
        beats = seconds * int(match[1]) / 60
        counts = [round(beats)] if abs(beats - round(beats)) < 0.06 and round(beats) % 4 == 0 and beats > 1 else []
    else:
        counts = [4, 8, 16, 32]
    for count in counts:
        speed = seconds / (count * 60 / tempo_bpm)
        if 0.82 <= speed <= 1.22:
            return speed, count
    return None


def _perform_loop(studio: Studio) -> tuple[np.ndarray, dict[str, object]] | None:
    """Lay one drum loop under the hits, from downbeat to downbeat; None if no loop fits the tempo."""
    rng, tempo = studio.rng, studio.score.drum_loop_tempo_bpm
    loops = [sample for group in studio.material.folders("drums/loop").values() for sample in group]
    fit = None
    for index in rng.permutation(len(loops)):
        sample = loops[index]
        if not NOT_DRUMS.search(sample.name):
            audio = studio.material.audio(sample)
            if fit := fit_loop(audio.shape[1] / SAMPLE_RATE, sample.name, tempo):
                break
    if not fit or not studio.score.downbeats_s:
        return None
    speed, beats = fit
    played = soxr.resample(audio.T, SAMPLE_RATE * speed, SAMPLE_RATE, quality="LQ").T.astype(np.float32)
    played = equalise(played, biquad("high_pass", pick(rng, (30, 150, 400, 900))))
    out = np.zeros((2, studio.samples), np.float32)
    bars = max(1, beats // 4)
    starts = studio.score.downbeats_s[::bars]
    states = [(section.time_s, section.drums) for section in studio.score.sections]
    starts = [t for t in starts if [drums for since_s, drums in states if since_s <= t + 0.05][-1:] != ["none"]]
    if not starts:
        return None
    for start_s in starts:
        start = max(0, round(start_s * SAMPLE_RATE))
        count = min(played.shape[1], studio.samples - start)
        if count > 0:
            out[:, start : start + count] += played[:, :count] if len(played) == 2 else np.repeat(played[:, :count], 2, axis=0)
    studio.use([sample], "drums")
    return out, {
        "file": sample.path,
        "speed": round(speed, 4),
        "beats": beats,
        "starts_s": [round(float(s), 4) for s in starts],
    }


def _perform_drums(studio: Studio) -> tuple[np.ndarray, dict[str, object] | None]:
    """Play the kit and perhaps a loop, and treat the drum bus."""
    rng, score = studio.rng, studio.score
    kit = Kit(studio.material, pick_style(score.kit_style, rng), rng)
    drums, send = kit.play(score.drum_hits, studio.samples)
    for piece in kit.pieces.values():
        studio.use(piece.sources, "drums")
    loop = None
    if score.drum_loop_tempo_bpm and (laid := _perform_loop(studio)):
        audio, loop = laid
        under_db = active_level_db(drums) - active_level_db(audio) + between(rng, (-14, 0))
        drums = drums + audio * np.float32(db(float(np.clip(under_db, -40, 20))))
    if not drums.any():
        return drums, loop
    if chance(rng, 0.55):
        squeezed = compress(
            drums, between(rng, (-30, -10)), between(rng, (2, 8)), between(rng, (0.001, 0.03)), between(rng, (60, 400))
        )
        drums = drums + between(rng, (0.3, 1.5)) * squeezed  # parallel compression
    if chance(rng, 0.25):
        drums = saturate(drums, between(rng, (0, 10)))
    if chance(rng, 0.06):
        drums = equalise(drums, biquad("low_pass", between(rng, (4000, 9000))), biquad("high_pass", between(rng, (40, 150))))
    room = studio.small_room if chance(rng, 0.7) else studio.room
    wet = reverberate(send, room) * np.float32(10 ** between(rng, (-1.2, -0.1)))
    return widen(drums.astype(np.float32), between(rng, (0.4, 1.2))) + wet, loop


def _sweeps(studio: Studio) -> np.ndarray:
    """Return noise that rises into a new section, as electronic music has it; it belongs to `other`."""
    rng, out = studio.rng, np.zeros((2, studio.samples), np.float32)
    beat_s = 60 / studio.score.tempo_bpm
    for section in studio.score.sections[1:]:
        if not chance(rng, 0.5):
            continue
        length_s = pick(rng, (4, 8)) * beat_s
        start, stop = (
            max(0, round((section.time_s - length_s) * SAMPLE_RATE)),
            min(round(section.time_s * SAMPLE_RATE), studio.samples),
        )
        if stop - start < SAMPLE_RATE // 2:
            continue
        noise = rng.standard_normal((2, stop - start), dtype=np.float32)
        ramp = np.linspace(0, 1, stop - start, dtype=np.float32)
        dark, light = (
            equalise(noise, biquad("high_pass", low), biquad("low_pass", high)) for low, high in ((300, 2000), (2500, 12000))
        )
        out[:, start:stop] += np.float32(between(rng, (0.01, 0.06))) * ramp**1.5 * ((1 - ramp) * dark + ramp * light)
    return out


def _vinyl(studio: Studio) -> np.ndarray:
    """Return hiss and crackle `(2, samples)`, as loops from records have it."""
    rng = studio.rng
    noise = equalise(
        rng.standard_normal((1, studio.samples), dtype=np.float32), biquad("low_pass", 5000), biquad("high_pass", 500)
    )
    clicks = np.zeros(studio.samples, np.float32)
    clicks[rng.integers(0, studio.samples, int(studio.score.duration_s * between(rng, (2, 20))))] = 1.0
    clicks *= rng.standard_normal(studio.samples, dtype=np.float32)
    return np.repeat(
        0.004 * noise + 0.25 * equalise(clicks[None], biquad("low_pass", 6000), biquad("high_pass", 800)), 2, axis=0
    )


def perform(score: Score, material: Material, rng: np.random.Generator) -> Performance:
    """Play a score.

    Returns: four mastered stems whose sum is the mixture; a stem without parts is silent.
    """
    studio = Studio(score, material, rng)
    stems = {stem: np.zeros((2, studio.samples), np.float32) for stem in STEMS}
    stems["drums"], loop = _perform_drums(studio)
    for stem in ("bass", "other"):
        send = np.zeros(studio.samples, np.float32)
        for part in score.parts:
            if part.stem == stem and part.notes:
                track, to_room = _perform_part(studio, part)
                stems[stem] += track
                send += to_room
        if stem == "other" and stems[stem].any():
            electronic = any(part.sound.startswith("synth-") for part in score.parts)
            if electronic and chance(rng, 0.5):
                stems[stem] += _sweeps(studio)
            if chance(rng, 0.25 if score.tags.get("lo_fi") else 0.03):
                stems[stem] += _vinyl(studio)
        if send.any():
            stems[stem] += reverberate(send, studio.room)
    stems["vocals"] = perform_vocals(studio, [part for part in score.parts if part.stem == "vocals" and part.notes])
    balanced = balance(stems, rng)
    return Performance(master(balanced, draw_master(rng)), studio.sources(), loop)
