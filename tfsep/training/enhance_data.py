"""Batches for a super-resolution network, cut out of prepared examples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tfsep.contract_enhance import EnhanceContract
from tfsep.dsp.replication import network_input

GAIN_DB = (-14.0, 6.0)  # of a crop, so that levels are no clue
LOWER_SHARE = 0.6  # of crops that are cut off lower than their example was


@dataclass(frozen=True)
class ExampleSet:
    """Pairs of degraded and full sound, one channel each, as compressed magnitudes.

    Attributes:
        degraded, target: float16 `(examples, frames, bins)`, `log1p(feature_gain * magnitude)`.
        first_bin: int `(examples,)`, from where the degraded sound is to be restored.
        holes: bits `(examples, frames, bins / 8)`, cells below it that are to be restored too.
        recording: int `(examples,)`, a number for each recording that examples are from.
    """

    degraded: np.ndarray
    target: np.ndarray
    first_bin: np.ndarray
    holes: np.ndarray
    recording: np.ndarray

    ARRAYS: ClassVar[tuple[str, ...]] = ("degraded", "target", "first_bin", "holes", "recording")

    def __len__(self) -> int:
        return len(self.first_bin)

    def divided(self, set_aside: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the examples to learn from and of those set aside, which are from other recordings.

        Args:
            set_aside: how many at least, so long as one recording is left to learn from; recordings stay whole, so it may be more.
        """
        held_out: list[np.ndarray] = []
        for number in np.random.default_rng(seed).permutation(np.unique(self.recording))[:-1]:
            if sum(map(len, held_out)) >= set_aside:
                break
            held_out.append(np.flatnonzero(self.recording == number))
        scored = np.sort(np.concatenate([np.zeros(0, int), *held_out]))
        return np.setdiff1d(np.arange(len(self)), scored), scored


class EnhanceBatches:
    """Draws batches; batch `k` depends on the seed and `k` alone.

    Args:
        indices: of the examples to draw from.
        frames: of a crop.
    """

    def __init__(
        self, examples: ExampleSet, indices: np.ndarray, contract: EnhanceContract, *, batch: int, frames: int, seed: int
    ):
        self._examples, self._indices, self._contract = examples, indices, contract
        self._batch, self._frames, self._seed = batch, frames, seed
        self._lowest_bin = contract.first_bin(contract.lowest_cutoff_hz)

    def batch(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the network's input `(batch, frames, bins, 3)` and the full sound's compressed magnitudes, float32, one channel."""
        rng = np.random.default_rng([self._seed, index])
        pairs = [self._crop(rng) for _ in range(self._batch)]
        return tuple(np.stack(arrays) for arrays in zip(*pairs, strict=True))

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        examples, spec = self._examples, self._contract.spec
        index = int(rng.choice(self._indices))
        start = int(rng.integers(0, examples.degraded.shape[1] - self._frames + 1))
        rows = slice(start, start + self._frames)
        gain = np.float32(10 ** (rng.uniform(*GAIN_DB) / 20))
        degraded, target = (
            np.log1p(gain * np.expm1(sound[index, rows].astype(np.float32))) for sound in (examples.degraded, examples.target)
        )
        first_bin, holes = int(examples.first_bin[index]), None
        if examples.holes[index, rows].any():
            holes = np.unpackbits(examples.holes[index, rows], axis=1).astype(bool)
        elif rng.random() < LOWER_SHARE:
            first_bin = round(self._lowest_bin * (first_bin / self._lowest_bin) ** rng.random())
        return network_input(degraded, first_bin, spec, holes), target[:, :, np.newaxis]
