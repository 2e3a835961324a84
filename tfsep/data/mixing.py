"""Training crops, mixed on the fly: the one place where tracks are mixed and augmented.

Example `i` of batch `k` depends only on the seed, `k` and `i`, so that a resumed run sees what an uninterrupted one would have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from tfsep.contract import residual_stem
from tfsep.data.cache import CachedTrack
from tfsep.errors import DataError

EQUALISER_POINTS = 8  # evenly spaced on a logarithmic frequency axis
ALL = slice(None)  # of a batch


@dataclass(frozen=True, kw_only=True)
class MixingConfig:
    """How crops are drawn and changed. Gains in dB, probabilities in [0, 1].

    Raises: ValueError from a field out of range.
    """

    remix_probability: float = 0.75  # stems of different songs together, rather than those of one song
    song_gain_db: float = 6.0  # of the whole crop, +-
    stem_gain_db: float = 4.0  # of each stem of one song, +-
    remix_gain_db: float = 10.0  # of each stem in a remix, +-, after all were brought to like loudness
    swap_probability: float = 0.5  # left and right
    invert_probability: float = 0.5  # polarity of one stem, in a remix
    speed_probability: float = 0.5  # pitch and tempo together, by resampling
    speed_range: float = 0.12  # +-, as a ratio
    equaliser_probability: float = 0.75  # of each stem
    equaliser_db: float = 4.0  # standard deviation of the gain at each of `EQUALISER_POINTS`

    def __post_init__(self):
        for name in (
            "remix_probability",
            "swap_probability",
            "invert_probability",
            "speed_probability",
            "equaliser_probability",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 0 to 1")
        if not 0 <= self.speed_range < 0.5:
            raise ValueError(f"speed_range={self.speed_range}: use 0 to less than 0.5")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "MixingConfig":
        """Build a configuration from its fields. Raises: ValueError for unknown fields or values out of range."""
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"mixing fields {', '.join(unknown)} are unknown: use {', '.join(cls.__dataclass_fields__)}")
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Tracks that are drawn with one weight: a data folder."""

    tracks: tuple[CachedTrack, ...]
    weight: float = 1.0


class CropMixer:
    """Draws crops.

    A stem that a track has no file for may lie in its `other`. In crops with such an `other` the missing stems are marked as
    not known: of them, the loss may only use the sum with `other`. Recordings of drums alone and without drums take part in
    remixes, the latter as `other`, which is known to hold no drums.

    Args:
        pools: where to draw from, by weight; within a pool each second of audio is as likely as any other.
        stems: order of the stems in a batch. `accompaniment` stands for all stems of a track that are not asked for by name.
        samples: length of a crop.

    Raises: DataError if no track has one of the stems; ValueError for a pool's weight that is not positive.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        *,
        stems: Sequence[str],
        samples: int,
        channels: int,
        config: MixingConfig,
        seed: int,
    ):
        self.pools, self.stems, self.samples, self.channels = tuple(pools), tuple(stems), samples, channels
        self.config, self.seed = config, seed
        self.residual = residual_stem(self.stems)
        for stem in self.stems:
            if not any(track.parts(stem, self.stems) for pool in self.pools for track in pool.tracks):
                raise DataError(f"no song in the data has the stem {stem}: add songs that have, or train other stems")
        for pool in self.pools:
            if not any(track.parts(stem, self.stems) for track in pool.tracks for stem in self.stems):
                held = ", ".join(sorted({stem for track in pool.tracks for stem in track.stems}))
                raise DataError(f"{pool.tracks[0].name} and {len(pool.tracks) - 1} more hold {held}, of which none of "
                                f"{', '.join(self.stems)} can be learnt: leave their folder out, or name it for another use")  # fmt: skip
        weights = np.array([pool.weight for pool in self.pools], np.float64)
        if not (np.isfinite(weights).all() and weights.min() > 0):
            raise ValueError(f"weights of pools are {weights.tolist()}: use positive numbers")
        self._pool_odds = weights / weights.sum()
        multitracks = any(_is_multitrack(track) for pool in self.pools for track in pool.tracks)
        self._remix_probability = config.remix_probability if multitracks or len(self.stems) == 1 else 1.0
        self._track_odds = []
        for pool in self.pools:
            lengths = np.array([track.length for track in pool.tracks], np.float64)
            self._track_odds.append(lengths / lengths.sum())

    def batch(self, index: int, size: int, share: slice = ALL) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch.

        Args:
            share: the examples of it that are wanted.
        Returns: audio float32 `(size, stems, channels, samples)`; known float32 `(size, stems)`, 1 or 0.
        """
        items = range(size)[share]
        audio = np.zeros((len(items), len(self.stems), self.channels, self.samples), np.float32)
        known = np.ones((len(items), len(self.stems)), np.float32)
        for row, item in enumerate(items):
            rng = np.random.default_rng((self.seed, index, item))
            known[row] = self._example(audio[row], rng)
        return audio, known

    def equaliser(self, index: int, size: int, share: slice = ALL) -> np.ndarray:
        """Return the random equaliser of each stem of a batch, for whoever transforms it: dB, float32 `(size, stems, points)`."""
        config, items = self.config, range(size)[share]
        gains = np.zeros((len(items), len(self.stems), EQUALISER_POINTS), np.float32)
        for row, item in enumerate(items):
            rng = np.random.default_rng((self.seed, index, item, 1))
            chosen = rng.random(len(self.stems)) < config.equaliser_probability
            gains[row, chosen] = rng.normal(0, config.equaliser_db, (chosen.sum(), EQUALISER_POINTS))
        return gains

    def _example(self, out: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        config = self.config
        speed = 1.0
        if rng.random() < config.speed_probability:
            speed = 1 + rng.uniform(-config.speed_range, config.speed_range)
        if rng.random() < self._remix_probability:
            residual = self._remix(out, rng, speed)
        else:
            residual = self._song(out, rng, speed)
        out *= 10 ** (rng.uniform(-config.song_gain_db, config.song_gain_db) / 20)
        peak = np.abs(out.sum(axis=0)).max()
        if peak > 1:  # as loud as a file can hold
            out /= peak
        return np.array([residual.tells(stem, self.stems) for stem in self.stems], np.float32)

    def _song(self, out: np.ndarray, rng: np.random.Generator, speed: float) -> CachedTrack:
        """Fill `out` with the stems of one song; return the track that the residual stem comes from."""
        track = self._draw(rng, self.stems[0] if len(self.stems) == 1 else None)
        start = self._start(track, rng, speed)
        swap = rng.random() < self.config.swap_probability
        for position, stem in enumerate(self.stems):
            gain = 10 ** (rng.uniform(-self.config.stem_gain_db, self.config.stem_gain_db) / 20)
            if track.parts(stem, self.stems):
                out[position] = self._crop(track, stem, start, speed)[:: -1 if swap else 1] * gain
        return track

    def _remix(self, out: np.ndarray, rng: np.random.Generator, speed: float) -> CachedTrack:
        """Fill `out` with stems of different songs; return the track that the residual stem comes from."""
        config = self.config
        for position, stem in enumerate(self.stems):
            track = self._draw(rng, stem)
            crop = self._crop(track, stem, self._start(track, rng, speed), speed)
            loudness = np.sqrt(np.mean(crop**2))
            level = 10 ** (rng.uniform(-config.remix_gain_db, config.remix_gain_db) / 20) * 0.07
            gain = level / loudness if loudness > 1e-3 else 1.0  # what is nearly silent stays so
            gain *= -1 if rng.random() < config.invert_probability else 1
            swap = rng.random() < config.swap_probability
            out[position] = crop[:: -1 if swap else 1] * gain
            if stem == self.residual:
                residual = track
        if residual.stems == ("accompaniment",):  # finished music: more bass and more voices would crowd it
            out[[not residual.tells(stem, self.stems) for stem in self.stems]] = 0
        return residual

    def _draw(self, rng: np.random.Generator, stem: str | None = None) -> CachedTrack:
        """Draw a track that has `stem` or, if none is given, a multitrack."""
        while True:
            pool = int(rng.choice(len(self.pools), p=self._pool_odds))
            track = self.pools[pool].tracks[int(rng.choice(len(self._track_odds[pool]), p=self._track_odds[pool]))]
            if track.parts(stem, self.stems) if stem else _is_multitrack(track):
                return track

    def _start(self, track: CachedTrack, rng: np.random.Generator, speed: float) -> int:
        return int(rng.integers(0, max(1, track.length - self._source_samples(speed) + 1)))

    def _source_samples(self, speed: float) -> int:
        return self.samples if speed == 1 else int(np.ceil(self.samples * speed)) + 64

    def _crop(self, track: CachedTrack, stem: str, start: int, speed: float) -> np.ndarray:
        """Return float32 `(channels, samples)`, silence after the end of a short track."""
        audio = track.read(stem, self.stems, start, self._source_samples(speed))
        if speed != 1:
            audio = soxr.resample(audio, speed, 1.0, quality="MQ")
        out = np.zeros((self.channels, self.samples), np.float32)
        audio = audio[: self.samples]
        out[:, : len(audio)] = audio.T
        return out


def _is_multitrack(track: CachedTrack) -> bool:
    return len(track.stems) > 1
