"""Singing voices: a glottal source and noise, shaped by vocal tracts that move from syllable to syllable.

The tract is either a set of formants (vowels after G. Peterson and H. Barney, "Control methods used in a study of the vowels",
JASA 24, 1952, averages for men and women), or the envelope of recorded speech, sung on the melody's pitch. Both multiply the
short-time spectrum of the source, so that formants glide; consonants are shaped noise before the vowel.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import irfft, rfft
from scipy.ndimage import gaussian_filter1d

from tfsep.data.render.chance import between, chance, pick, pick_weighted
from tfsep.data.render.effects import SAMPLE_RATE, stretch_blocks
from tfsep.data.render.score import Note
from tfsep.data.render.synth import CYCLE_SAMPLES, midi_hz, read_stack

HOP_SAMPLES = 512
WINDOW_SAMPLES = 1024
CONTROL_SAMPLES = 256
BINS = WINDOW_SAMPLES // 2 + 1
FREQUENCIES_HZ = np.arange(BINS, dtype=np.float32) * SAMPLE_RATE / WINDOW_SAMPLES
WINDOW = np.sqrt(np.hanning(WINDOW_SAMPLES + 1)[:-1]).astype(np.float32)
LOWEST_HZ = 55.0
LEAD_S = 0.55  # before a phrase: the breath that is taken
MEN = np.array(
    [[270, 2290, 3010], [390, 1990, 2550], [530, 1840, 2480], [660, 1720, 2410], [730, 1090, 2440], [570, 840, 2410],
     [440, 1020, 2240], [300, 870, 2240], [640, 1190, 2390], [490, 1350, 1690]], np.float32)  # fmt: skip
WOMEN = np.array(
    [[310, 2790, 3310], [430, 2480, 3070], [610, 2330, 2990], [860, 2050, 2850], [850, 1220, 2810], [590, 920, 2710],
     [470, 1160, 2680], [370, 950, 2670], [760, 1400, 2780], [500, 1640, 1960]], np.float32)  # fmt: skip
# noise of consonants: low edge, high edge (Hz), level, seconds before the vowel, seconds of noise
CONSONANTS = {
    "s": (4500, 12000, 0.30, 0.10, 0.09), "sh": (2200, 7000, 0.30, 0.10, 0.09), "f": (1200, 14000, 0.10, 0.08, 0.07),
    "t": (3000, 9000, 0.40, 0.045, 0.02), "k": (1300, 3500, 0.40, 0.05, 0.025), "p": (300, 1500, 0.35, 0.04, 0.015),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Singer:
    """How somebody sings; drawn by `draw_singer`."""

    female: bool
    tract_scale: float  # all formants times this: a shorter tract is higher
    tilt: float  # exponent of the source's harmonics, about 1 with a pressed voice, 1.6 with a soft one
    breath: float  # level of aspiration
    vibrato_cents: float
    vibrato_hz: float
    glide_s: float
    scoop: float  # chance that a syllable starts under its pitch
    jitter_cents: float
    articulation: float  # chance of a consonant at a syllable's start
    ring: float  # dB of the singer's formant near 3 kHz
    brilliance: float  # exponent of a rise above 4 kHz
    tuned: bool  # pitch quantised, as by a pitch corrector


def draw_singer(median_midi: float, style: str, rng: np.random.Generator) -> Singer:
    """Draw a singer that suits a part's range; `style` "rap" speaks, "chops" has no vibrato."""
    female = chance(rng, float(np.clip((median_midi - 54) / 14, 0.05, 0.95)))
    return Singer(
        female=female,
        tract_scale=between(rng, (0.9, 1.12)) * (between(rng, (1.1, 1.3)) if style == "chops" and chance(rng, 0.4) else 1.0),
        tilt=between(rng, (0.85, 1.6)),
        breath=10 ** between(rng, (-1.6, -0.4)),
        vibrato_cents=0.0 if style in ("rap", "chops") else between(rng, (5, 60)),
        vibrato_hz=between(rng, (4.6, 6.4)),
        glide_s=between(rng, (0.012, 0.05)),
        scoop=between(rng, (0, 0.5)),
        jitter_cents=between(rng, (2, 14)),
        articulation=between(rng, (0.5, 0.95)) if style != "chops" else between(rng, (0, 0.5)),
        ring=between(rng, (0, 8)),
        brilliance=between(rng, (0.2, 2.0)),
        tuned=style != "rap" and chance(rng, 0.2),
    )


def _stft(audio: np.ndarray) -> np.ndarray:
    """Return complex64 `(frames, BINS)` of `(samples,)`; frame i is centred on sample i * HOP_SAMPLES."""
    frames = -(-len(audio) // HOP_SAMPLES) + 1
    padded = np.zeros((frames + 1) * HOP_SAMPLES, np.float32)
    padded[HOP_SAMPLES : HOP_SAMPLES + len(audio)] = audio
    return rfft(np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES] * WINDOW, axis=1)


def _istft(spectrum: np.ndarray, samples: int) -> np.ndarray:
    """Invert `_stft` to float32 `(samples,)`: two windows overlap, their squares sum to one."""
    pieces = irfft(spectrum, WINDOW_SAMPLES, axis=1) * WINDOW
    blocks = np.zeros((len(pieces) + 1, HOP_SAMPLES), np.float32)
    blocks[:-1] += pieces[:, :HOP_SAMPLES]
    blocks[1:] += pieces[:, HOP_SAMPLES:]
    return blocks.reshape(-1)[HOP_SAMPLES : HOP_SAMPLES + samples]


def tract(formants_hz: np.ndarray, scale: float, ring_db: float, brilliance: float) -> np.ndarray:
    """Return the magnitude response of vocal tracts, a cascade of resonances.

    Args:
        formants_hz: `(frames, 3)`, the first three formants; the higher ones stand at odd multiples of 500 Hz, times `scale`.
        ring_db: boost near 3 kHz.
        brilliance: exponent of a rise above 4 kHz, which microphones, singers and engineers add to the cascade.
    Returns: float32 `(frames, BINS)`, 1 at 0 Hz.
    """
    power = FREQUENCIES_HZ**2
    denominator = np.ones((len(formants_hz), BINS), np.float32)
    for column in range(formants_hz.shape[1]):
        centre = formants_hz[:, column : column + 1].astype(np.float32)
        bandwidth = 45 + 0.035 * centre
        square = centre * centre
        denominator *= (1 - power / square) ** 2 + power * (bandwidth / square) ** 2
    fixed = np.ones(BINS, np.float32)
    for centre in np.arange(3500, 18000, 1000) * scale:
        fixed *= (1 - power / centre**2) ** 2 + power * ((60 + 0.06 * centre) / centre**2) ** 2
    boost = 10 ** (ring_db / 20 * np.exp(-(((FREQUENCIES_HZ - 3000 * scale) / 700) ** 2)))
    boost *= (1 + (FREQUENCIES_HZ / 4000) ** 2) ** (brilliance / 2)
    return ((boost / np.sqrt(fixed + 1e-9)) / np.sqrt(denominator + 1e-6)).astype(np.float32)


def _source(f0_hz: np.ndarray, tilt: float, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a pulse train of harmonics 1 / n**tilt, band-limited, and its phase in cycles; `f0_hz`: one a control step."""
    rows = 6
    cycles = np.zeros((rows, CYCLE_SAMPLES // 2 + 1), np.complex64)
    for row in range(rows):
        n = np.arange(1, min(int(17000 / (LOWEST_HZ * 2 ** (row + 1))), CYCLE_SAMPLES // 2 - 1) + 1)
        cycles[row, n] = -1j * np.exp(0.6j * np.log(n)) / n**tilt  # a little dispersion: less peaky than a pure saw
    waves = irfft(cycles, CYCLE_SAMPLES, axis=1) * (CYCLE_SAMPLES / 2)
    waves = np.concatenate([waves, waves[:, :1]], axis=1).astype(np.float32)
    phase = np.cumsum(stretch_blocks(f0_hz, samples, CONTROL_SAMPLES), dtype=np.float64) / SAMPLE_RATE
    row = stretch_blocks(np.log2(np.maximum(f0_hz, LOWEST_HZ) / LOWEST_HZ), samples, CONTROL_SAMPLES)
    return read_stack(waves, np.minimum(row, rows - 1.001), phase), phase


@dataclass
class _Plan:
    """What one line does, in control steps: voice and pitch; in frames: noise, formants."""

    f0_hz: np.ndarray
    voiced: np.ndarray
    noise: np.ndarray  # (frames, classes)
    vowels: np.ndarray  # (frames,) index of the vowel of each frame
    breath: np.ndarray


def _plan(notes: tuple[Note, ...], samples: int, singer: Singer, style: str, rng: np.random.Generator) -> _Plan:
    steps, frames = samples // CONTROL_SAMPLES + 2, -(-samples // HOP_SAMPLES) + 1
    step_s = CONTROL_SAMPLES / SAMPLE_RATE
    midi, scoops = np.full(steps, float(notes[0].midi)), np.zeros(steps)
    voiced, vibrato = np.zeros(steps, np.float32), np.zeros(steps, np.float32)
    noise, vowels = np.zeros((frames, len(CONSONANTS)), np.float32), np.zeros(frames, np.int64)
    breath = np.zeros(frames, np.float32)
    names = list(CONSONANTS)
    speaking = float(np.clip(np.median([n.midi for n in notes]), 41, 60 if singer.female else 52)) if style == "rap" else 0.0
    vowel, previous_end = int(rng.integers(10)), -1.0
    lexicon = rng.integers(0, 10, 5)  # songs repeat their words: five vowels come up more often
    for index, note in enumerate(notes):
        begin, end_s = int(note.time_s / step_s), note.time_s + note.duration_s
        following = notes[index + 1].time_s if index + 1 < len(notes) else np.inf
        end_s = min(end_s, following)
        end = max(int(end_s / step_s), begin + 3)
        if begin >= steps:
            break
        pitch = note.midi if style != "rap" else speaking + rng.normal(0, 1.2) + 4 * (note.velocity - 0.7)
        midi[begin:] = pitch
        if note.glide_from_midi and style != "rap":
            reach = max(1, int(note.glide_s / step_s))
            piece = scoops[begin : begin + reach]
            piece += (note.glide_from_midi - note.midi) * np.linspace(1, 0, reach)[: len(piece)]
        if style == "rap":  # speech falls through a syllable
            scoops[begin:end] += np.linspace(0.8, -1.5, end - begin)[: len(scoops[begin:end])]
        elif not note.tied and chance(rng, singer.scoop):
            tail = np.arange(min(steps - begin, 40))
            scoops[begin : begin + len(tail)] -= between(rng, (0.5, 2.5)) * np.exp(-tail * step_s / 0.045)
        level = note.velocity**0.8
        start = begin
        if not note.tied:
            vowel = int(pick(rng, lexicon)) if chance(rng, 0.7) else int(rng.integers(10))
            if chance(rng, singer.articulation) and note.time_s > 0.12:
                name = pick_weighted(rng, [(n, {"s": 2, "t": 2, "k": 1.5}.get(n, 1)) for n in names] + [("voiced", 4)])
                lead_s = 0.05 if name == "voiced" else CONSONANTS[name][3]
                gap = slice(max(0, int((note.time_s - lead_s) / step_s)), begin)
                voiced[gap] *= 0.35 if name == "voiced" else 0.0
                if name != "voiced":
                    _, _, loudness, _, burst_s = CONSONANTS[name]
                    at = max(0, round((note.time_s - lead_s) * SAMPLE_RATE / HOP_SAMPLES))
                    until = at + max(1, round(burst_s * SAMPLE_RATE / HOP_SAMPLES))
                    noise[at:until, names.index(name)] = loudness * level * between(rng, (0.8, 4.0))
                    if lead_s < 0.06:
                        breath[until : until + 3] = 2.0  # plosives are followed by aspiration
            if note.time_s - previous_end > 0.35 and chance(rng, 0.5):  # air is taken before a phrase
                length_s = between(rng, (0.15, 0.35))
                window = slice(
                    max(0, int((note.time_s - 0.08 - length_s) * SAMPLE_RATE / HOP_SAMPLES)),
                    int((note.time_s - 0.08) * SAMPLE_RATE / HOP_SAMPLES),
                )
                breath[window] = between(rng, (0.3, 1.2)) * level
        shape = np.ones(end - start, np.float32) * level
        ramp = min(len(shape) // 2, 2 if style == "chops" else int(rng.integers(4, 10)))
        if not note.tied:
            shape[:ramp] *= np.linspace(0.1, 1, ramp)
        tail = min(len(shape) // 2, 3 if style == "chops" else int(rng.integers(6, 16)))
        if tail and not (index + 1 < len(notes) and notes[index + 1].tied):
            shape[-tail:] *= np.linspace(1, 0, tail)
        voiced[start:end] = shape[: max(0, steps - start)]
        late = np.clip((np.arange(end - begin) * step_s - 0.22) * 4, 0, 1)
        vibrato[begin:end] = late[: max(0, steps - begin)]
        frame_slice = slice(max(0, int((note.time_s - 0.03) * SAMPLE_RATE / HOP_SAMPLES)), None)
        vowels[frame_slice] = vowel
        onset = round(note.time_s * SAMPLE_RATE / HOP_SAMPLES)
        if not note.tied and chance(rng, singer.articulation):  # the tongue comes from its place for the consonant
            vowels[max(0, onset - 3) : onset + int(rng.integers(2, 6))] = int(rng.integers(10))
        span = int((end_s - note.time_s) * SAMPLE_RATE / HOP_SAMPLES)
        if span > 12 and chance(rng, 0.45):  # diphthongs, and vowels that drift
            vowels[onset + int(between(rng, (0.3, 0.8)) * span) :] = int(rng.integers(10))
        previous_end = end_s
    smooth = 0.003 if singer.tuned else singer.glide_s
    curve = gaussian_filter1d(midi, max(smooth / step_s, 0.3)) + (0 if singer.tuned else 1) * scoops
    time = np.arange(steps) * step_s
    curve += singer.vibrato_cents / 100 * vibrato * np.sin(2 * np.pi * singer.vibrato_hz * time + rng.uniform(0, 6))
    wander = gaussian_filter1d(rng.standard_normal(steps), 30) * 8 + gaussian_filter1d(rng.standard_normal(steps), 2) * 2
    curve += (0.3 if singer.tuned else 1.0) * singer.jitter_cents / 100 * wander
    voiced = gaussian_filter1d(voiced, 1.2) * (1 + 0.1 * gaussian_filter1d(rng.standard_normal(steps), 6) * 4)
    return _Plan(midi_hz(curve), np.maximum(voiced, 0), noise, vowels, gaussian_filter1d(breath, 1.0))


def sing(
    notes: tuple[Note, ...],
    samples: int,
    singer: Singer,
    style: str,
    rng: np.random.Generator,
    speech: list[tuple[np.ndarray, np.ndarray]] | None = None,
) -> np.ndarray:
    """Sing a monophonic line.

    Args:
        notes: in order of time, at least one; overlaps are cut.
        samples: length of the result.
        style: "lead", "rap" or "chops".
        speech: results of `speech_envelope`: their articulation is sung instead of formants.
    Returns: float32 `(samples,)`.
    """
    out = np.zeros(samples, np.float32)
    for phrase in phrases(notes):
        # a phrase is sung on its own, on the grid of hops; what lies between phrases costs nothing
        start = max(0, int((phrase[0].time_s - LEAD_S) * SAMPLE_RATE / HOP_SAMPLES)) * HOP_SAMPLES
        stop = min(samples, int((max(n.time_s + n.duration_s for n in phrase) + LEAD_S) * SAMPLE_RATE))
        if stop - start > WINDOW_SAMPLES:
            moved = tuple(replace(note, time_s=note.time_s - start / SAMPLE_RATE) for note in phrase)
            out[start:stop] += _sing_phrase(moved, stop - start, singer, style, rng, speech)
    return out


def phrases(notes: tuple[Note, ...]) -> list[tuple[Note, ...]]:
    """Split a line where it rests for longer than breath and room for two attacks need."""
    groups, end_s = [[notes[0]]], notes[0].time_s + notes[0].duration_s
    for note in notes[1:]:
        if note.time_s > end_s + 2 * LEAD_S:
            groups.append([])
        groups[-1].append(note)
        end_s = max(end_s, note.time_s + note.duration_s)
    return [tuple(group) for group in groups]


def _sing_phrase(
    notes: tuple[Note, ...],
    samples: int,
    singer: Singer,
    style: str,
    rng: np.random.Generator,
    speech: list[tuple[np.ndarray, np.ndarray]] | None,
) -> np.ndarray:
    plan = _plan(notes, samples, singer, style, rng)
    pulses, phase = _source(plan.f0_hz, singer.tilt, samples)
    hiss = rng.standard_normal(samples, dtype=np.float32) * 0.5
    hiss *= np.float32(0.5) + np.abs((phase - np.floor(phase)).astype(np.float32) - np.float32(0.5))  # air flows in pulses
    voiced = plan.voiced[:: HOP_SAMPLES // CONTROL_SAMPLES][: len(plan.vowels)]
    voiced = np.pad(voiced, (0, len(plan.vowels) - len(voiced)))
    vowel_noise = (singer.breath * voiced + 0.06 * plan.breath).astype(np.float32)
    if speech:
        shape, voicing = _borrowed(notes, speech, len(plan.vowels), singer, rng)
        vowel_noise += (1 - voicing) * 0.5 * (voiced > 0.05)
        voiced = voiced * voicing
    else:
        table = (WOMEN if singer.female else MEN) * singer.tract_scale
        formants = gaussian_filter1d(table[plan.vowels], 2.5, axis=0)
        f0 = plan.f0_hz[:: HOP_SAMPLES // CONTROL_SAMPLES][: len(formants)]
        formants[: len(f0), 0] = np.maximum(formants[: len(f0), 0], 1.05 * f0)  # singers open the first formant with the pitch
        shape = tract(formants, singer.tract_scale * (1.12 if singer.female else 1.0), singer.ring, singer.brilliance)
    names = list(CONSONANTS)
    bands = np.stack([_band_shape(*CONSONANTS[name][:2]) for name in names])
    consonants = gaussian_filter1d(plan.noise, 0.5, axis=0) @ bands
    out = _stft(pulses) * (shape * voiced[:, None]) + _stft(hiss) * (shape * vowel_noise[:, None] + consonants)
    return _istft(out, samples)


def _band_shape(low_hz: float, high_hz: float) -> np.ndarray:
    """Return a smooth band `(BINS,)`."""
    f = np.maximum(FREQUENCIES_HZ, 1)
    return (1 / np.sqrt(1 + (low_hz / f) ** 8) / np.sqrt(1 + (f / high_hz) ** 8)).astype(np.float32)


def choir(source: np.ndarray, singer: Singer, rng: np.random.Generator) -> np.ndarray:
    """Shape `(channels, samples)` of detuned saws into a choir that changes its vowel slowly."""
    frames = -(-source.shape[1] // HOP_SAMPLES) + 1
    spacing = int(between(rng, (0.8, 3.0)) * SAMPLE_RATE / HOP_SAMPLES)
    vowels = np.repeat(rng.choice([4, 5, 7, 8, 2], frames // spacing + 1), spacing)[:frames]
    formants = gaussian_filter1d(((WOMEN if singer.female else MEN) * singer.tract_scale)[vowels], 8, axis=0)
    shape = tract(formants, singer.tract_scale, singer.ring, singer.brilliance)
    return np.stack([_istft(_stft(channel) * shape, source.shape[1]) for channel in source])


def speech_envelope(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Analyse recorded speech `(channels, samples)`.

    Returns: its spectral envelope `(frames, BINS)`, flat source divided out (6 dB an octave), scaled to a mean of about 1, and
        how voiced each frame is, `(frames,)` in [0, 1]. Cepstral smoothing: 1.2 ms of quefrency.
    """
    magnitude = np.abs(_stft(audio.mean(axis=0))) + 1e-4
    cepstrum = irfft(np.log(magnitude), axis=1)
    keep = 52
    cepstrum[:, keep : WINDOW_SAMPLES - keep + 1] = 0
    smooth = np.exp(rfft(cepstrum, axis=1).real)
    low = smooth[:, (FREQUENCIES_HZ > 150) & (FREQUENCIES_HZ < 1200)].mean(axis=1)
    high = smooth[:, (FREQUENCIES_HZ > 3500) & (FREQUENCIES_HZ < 10000)].mean(axis=1)
    voicing = gaussian_filter1d(np.clip((low / (high + 1e-6) - 0.8) / 2.0, 0, 1), 1.0)
    envelope = smooth * np.maximum(FREQUENCIES_HZ / 300, 0.5) ** 0.9 / np.percentile(smooth, 97)
    return (2.0 * envelope).astype(np.float32), voicing.astype(np.float32)


def _borrowed(
    notes: tuple[Note, ...], speech: list[tuple[np.ndarray, np.ndarray]], frames: int, singer: Singer, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lay pieces of speech along the notes: `(frames, BINS)` and voicing `(frames,)`; formants move by the singer's scale."""
    shape, voicing = np.zeros((frames, BINS), np.float32), np.zeros(frames, np.float32)
    current, at = speech[0], 0.0
    bins = np.minimum(np.arange(BINS) / singer.tract_scale, BINS - 1).astype(np.int64)
    for index, note in enumerate(notes):
        begin = round(note.time_s * SAMPLE_RATE / HOP_SAMPLES)
        end_s = min(note.time_s + note.duration_s, notes[index + 1].time_s if index + 1 < len(notes) else np.inf)
        end = min(max(round(end_s * SAMPLE_RATE / HOP_SAMPLES), begin + 4), frames)
        if begin >= frames:
            break
        if at > len(current[0]) - 8 or (not note.tied and chance(rng, 0.25)):
            current = pick(rng, speech)
            at = between(rng, (0, 0.6)) * len(current[0])
        # long notes dwell on speech: at most 25 frames (0.3 s) of it a note
        span = min(end - begin, 25, len(current[0]) - at - 1)
        index_in = (at + np.linspace(0, 1, end - begin) ** 0.7 * span).astype(np.int64)
        shape[begin:end] = current[0][index_in][:, bins]
        voicing[begin:end] = current[1][index_in]
        at += span
    return gaussian_filter1d(shape, 0.7, axis=0), voicing
