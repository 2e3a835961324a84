"""Procedural synthesisers: band-limited wavetables whose spectrum moves while a note sounds.

A timbre is a row of single cycles ("stack"), each band-limited to the note; an oscillator reads it bilinearly, along the phase
and along the row. Filter envelopes, decaying strings, electric pianos and organs are all such rows: because the cycles share
their phases, going from one to the next is the same as moving a zero-phase filter. One loop over samples is thus never needed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft

from tfsep.data.render.chance import between, chance, pick, pick_weighted
from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.data.render.score import Note

CYCLE_SAMPLES = 2048
NODES = 8
TOP_HZ = 17000.0
WAVES = ("saw", "square", "pulse", "triangle", "organ", "rich", "string", "epiano", "bell", "sine", "formant")
PHASES = np.random.default_rng(1).uniform(0, 2 * np.pi, CYCLE_SAMPLES)


def midi_hz(midi: float) -> float:
    """Return the frequency of a MIDI note; 69 is 440 Hz."""
    return 440.0 * 2.0 ** ((midi - 69) / 12)


@dataclass(frozen=True, kw_only=True)
class Patch:
    """The settings of one synthesiser; all drawn at random by `draw_patch`."""

    wave: str = "saw"
    duty: float = 0.5
    voices: int = 1  # detuned copies
    detune_cents: float = 0.0
    width: float = 0.0  # spread of the copies over the stereo field
    sub: float = 0.0  # level of a sine an octave below
    fm_ratio: float = 0.0  # 0: wavetable; else a sine that modulates a sine, frequency ratio of the modulator
    fm_index: float = 0.0
    noise: float = 0.0
    attack_s: float = 0.004
    decay_s: float = 0.4
    sustain: float = 0.7
    release_s: float = 0.08
    cutoff_hz: float = 2000.0  # where the filter rests
    sweep_octaves: float = 0.0  # where it starts, above that
    sweep_s: float = 0.2
    resonance: float = 0.0  # height of the peak at the cutoff, 0 to about 3
    slope: float = 4.0  # order of the filter
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.0
    drop_semitones: float = 0.0  # pitch at the start above the note
    drop_s: float = 0.05
    glide_s: float = 0.0  # portamento of a monophonic line; 0: none
    harmonic_seed: int = 0

    def __post_init__(self) -> None:
        if self.wave not in WAVES:
            raise ValueError(f"wave={self.wave!r}: use one of {', '.join(WAVES)}")


def harmonics(patch: Patch, count: int) -> np.ndarray:
    """Return the amplitudes of the first `count` harmonics of a patch's wave, before its filter."""
    n = np.arange(1, count + 1)
    rng = np.random.default_rng(patch.harmonic_seed)
    if patch.wave == "square":
        return (n % 2) / n
    if patch.wave == "pulse":
        return np.abs(np.sin(np.pi * n * patch.duty)) / n
    if patch.wave == "triangle":
        return (n % 2) / n**2
    if patch.wave == "organ":
        bars = np.zeros(count)
        drawn = rng.uniform(0, 1, 9) * (rng.random(9) < 0.7)
        for harmonic, level in zip((1, 2, 3, 4, 5, 6, 8, 10, 12), drawn, strict=True):
            if harmonic <= count:
                bars[harmonic - 1] += level
        bars[0] += 0.5
        return bars
    if patch.wave == "rich":  # a digital wavetable: a saw with random dips
        return rng.uniform(0.05, 1, count) ** 1.5 / n**0.9
    if patch.wave == "string":  # plucked at a point: harmonics with a node there are missing
        return np.abs(np.sin(np.pi * n * patch.duty)) / n**0.8
    if patch.wave == "epiano":
        return np.exp(-((n - 1) ** 0.6) * 1.6) + 0.25 * (n == 7) * rng.random()
    if patch.wave == "bell":
        return rng.uniform(0, 1, count) ** 2 / n**0.5 * (n <= 16)
    if patch.wave == "sine":
        return (n == 1) + 0.1 * (n == 2) * rng.random()
    if patch.wave == "formant":
        centre = rng.uniform(3, 10)
        return 1 / n**1.2 + 0.6 * np.exp(-((n - centre) ** 2) / 3)
    return 1.0 / n


def stack(patch: Patch, frequency_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the single cycles of a note and their places in time.

    Returns: float32 `(NODES, CYCLE_SAMPLES + 1)`, and `(NODES,)` seconds after the note's start at which each cycle is heard.
    """
    count = int(max(1, min(TOP_HZ / frequency_hz, CYCLE_SAMPLES // 2 - 1)))
    amplitudes, n = harmonics(patch, count), np.arange(1, count + 1)
    times_s = np.concatenate([[0.0], 4.0 * (np.arange(1, NODES) / (NODES - 1)) ** 2.5])
    cycles = np.zeros((NODES, CYCLE_SAMPLES // 2 + 1), np.complex128)
    decaying = patch.wave in ("string", "epiano", "bell")
    for node, time_s in enumerate(times_s):
        cutoff_hz = patch.cutoff_hz * 2 ** (patch.sweep_octaves * np.exp(-time_s / patch.sweep_s))
        ratio = n * frequency_hz / cutoff_hz
        response = 1 / np.sqrt(1 + ratio ** (2 * patch.slope)) + patch.resonance * np.exp(-((np.log2(ratio) / 0.2) ** 2))
        if decaying:  # high harmonics of a string die first
            response = response * np.exp(-time_s / patch.decay_s * (0.5 + 0.15 * n ** (1.0 if patch.wave == "string" else 0.6)))
        cycles[node, 1 : count + 1] = amplitudes * response * np.exp(1j * (PHASES[:count] if patch.voices > 1 else -np.pi / 2))
    waves = irfft(cycles, CYCLE_SAMPLES, axis=1) * CYCLE_SAMPLES / 2
    return np.concatenate([waves, waves[:, :1]], axis=1).astype(np.float32), times_s


def read_stack(cycles: np.ndarray, row: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Read `cycles` `(rows, CYCLE_SAMPLES + 1)` at fractional rows and phases (in cycles): float32 of their shape."""
    column = (phase - np.floor(phase)) * CYCLE_SAMPLES
    left = np.minimum(column.astype(np.int32), CYCLE_SAMPLES - 1)
    across = (column - left).astype(np.float32)
    upper = np.clip(row.astype(np.int32), 0, len(cycles) - 2)
    down = (row - upper).astype(np.float32)
    index = upper * np.int32(CYCLE_SAMPLES + 1) + left
    flat = cycles.reshape(-1)
    above = flat[index]
    above += across * (flat[index + 1] - above)
    index += np.int32(CYCLE_SAMPLES + 1)
    below = flat[index]
    below += across * (flat[index + 1] - below)
    return above + down * (below - above)


def envelope(patch: Patch, samples: int) -> np.ndarray:
    """Return attack, decay and sustain of a held note, `(samples,)`; the release is the player's."""
    time_s = np.arange(samples, dtype=np.float32) / np.float32(SAMPLE_RATE)
    held = patch.sustain + (1 - patch.sustain) * np.exp(-time_s / np.float32(patch.decay_s))
    attack = max(int(patch.attack_s * SAMPLE_RATE), 16)
    held[:attack] *= (
        np.linspace(0, 1, min(attack, samples), dtype=np.float32) ** 1.5
        if attack <= samples
        else (np.arange(samples, dtype=np.float32) / attack) ** 1.5
    )
    return held


class Synth:
    """A patch that plays notes; `table` is called once a pitch."""

    def __init__(self, patch: Patch, rng: np.random.Generator) -> None:
        self.patch = patch
        self.release_s = patch.release_s
        self.seed = int(rng.integers(2**31))

    @property
    def sources(self) -> list:
        """No files: all is computed."""
        return []

    def table(self, midi: int, seconds: float) -> np.ndarray:
        """Return one note held for `seconds`, float32 `(1 or 2, samples)`, without release."""
        samples = max(64, int(seconds * SAMPLE_RATE))
        time_s = np.arange(samples) / SAMPLE_RATE
        patch = self.patch
        bend = np.zeros(1)
        if patch.vibrato_cents:
            bend = patch.vibrato_cents / 100 * np.sin(2 * np.pi * patch.vibrato_hz * time_s) * np.clip(3 * time_s - 0.6, 0, 1)
        if patch.drop_semitones:
            bend = bend + patch.drop_semitones * np.exp(-time_s / patch.drop_s)
        if len(bend) == 1:
            phase = time_s * midi_hz(midi)
        else:
            phase = np.cumsum(midi_hz(midi) * np.exp2(bend / 12)) / SAMPLE_RATE
        return self._oscillate(phase, time_s, midi_hz(midi), np.random.default_rng((self.seed, midi))) * envelope(
            patch, samples
        )

    def _oscillate(self, phase: np.ndarray, since_s: np.ndarray, frequency_hz: float, rng: np.random.Generator) -> np.ndarray:
        """Sound the copies of the oscillator for one pitch: float32 `(1 or 2, samples)`, about unit level."""
        patch = self.patch
        stereo = 2 if patch.voices > 1 and patch.width > 0 else 1
        out = np.zeros((stereo, len(phase)), np.float32)
        if not patch.fm_ratio:
            cycles, times_s = stack(patch, frequency_hz * 2 ** (patch.drop_semitones / 12))
            row = np.interp(since_s, times_s, np.arange(NODES)).astype(np.float32)
        for voice in range(patch.voices):
            place = 0.0 if patch.voices == 1 else 2 * voice / (patch.voices - 1) - 1
            own = phase * 2 ** (patch.detune_cents * place / 1200) + (rng.random() if patch.voices > 1 else 0.0)
            if patch.fm_ratio:
                index = patch.fm_index * (0.2 + np.exp(-since_s / patch.sweep_s))
                index = np.minimum(
                    index, max(0.0, TOP_HZ / (frequency_hz * patch.fm_ratio) - 2)
                )  # Carson's rule bounds the band
                angle = (2 * np.pi) * (own - np.floor(own))
                wave = np.sin(angle + index * np.sin((2 * np.pi) * ((own * patch.fm_ratio) % 1.0))).astype(np.float32)
            else:
                wave = read_stack(cycles, row, own)
            if stereo == 2:
                out[0] += wave * np.float32(1 - patch.width * max(place, 0))
                out[1] += wave * np.float32(1 + patch.width * min(place, 0))
            else:
                out[0] += wave
        out /= np.float32(patch.voices**0.5)
        if patch.sub:
            out += np.float32(patch.sub) * np.sin(2 * np.pi * ((0.5 * phase) % 1.0)).astype(np.float32)
        if patch.noise:
            out += np.float32(patch.noise) * rng.standard_normal(out.shape, dtype=np.float32)
        return out

    def line(self, notes: tuple[Note, ...], samples: int) -> np.ndarray:
        """Play a monophonic line with portamento and slides: float32 `(1 or 2, samples)`.

        One oscillator runs through; its band limit is that of the highest note within each octave-wide group of notes.
        """
        out = np.zeros((2, samples), np.float32)
        previous = notes[0].midi if notes else 0
        for note in notes:
            start = round(note.time_s * SAMPLE_RATE)
            count = min(round((note.duration_s + 3 * self.release_s) * SAMPLE_RATE), samples - start)
            if count < 64 or start < 0:
                continue
            glide_from, glide_s = (
                (note.glide_from_midi, note.glide_s) if note.glide_from_midi else (previous, self.patch.glide_s)
            )
            time_s = np.arange(count) / SAMPLE_RATE
            bend = self.patch.drop_semitones * np.exp(-time_s / self.patch.drop_s)
            if glide_s and glide_from != note.midi:
                bend = bend + (glide_from - note.midi) * np.exp(-time_s / (0.4 * glide_s))
            if self.patch.vibrato_cents:
                swing = np.sin(2 * np.pi * self.patch.vibrato_hz * time_s) * np.clip(3 * time_s - 0.6, 0, 1)
                bend = bend + self.patch.vibrato_cents / 100 * swing
            phase = np.cumsum(midi_hz(note.midi) * np.exp2(bend / 12)) / SAMPLE_RATE
            top_hz = midi_hz(max(note.midi, glide_from if glide_s else note.midi))
            sound = self._oscillate(phase, time_s, top_hz, np.random.default_rng((self.seed, note.midi)))
            shape = envelope(self.patch, count)
            held = min(round(note.duration_s * SAMPLE_RATE), count)
            shape[held:] *= np.exp(-np.arange(count - held, dtype=np.float32) / np.float32(0.4 * self.release_s * SAMPLE_RATE))
            tail = min(200, count)
            shape[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
            out[:, start : start + count] += sound * shape * np.float32(note.velocity**1.2)
            previous = note.midi
        return out


def draw_patch(sound: str, rng: np.random.Generator) -> Patch:
    """Draw a synthesiser for a family of sounds.

    Args:
        sound: "sub" or "synth" (bass), "synth-pluck", "synth-pad", "synth-lead", "synth-arp", "synth-chord"; any other name
            gets an organ, an electric piano, a string or a bell.
    """
    kind = {
        "sub": _sub,
        "synth": _bass,
        "synth-pluck": _pluck,
        "synth-pad": _pad,
        "synth-lead": _lead,
        "synth-arp": _pluck,
    }.get(sound)
    if kind:
        return kind(rng)
    return _chord(rng) if sound == "synth-chord" else _keys(sound, rng)


def _sub(rng: np.random.Generator) -> Patch:
    return Patch(
        wave=pick(rng, ("sine", "sine", "triangle")), decay_s=between(rng, (0.3, 1.5)),
        sustain=between(rng, (0.1, 0.9)), cutoff_hz=600,
        drop_semitones=between(rng, (4, 24)) if chance(rng, 0.5) else 0.0, drop_s=between(rng, (0.01, 0.05)),
        glide_s=between(rng, (0.03, 0.12)) if chance(rng, 0.3) else 0.0, release_s=between(rng, (0.05, 0.2)), attack_s=0.004,
    )  # fmt: skip


def _bass(rng: np.random.Generator) -> Patch:
    if chance(rng, 0.2):
        return Patch(
            fm_ratio=pick(rng, (0.5, 1.0, 1.0, 2.0, 3.0)), fm_index=between(rng, (0.8, 5)), sweep_s=between(rng, (0.05, 0.5)),
            decay_s=between(rng, (0.1, 0.8)), sustain=between(rng, (0.2, 0.9)), release_s=between(rng, (0.03, 0.12)),
            sub=between(rng, (0, 0.6)),
        )  # fmt: skip
    reese = chance(rng, 0.3)
    return Patch(
        wave=pick(rng, ("saw", "saw", "square", "pulse", "triangle", "rich", "formant")), duty=between(rng, (0.1, 0.5)),
        voices=pick(rng, (2, 3)) if reese else 1, detune_cents=between(rng, (8, 30)) if reese else 0.0,
        width=between(rng, (0, 0.5)) if reese else 0.0, sub=between(rng, (0, 0.9)) if chance(rng, 0.6) else 0.0,
        cutoff_hz=10 ** between(rng, (2.2, 3.4)), sweep_octaves=between(rng, (0, 4)), sweep_s=between(rng, (0.04, 0.6)),
        resonance=between(rng, (0, 2.5)) if chance(rng, 0.5) else 0.0, slope=pick(rng, (2.0, 4.0)),
        decay_s=between(rng, (0.1, 0.9)),
        sustain=between(rng, (0.2, 0.95)), release_s=between(rng, (0.02, 0.12)), attack_s=between(rng, (0.002, 0.012)),
        glide_s=between(rng, (0.03, 0.12)) if chance(rng, 0.25) else 0.0,
    )  # fmt: skip


def _pluck(rng: np.random.Generator) -> Patch:
    if chance(rng, 0.25):
        return Patch(
            fm_ratio=pick(rng, (1.0, 2.0, 3.0, 3.5, 5.0, 7.0)), fm_index=between(rng, (0.5, 4)),
            sweep_s=between(rng, (0.05, 0.4)),
            decay_s=between(rng, (0.15, 0.7)), sustain=0.0, release_s=between(rng, (0.05, 0.3)),
        )  # fmt: skip
    voices = pick(rng, (1, 1, 2, 3))
    return Patch(
        wave=pick(rng, ("saw", "square", "pulse", "triangle", "string", "rich", "bell")), duty=between(rng, (0.08, 0.5)),
        voices=voices,
        detune_cents=between(rng, (4, 18)) if voices > 1 else 0.0, width=between(rng, (0.2, 0.9)) if voices > 1 else 0.0,
        cutoff_hz=10 ** between(rng, (2.4, 3.5)), sweep_octaves=between(rng, (1, 5)), sweep_s=between(rng, (0.03, 0.25)),
        resonance=between(rng, (0, 1.5)), decay_s=between(rng, (0.12, 0.6)), sustain=pick(rng, (0.0, 0.0, 0.2)),
        release_s=between(rng, (0.05, 0.25)), slope=pick(rng, (2.0, 4.0)),
    )  # fmt: skip


def _pad(rng: np.random.Generator) -> Patch:
    return Patch(
        wave=pick(rng, ("saw", "saw", "pulse", "rich", "triangle", "formant", "organ")), duty=between(rng, (0.15, 0.5)),
        voices=pick(rng, (2, 3, 4)), detune_cents=between(rng, (6, 25)), width=between(rng, (0.4, 1.0)),
        cutoff_hz=10 ** between(rng, (2.6, 3.9)), sweep_octaves=between(rng, (-1.5, 1.5)), sweep_s=between(rng, (0.5, 2.5)),
        attack_s=between(rng, (0.03, 0.5)), decay_s=1.5, sustain=between(rng, (0.6, 1)), release_s=between(rng, (0.2, 0.8)),
        noise=between(rng, (0, 0.01)), slope=pick(rng, (2.0, 4.0)),
    )  # fmt: skip


def _lead(rng: np.random.Generator) -> Patch:
    voices = pick(rng, (1, 1, 2, 3, 5))
    return Patch(
        wave=pick(rng, ("saw", "saw", "square", "pulse", "triangle", "rich", "formant")), duty=between(rng, (0.1, 0.5)),
        voices=voices,
        detune_cents=between(rng, (5, 22)) if voices > 1 else 0.0, width=between(rng, (0.2, 0.9)) if voices > 1 else 0.0,
        cutoff_hz=10 ** between(rng, (3.0, 4.1)), sweep_octaves=between(rng, (-1, 2)), sweep_s=between(rng, (0.05, 0.6)),
        resonance=between(rng, (0, 1.2)), decay_s=between(rng, (0.3, 1.2)), sustain=between(rng, (0.5, 1)),
        release_s=between(rng, (0.04, 0.25)), vibrato_cents=between(rng, (0, 35)), vibrato_hz=between(rng, (4.5, 6.5)),
        glide_s=between(rng, (0.03, 0.15)) if chance(rng, 0.5) else 0.0, attack_s=between(rng, (0.003, 0.04)),
    )  # fmt: skip


def _chord(rng: np.random.Generator) -> Patch:
    if chance(rng, 0.25):
        return _keys(pick(rng, ("organ", "keys")), rng)
    return Patch(
        wave=pick(rng, ("saw", "saw", "square", "pulse", "rich")), duty=between(rng, (0.15, 0.5)), voices=pick(rng, (3, 4, 5)),
        detune_cents=between(rng, (8, 28)), width=between(rng, (0.4, 1.0)), cutoff_hz=10 ** between(rng, (2.9, 4.0)),
        sweep_octaves=between(rng, (0, 3)), sweep_s=between(rng, (0.05, 0.5)), resonance=between(rng, (0, 0.8)),
        decay_s=between(rng, (0.2, 0.9)), sustain=between(rng, (0.2, 0.9)), release_s=between(rng, (0.05, 0.3)),
    )  # fmt: skip


def _keys(sound: str, rng: np.random.Generator) -> Patch:
    """An instrument of strings, reeds or bars where the material has none (or for variety)."""
    family = {
        "organ": "organ",
        "keys": "epiano",
        "mallet": "bell",
        "piano": "string",
        "electric": "string",
        "acoustic": "string",
    }
    wave = family.get(sound) or pick_weighted(rng, [("string", 2), ("organ", 1), ("epiano", 1)])
    low = sound in ("electric", "acoustic")
    return Patch(
        wave=wave, duty=between(rng, (0.07, 0.35)), cutoff_hz=10 ** between(rng, (3.0, 3.5) if low else (3.3, 4.0)), slope=2.0,
        decay_s=between(rng, (0.5, 1.6)), sustain=1.0 if wave != "bell" else 0.6, release_s=between(rng, (0.05, 0.2)),
        voices=1 if wave != "organ" else pick(rng, (1, 2)), detune_cents=6.0, width=0.5,
        attack_s=0.003 if wave != "organ" else 0.01,
        harmonic_seed=int(rng.integers(1000)),
    )  # fmt: skip
