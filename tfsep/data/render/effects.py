"""Effects of a track: equaliser, dynamics, distortion, modulation, echo, room.

Inside the renderer audio is planar, float32 `(channels, samples)`: gains that change by the sample then broadcast along the
long axis, which NumPy does several times faster than along two channels. Files are turned to `(samples, channels)` on writing.
The biquads follow R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients".
"""

from functools import lru_cache

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfilt

SAMPLE_RATE = 44100
BLOCK_SAMPLES = 32  # dynamics are computed at this coarser step: 0.7 ms, shorter than any attack used
ROOMS = 20


def db(gain_db: float) -> float:
    """Return the linear gain of `gain_db` decibels."""
    return float(10.0 ** (gain_db / 20.0))


def biquad(kind: str, frequency_hz: float, gain_db: float = 0.0, q: float = 0.707) -> np.ndarray:
    """Return one section `(1, 6)` for `sosfilt`.

    Args:
        kind: "peak", "low_shelf", "high_shelf", "low_pass" or "high_pass".
        frequency_hz: corner or centre; held under 0.45 of the sample rate.
        gain_db: boost of the shelves and the peak.
        q: quality factor.
    """
    omega = 2 * np.pi * min(frequency_hz, 0.45 * SAMPLE_RATE) / SAMPLE_RATE
    cos, alpha, a = np.cos(omega), np.sin(omega) / (2 * q), 10 ** (gain_db / 40)
    root = 2 * np.sqrt(a) * alpha
    if kind == "peak":
        section = [1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a]
    elif kind in ("low_shelf", "high_shelf"):
        s = 1 if kind == "low_shelf" else -1  # the two shelves mirror each other in the sign of the cosine
        section = [
            a * ((a + 1) - s * (a - 1) * cos + root),
            s * 2 * a * ((a - 1) - s * (a + 1) * cos),
            a * ((a + 1) - s * (a - 1) * cos - root),
            (a + 1) + s * (a - 1) * cos + root,
            -s * 2 * ((a - 1) + s * (a + 1) * cos),
            (a + 1) + s * (a - 1) * cos - root,
        ]
    elif kind == "low_pass":
        section = [(1 - cos) / 2, 1 - cos, (1 - cos) / 2, 1 + alpha, -2 * cos, 1 - alpha]
    elif kind == "high_pass":
        section = [(1 + cos) / 2, -(1 + cos), (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha]
    else:
        raise ValueError(f"kind={kind!r}: use peak, low_shelf, high_shelf, low_pass or high_pass")
    return (np.array(section) / section[3]).reshape(1, 6)


def equalise(audio: np.ndarray, *sections: np.ndarray) -> np.ndarray:
    """Filter `(channels, samples)` by biquads one after the other; no sections, no change."""
    if not sections:
        return audio
    return sosfilt(np.concatenate(sections), audio, axis=-1).astype(np.float32)


def block_levels(audio: np.ndarray) -> np.ndarray:
    """Return the greatest magnitude of each block of `BLOCK_SAMPLES`, over all channels: `(blocks,)`, the last one padded."""
    peaks = np.abs(audio).max(axis=0) if audio.ndim == 2 else np.abs(audio)
    padded = np.pad(peaks, (0, -len(peaks) % BLOCK_SAMPLES))
    return padded.reshape(-1, BLOCK_SAMPLES).max(axis=1)


def stretch_blocks(values: np.ndarray, samples: int, block_samples: int = BLOCK_SAMPLES) -> np.ndarray:
    """Interpolate one value a block to one a sample: float32 `(samples,)`; several times as fast as `np.interp`."""
    steps = np.linspace(0, 1, block_samples, endpoint=False, dtype=np.float32)
    values = values.astype(np.float32)
    after = np.append(values[1:], values[-1:])
    return (values[:, None] + (after - values)[:, None] * steps).reshape(-1)[:samples]


def release(needed_db: np.ndarray, fall_db_s: float) -> np.ndarray:
    """Hold `needed_db` (one a block) and let it fall by at most `fall_db_s` a second, as a running maximum of a ramp."""
    ramp = np.arange(len(needed_db)) * (fall_db_s * BLOCK_SAMPLES / SAMPLE_RATE)
    return np.maximum.accumulate(needed_db + ramp) - ramp


def compressor_gain(
    audio: np.ndarray, threshold_db: float, ratio: float, attack_s: float = 0.01, fall_db_s: float = 80.0
) -> np.ndarray:
    """Return the gain curve `(samples,)` of a feed-forward compressor; at most 1."""
    level_db = 20 * np.log10(block_levels(audio) + 1e-6)
    over_db = np.maximum(level_db - threshold_db, 0.0) * (1 - 1 / ratio)
    reduction_db = release(over_db, fall_db_s)
    smooth = uniform_filter1d(reduction_db, max(1, int(attack_s * SAMPLE_RATE / BLOCK_SAMPLES)), mode="nearest")
    return stretch_blocks(10 ** (-smooth / 20), audio.shape[-1])


def compress(
    audio: np.ndarray, threshold_db: float, ratio: float, attack_s: float = 0.01, fall_db_s: float = 80.0
) -> np.ndarray:
    """Compress `(channels, samples)` below its own peak: `threshold_db` is relative to the greatest sample."""
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 1e-6:
        return audio
    return audio * compressor_gain(audio / peak, threshold_db, ratio, attack_s, fall_db_s)


def limiter_gain(detector: np.ndarray, ceiling: float, fall_db_s: float = 60.0, lookahead_s: float = 0.003) -> np.ndarray:
    """Return a gain `(samples,)` in (0, 1] that holds `detector * gain` at or under `ceiling`.

    Args:
        detector: `(samples,)` or `(channels, samples)`, what must not exceed the ceiling.
        ceiling: linear, > 0.
        fall_db_s: speed of recovery.
        lookahead_s: the gain starts to fall so long before a peak; the mean over that time of a minimum held over it never
            exceeds the minimum.
    """
    needed_db = np.maximum(20 * np.log10((block_levels(detector) + 1e-9) / ceiling), 0.0)
    gain = 10 ** (-release(needed_db, fall_db_s) / 20)
    half = max(1, round(lookahead_s * SAMPLE_RATE / BLOCK_SAMPLES))
    held = minimum_filter1d(gain, 2 * half + 3, mode="nearest")  # one block more than the mean: samples lie between blocks
    return stretch_blocks(uniform_filter1d(held, 2 * half + 1, mode="nearest"), detector.shape[-1])


def saturate(audio: np.ndarray, drive_db: float, asymmetry: float = 0.0) -> np.ndarray:
    """Bend the peaks by tanh.

    Args:
        audio: `(channels, samples)`.
        drive_db: >= 0; the greatest sample is driven so far over 1.
        asymmetry: 0 to 0.5, adds even harmonics.
    """
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < 1e-6:
        return audio
    driven = np.tanh(audio * np.float32(db(drive_db) / peak) + np.float32(asymmetry)) - np.float32(np.tanh(asymmetry))
    if asymmetry:
        driven = equalise(driven, biquad("high_pass", 20))  # an asymmetric curve makes DC that follows the level
    return driven * np.float32(peak)


def crush(audio: np.ndarray, bits: int, hold_samples: int) -> np.ndarray:
    """Reduce to `bits` of amplitude and hold each `hold_samples`-th sample."""
    peak = max(float(np.abs(audio).max(initial=0.0)), 1e-6)
    steps = np.float32(2 ** (bits - 1) / peak)
    held = np.repeat(audio[:, ::hold_samples], hold_samples, axis=1)[:, : audio.shape[1]]
    return np.round(held * steps) / steps


def chorus(audio: np.ndarray, rate_hz: float, depth_s: float, mix: float, delay_s: float = 0.012) -> np.ndarray:
    """Add copies whose delay swings; the channels swing against each other, so that mono becomes wide.

    Args:
        audio: `(channels, samples)`, one or two channels.
        rate_hz: speed of the swing. depth_s: its size. delay_s: its middle. mix: level of the copies.
    Returns: float32 `(2, samples)`.
    """
    samples = audio.shape[1]
    knots = np.arange(0, samples + 64, 64)
    positions = np.arange(samples, dtype=np.int32)
    out = np.empty((2, samples), np.float32)
    for channel in range(2):
        source = audio[channel % len(audio)]
        swing = depth_s * np.sin(2 * np.pi * rate_hz * knots / SAMPLE_RATE + channel * np.pi / 2)
        delay = stretch_blocks((delay_s + swing) * SAMPLE_RATE, samples, 64)
        whole = delay.astype(np.int32)
        index = positions - whole
        near, far = source[np.maximum(index, 0)], source[np.maximum(index - 1, 0)]
        out[channel] = source + np.float32(mix) * (near + (delay - whole) * (far - near))
    return out


def ping_pong(audio: np.ndarray, delay_s: float, feedback: float, mix: float) -> np.ndarray:
    """Return the echoes alone, `(2, samples)`: dark copies of the middle, left and right in turn."""
    samples = audio.shape[1]
    middle = equalise(audio.mean(axis=0, keepdims=True), biquad("high_pass", 250), biquad("low_pass", 4500))[0]
    out = np.zeros((2, samples), np.float32)
    gain, start = mix, 0
    for echo in range(8):
        start += round(delay_s * SAMPLE_RATE)
        if start >= samples or gain < 0.02:
            break
        out[echo % 2, start:] += np.float32(gain) * middle[: samples - start]
        out[1 - echo % 2, start:] += np.float32(0.35 * gain) * middle[: samples - start]
        gain *= feedback
    return out


@lru_cache(maxsize=ROOMS)
def room(index: int) -> np.ndarray:
    """Return the impulse response `(2, samples)` of one of `ROOMS` rooms: early reflections, then noise that decays.

    Rooms are numbered from dry and small (0) to large halls and bright plates; highs decay faster than lows. The energy is 1.
    """
    rng = np.random.default_rng(7919 + index)
    decay_s = 0.2 * 15 ** (index / (ROOMS - 1))  # time to fall by 60 dB: 0.2 to 3 s
    samples = int(min(0.8 * decay_s, 1.6) * SAMPLE_RATE)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE
    tail = np.zeros((2, samples), np.float32)
    edges_hz = (120, 900, 4000, 14000)
    for band, scale in enumerate(rng.uniform((0.8, 0.8, 0.35), (1.2, 1.0, 0.8))):
        sos = butter(2, edges_hz[band : band + 2], "bandpass", fs=SAMPLE_RATE, output="sos")
        noise = sosfilt(sos, rng.standard_normal((2, samples)).astype(np.float32))
        tail += noise * np.exp(-6.91 * time_s / (decay_s * scale)) * rng.uniform(0.6, 1.2)
    pre_delay = int(rng.uniform(0.002, 0.03) * SAMPLE_RATE)
    ramp = min(int(rng.uniform(0.002, 0.02) * SAMPLE_RATE), samples - pre_delay - 1)
    tail = np.roll(tail, pre_delay, axis=1)
    tail[:, :pre_delay] = 0
    tail[:, pre_delay : pre_delay + ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
    scale = float(np.abs(tail).max())
    for _ in range(rng.integers(4, 12)):
        at = int(rng.uniform(0.003, 0.06) * SAMPLE_RATE)
        if at < samples:
            tail[rng.integers(2), at] += scale * rng.uniform(0.3, 1.5) * rng.choice((-1, 1))
    tail[:, -256:] *= np.linspace(1, 0, 256, dtype=np.float32)
    return (tail / np.sqrt((tail**2).sum() / 2)).astype(np.float32)


@lru_cache(maxsize=ROOMS)
def _room_spectrum(index: int, size: int) -> np.ndarray:
    return rfft(room(index), size)


def reverberate(send: np.ndarray, room_index: int) -> np.ndarray:
    """Convolve `send` `(samples,)` with a room: the wet sound alone, `(2, samples)`; the tail beyond the end is cut."""
    samples = len(send)
    size = next_fast_len(samples + room(room_index).shape[1], real=True)
    return irfft(rfft(send, size) * _room_spectrum(room_index, size), size)[:, :samples].astype(np.float32)


def duck_gain(samples: int, kicks_s: list[float], depth: float, recovery_s: float) -> np.ndarray:
    """Return the gain `(samples,)` of a side chain: down by `depth` (0 to 1) at each kick, back within `recovery_s`."""
    blocks = -(-samples // BLOCK_SAMPLES)
    reduction = np.zeros(blocks)
    length = max(2, int(recovery_s * SAMPLE_RATE / BLOCK_SAMPLES))
    dip = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, length))
    for kick_s in kicks_s:
        start = int(kick_s * SAMPLE_RATE / BLOCK_SAMPLES)
        piece = reduction[max(start, 0) : start + length]
        np.maximum(piece, dip[: len(piece)], out=piece)
    return stretch_blocks(1 - depth * uniform_filter1d(reduction, 5, mode="nearest"), samples)


def widen(audio: np.ndarray, amount: float) -> np.ndarray:
    """Scale the side of `(2, samples)`: 0 mono, 1 unchanged, more is wider."""
    middle, side = 0.5 * (audio[0] + audio[1]), np.float32(0.5 * amount) * (audio[0] - audio[1])
    return np.stack([middle + side, middle - side])


def pan_gains(position: float) -> tuple[np.float32, np.float32]:
    """Return the left and right gain of constant power for `position` from -1 (left) to 1 (right); 1 each in the middle."""
    angle = (np.clip(position, -1, 1) + 1) * np.pi / 4
    return np.float32(np.sqrt(2) * np.cos(angle)), np.float32(np.sqrt(2) * np.sin(angle))
