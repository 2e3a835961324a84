"""Balance of the stems, and the mastered bus: one filter and one gain curve for every stem, so that they sum to the mix."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import sosfilt

from tfsep.data.render.chance import between, chance, pick_weighted
from tfsep.data.render.effects import SAMPLE_RATE, biquad, compressor_gain, db, equalise, limiter_gain

STEMS = ("drums", "bass", "other", "vocals")
CEILING_DB = -0.3
FULL_SCALE = 32767
# ITU-R BS.1770 weighting at half the sample rate, close enough to balance by: a shelf above 1.5 kHz, a cut under 40 Hz
WEIGHTING = np.concatenate([biquad("high_shelf", 2 * 1680, 4.0), biquad("high_pass", 2 * 38, q=0.5)])
# loudness of a stem relative to the vocals, mean and deviation in dB: chosen, not measured; wide, to cover unusual mixes
BALANCE_DB = {"drums": (0.0, 3.0), "bass": (-4.5, 2.5), "other": (-2.5, 3.0), "vocals": (0.0, 2.0)}


@dataclass(frozen=True, kw_only=True)
class Master:
    """The settings of the bus; drawn by `draw_master`."""

    loudness_db: float  # K-weighted, gated, of the mixture before the limiter
    low_shelf_db: float
    high_shelf_db: float
    tilt_hz: float
    glue_db: float  # how far the compressor's threshold is under the peak; 0 switches it off
    glue_ratio: float
    glue_fall_db_s: float
    clip: bool  # soft clipping before the limiter


def draw_master(rng: np.random.Generator) -> Master:
    """Draw a bus between a quiet, open mix and a loud, dense one."""
    return Master(
        loudness_db=pick_weighted(rng, [(between(rng, (-20, -14)), 0.35), (between(rng, (-14, -7)), 0.65)]),
        low_shelf_db=between(rng, (-3, 3)) if chance(rng, 0.5) else 0.0,
        high_shelf_db=between(rng, (-4, 4)) if chance(rng, 0.5) else 0.0,
        tilt_hz=between(rng, (2500, 8000)),
        glue_db=between(rng, (6, 18)) if chance(rng, 0.6) else 0.0,
        glue_ratio=between(rng, (1.3, 3)),
        glue_fall_db_s=between(rng, (20, 120)),
        clip=chance(rng, 0.4),
    )


def loudness_db(audio: np.ndarray) -> float:
    """Return the gated loudness of `(2, samples)` in the manner of BS.1770 (blocks 10 dB under the mean are left out).

    Computed at half the rate, on blocks of 0.1 s; -120 for silence.
    """
    weighted = sosfilt(WEIGHTING, audio[:, ::2], axis=-1)
    block = SAMPLE_RATE // 20
    count = max(1, weighted.shape[1] // block)
    power = (weighted[:, : count * block] ** 2).reshape(2, count, -1).mean(axis=2).sum(axis=0)
    power = power[power > 1e-9]
    if not len(power):
        return -120.0
    return float(10 * np.log10(power[power > 0.1 * power.mean()].mean()))


def active_level_db(audio: np.ndarray) -> float:
    """Return the RMS of `(channels, samples)` where it sounds: blocks of 50 ms within 20 dB of the mean; -120 for silence."""
    every_other = audio[:, ::2]
    block = SAMPLE_RATE // 40
    count = max(1, every_other.shape[1] // block)
    power = (every_other[:, : count * block] ** 2).reshape(len(audio), count, -1).mean(axis=(0, 2))
    loud = power[power > 0.01 * power.mean() + 1e-12]
    return float(10 * np.log10(loud.mean() + 1e-12)) if len(loud) else -120.0


def balance(stems: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Scale each stem to a drawn loudness; silent ones stay silent."""
    balanced = {}
    for stem in STEMS:
        middle, spread = BALANCE_DB[stem]
        wanted_db = -20 + middle + float(np.clip(rng.normal(0, spread), -2.2 * spread, 2.2 * spread))
        heard_db = loudness_db(stems[stem])
        balanced[stem] = stems[stem] * np.float32(db(wanted_db - heard_db)) if heard_db > -100 else stems[stem]
    return balanced


def master(stems: dict[str, np.ndarray], settings: Master) -> dict[str, np.ndarray]:
    """Process the bus.

    Args:
        stems: float32 `(2, samples)` each.
        settings: the bus.
    Returns: the stems after the same filter and the same gain curve; neither they nor their sum exceed the ceiling.
    """
    sections = []
    if settings.low_shelf_db:
        sections.append(biquad("low_shelf", 110, settings.low_shelf_db))
    if settings.high_shelf_db:
        sections.append(biquad("high_shelf", settings.tilt_hz, settings.high_shelf_db))
    stems = {stem: equalise(audio, *sections) if audio.any() else audio for stem, audio in stems.items()}
    mixture = sum(stems.values())
    peak = float(np.abs(mixture).max())
    if peak < 1e-6:
        return stems
    gain = np.float32(db(settings.loudness_db - loudness_db(mixture)))
    curve = np.full(mixture.shape[1], gain, np.float32)
    if settings.glue_db:
        glue = compressor_gain(mixture / peak, -settings.glue_db, settings.glue_ratio, 0.02, settings.glue_fall_db_s)
        curve *= glue * np.float32(db(settings.glue_db * (1 - 1 / settings.glue_ratio) * 0.5))
    detector = np.maximum.reduce([np.abs(audio).max(axis=0) for audio in (mixture, *stems.values())]) * curve
    if settings.clip:
        over = np.maximum(detector / 0.7 - 1, 0)  # above 0.7 the level bends towards 1.2; a gain, so that stems still add up
        bent = np.where(over > 0, 0.7 + 0.5 * np.tanh(over * 1.4), detector)
        shape = np.where(over > 0, bent / np.maximum(detector, 1e-6), 1).astype(np.float32)
        curve *= shape
        detector *= shape
    curve *= limiter_gain(detector, db(CEILING_DB))
    return {stem: audio * curve for stem, audio in stems.items()}


def quantise(stems: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Round stems to 16 bits and add them up.

    Args:
        stems: float32 `(2, samples)`, each and their sum at most `CEILING_DB`.
    Returns: int16 stems and their exact sum, each `(samples, 2)`, as files hold them.
    """
    rounded = {stem: np.rint(audio.T * FULL_SCALE).astype(np.int16, order="C") for stem, audio in stems.items()}
    total = sum(audio.astype(np.int32) for audio in rounded.values())
    return rounded, total.astype(np.int16)
