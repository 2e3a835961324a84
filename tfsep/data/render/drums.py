"""Synthesised drums, in the manner of analogue machines: `SYNTHESISERS[piece]` lists (name, function).

Each function takes (rng, tuning ratio, piece number) and returns variants, float32 `(1, samples)`, peak near 1.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, sosfilt

from tfsep.data.render.chance import between, chance
from tfsep.data.render.effects import SAMPLE_RATE

Synthesiser = Callable[[np.random.Generator, float, int], list[np.ndarray]]
METAL_HZ = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0])  # the six square oscillators of the TR-808's cymbals


def _time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE


def _band(noise: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    return sosfilt(butter(2, (low_hz, min(high_hz, 20000)), "bandpass", fs=SAMPLE_RATE, output="sos"), noise)


def _done(audio: np.ndarray) -> list[np.ndarray]:
    audio = audio / max(float(np.abs(audio).max()), 1e-6)
    audio[:24] *= np.linspace(0, 1, 24)
    fade = min(300, len(audio))
    audio[-fade:] *= np.linspace(1, 0, fade)
    return [audio.astype(np.float32)[None]]


def kick(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """A sine that falls in pitch, with a click; short and hard or long and low."""
    decay_s = between(rng, (0.08, 0.5))
    time_s = _time(min(1.2, 5 * decay_s))
    base_hz, sweep_hz = tuning * between(rng, (40, 62)), between(rng, (60, 400))
    frequency = base_hz + sweep_hz * np.exp(-time_s / between(rng, (0.008, 0.04)))
    body = np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE + 0.4) * np.exp(-time_s / decay_s)
    click = rng.standard_normal(len(time_s)) * np.exp(-time_s / between(rng, (0.001, 0.006))) * between(rng, (0, 0.4))
    return _done(np.tanh(between(rng, (1, 4)) * (body + click)))


def snare(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Two modes of the skin and the noise of the wires."""
    time_s = _time(0.5)
    base_hz = tuning * between(rng, (150, 230))
    modes = np.sin(2 * np.pi * base_hz * time_s) + 0.6 * np.sin(2 * np.pi * 1.78 * base_hz * time_s + 1)
    modes *= np.exp(-time_s / between(rng, (0.03, 0.09)))
    wires = _band(rng.standard_normal(len(time_s)), between(rng, (700, 2500)), between(rng, (8000, 16000)))
    wires *= np.exp(-time_s / between(rng, (0.05, 0.16)))
    return _done(np.tanh(between(rng, (0.8, 2)) * (between(rng, (0.3, 0.9)) * modes + 1.2 * wires)))


def _metal(rng: np.random.Generator, time_s: np.ndarray, tuning: float) -> np.ndarray:
    tone = np.zeros(len(time_s))
    for frequency in METAL_HZ * tuning * between(rng, (0.9, 1.5)):
        tone += np.sign(np.sin(2 * np.pi * frequency * time_s + rng.uniform(0, 6)))
    return tone + between(rng, (0.5, 4)) * rng.standard_normal(len(time_s))


def closed_hat(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Metal and noise through a high band, short."""
    time_s = _time(0.25)
    return _done(
        _band(_metal(rng, time_s, tuning), between(rng, (5000, 8500)), 18000) * np.exp(-time_s / between(rng, (0.015, 0.05)))
    )


def open_hat(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """The same, longer."""
    time_s = _time(1.0)
    return _done(
        _band(_metal(rng, time_s, tuning), between(rng, (4500, 8000)), 18000) * np.exp(-time_s / between(rng, (0.12, 0.3)))
    )


def crash(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """A wide band of metal that decays slowly."""
    time_s = _time(2.8)
    decay = np.exp(-time_s / between(rng, (0.4, 0.9))) + 0.6 * np.exp(-time_s / 0.05)
    return _done(_band(_metal(rng, time_s, tuning), between(rng, (1500, 4500)), 17000) * decay)


def ride(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Inharmonic partials with a ping of the stick."""
    time_s = _time(2.0)
    partials = np.zeros(len(time_s), np.float32)
    for frequency in rng.uniform(400, 9000, 24):
        partials += np.sin(2 * np.pi * frequency * tuning * time_s + rng.uniform(0, 6)) * np.exp(
            -time_s / rng.uniform(0.1, 0.7)
        )
    ping = _band(rng.standard_normal(len(time_s)), 3000, 12000) * np.exp(-time_s / 0.012)
    return _done(partials / 6 + 2 * ping)


def tom(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """A sine that falls a little, with a skin noise."""
    decay_s = between(rng, (0.12, 0.35))
    time_s = _time(4 * decay_s)
    base_hz = tuning * (170, 125, 85)[min(piece, 2)] * between(rng, (0.85, 1.15))
    frequency = base_hz * (1 + between(rng, (0.2, 0.8)) * np.exp(-time_s / 0.05))
    body = np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE) * np.exp(-time_s / decay_s)
    skin = _band(rng.standard_normal(len(time_s)), 200, 3000) * np.exp(-time_s / 0.03)
    return _done(body + between(rng, (0.05, 0.4)) * skin)


def clap(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Three or four bursts of noise, 10 ms apart, and a tail."""
    time_s = _time(0.5)
    envelope = np.zeros(len(time_s))
    gap_s, bursts = between(rng, (0.007, 0.013)), int(rng.integers(2, 5))
    for burst in range(bursts):
        start = int(burst * gap_s * SAMPLE_RATE)
        decay_s = 0.006 if burst < bursts - 1 else between(rng, (0.05, 0.15))
        envelope[start:] = np.maximum(envelope[start:], np.exp(-time_s[: len(time_s) - start] / decay_s))
    low_hz = tuning * between(rng, (700, 1300))
    return _done(_band(rng.standard_normal(len(time_s)), low_hz, low_hz * between(rng, (2, 6))) * envelope)


def shaker(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Three strokes of high noise that swells for some milliseconds."""
    strokes = []
    low_hz = between(rng, (3500, 7000))
    for _ in range(3):
        time_s = _time(0.16)
        envelope = (1 - np.exp(-time_s / 0.006)) * np.exp(-time_s / between(rng, (0.02, 0.04)))
        strokes += _done(_band(rng.standard_normal(len(time_s)), low_hz, 15000) * envelope)
    return strokes


def rim(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Two short high modes."""
    time_s = _time(0.08)
    base_hz = tuning * between(rng, (400, 1800))
    tone = np.sin(2 * np.pi * base_hz * time_s) + np.sin(2 * np.pi * 2.73 * base_hz * time_s)
    return _done(np.tanh(2 * tone * np.exp(-time_s / between(rng, (0.006, 0.02)))))


def cowbell(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """Two square waves a rough fifth apart through a band."""
    time_s = _time(0.5)
    base_hz = tuning * between(rng, (480, 620))
    tone = np.sign(np.sin(2 * np.pi * base_hz * time_s)) + np.sign(np.sin(2 * np.pi * 1.48 * base_hz * time_s))
    return _done(_band(tone, 600, 5000) * (np.exp(-time_s / 0.02) + 0.5 * np.exp(-time_s / between(rng, (0.05, 0.15)))))


def hand_drum(rng: np.random.Generator, tuning: float, piece: int) -> list[np.ndarray]:
    """A conga or bongo: a damped mode with a slap."""
    time_s = _time(0.6)
    base_hz = tuning * (between(rng, (250, 480)) if piece == 1 else between(rng, (110, 230)))
    body = np.sin(2 * np.pi * base_hz * time_s + 0.3) * np.exp(-time_s / between(rng, (0.04, 0.14)))
    body += 0.4 * np.sin(2 * np.pi * 1.6 * base_hz * time_s) * np.exp(-time_s / 0.03)
    slap = _band(rng.standard_normal(len(time_s)), 800, 6000) * np.exp(-time_s / 0.008)
    return _done(body + (0.8 if chance(rng, 0.3) else 0.2) * slap)


SYNTHESISERS: dict[str, list[tuple[str, Synthesiser]]] = {
    "kick": [("synthesised kick", kick)],
    "snare": [("synthesised snare", snare), ("synthesised snare", snare), ("synthesised clap", clap)],
    "closed_hat": [("synthesised closed hat", closed_hat)],
    "open_hat": [("synthesised open hat", open_hat)],
    "crash": [("synthesised crash", crash)],
    "ride": [("synthesised ride", ride)],
    "tom": [("synthesised tom", tom)],
    "shaker": [("synthesised shaker", shaker)],
    "high_drum": [("synthesised hand drum", hand_drum)],
    "low_drum": [("synthesised hand drum", hand_drum)],
    "clap": [("synthesised clap", clap)],
    "rim": [("synthesised rim", rim)],
    "bell": [("synthesised cowbell", cowbell)],
}
