"""What the drum sampler learns from: grids of varied hits, and the same hits as they look in a separated stem.

Worker processes make hits of sound; each is kept in a pool for a while, and each time it is drawn it gets another filter,
another envelope and other damage, which on grids cost little.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.data.drum_shots import DrumShots, training_kits
from tfsep.data.render.material import Material
from tfsep.dsp.hit_grid import HitGrid, growing_edges

CHUNK_HITS = 56  # eight of each drum
AHEAD = 3  # chunks that are being made while others are learnt from
JITTER_FRAMES = 2  # by which the onset of a damaged hit is misjudged at most
NEIGHBOUR_FRAMES = (6, 200)  # how far away the other hit of a damaged one begins
_EQUALISER_KNOTS, _HOLE_KNOTS = 6, (8, 10)


class Chunk(NamedTuple):
    """Hits as grids, float16 `(hits, cells, bands)`.

    Attributes:
        clean: as they were made.
        late: the same, up to `JITTER_FRAMES` early or late.
        other: another drum's hit, as it lies in the same clip in a song: begun before or after.
        drums: indices in the contract's `drums`.
    """

    clean: np.ndarray
    late: np.ndarray
    other: np.ndarray
    drums: np.ndarray


class HitMaker:
    """Makes chunks; chunk `n` of a seed is always the same."""

    def __init__(self, contract: DrumSamplerContract, shots: DrumShots):
        self._contract, self._shots, self._grid = contract, shots, HitGrid(contract)

    def chunk(self, seed: int, number: int, hits: int = CHUNK_HITS) -> Chunk:
        """Return chunk `number`, the drums in turn."""
        rng = np.random.default_rng((seed, number))
        drums = np.arange(hits) % len(self._contract.drums)
        powers = []
        for drum in drums:
            spectrum = self._grid.spectrum(self._shots.varied(self._contract.drums[drum], rng))
            powers.append(self._grid.band_powers(spectrum))
        order = rng.permutation(hits)
        clean, late, other = [], [], []
        for index, own in enumerate(powers):
            away = int(rng.integers(*NEIGHBOUR_FRAMES)) * int(rng.choice((-1, 1)))
            clean.append(self._grid.from_band_powers(own))
            late.append(self._grid.from_band_powers(_moved(own, int(rng.integers(-JITTER_FRAMES, JITTER_FRAMES + 1)))))
            other.append(self._grid.from_band_powers(_moved(powers[order[index]], away)))
        return Chunk(*(np.stack(grids).astype(np.float16) for grids in (clean, late, other)), drums)


def _moved(powers: np.ndarray, frames: int) -> np.ndarray:
    """Begin `(frames, bands)` later by some frames, or earlier."""
    moved = np.zeros_like(powers)
    if frames >= 0:
        moved[frames:] = powers[: len(powers) - frames]
    else:
        moved[:frames] = powers[-frames:]
    return moved


_maker: HitMaker | None = None  # of a worker process


def _begin(contract: DrumSamplerContract, material: Path) -> None:
    global _maker
    loaded = Material.load(material)
    _maker = HitMaker(contract, DrumShots(loaded, training_kits(loaded)))


def _make(seed: int, number: int) -> Chunk:
    return _maker.chunk(seed, number)


@contextmanager
def chunks(contract: DrumSamplerContract, material: Path, *, seed: int, first: int, workers: int) -> Iterator[Iterator[Chunk]]:
    """Give chunks `first`, `first + 1`, ... of a seed, made by worker processes ahead of time."""
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(contract, material))

    def stream() -> Iterator[Chunk]:
        waiting: list[Future[Chunk]] = [executor.submit(_make, seed, first + ahead) for ahead in range(AHEAD)]
        number = first + AHEAD
        while True:
            yield waiting.pop(0).result()
            waiting.append(executor.submit(_make, seed, number))
            number += 1

    try:
        yield stream()
    finally:
        executor.shutdown(cancel_futures=True)


class HitPool:
    """The last hits made, and batches out of them.

    Args:
        capacity: in hits, a multiple of `CHUNK_HITS`; the oldest make room.
    """

    def __init__(self, contract: DrumSamplerContract, capacity: int):
        self._contract, self._capacity = contract, capacity
        shape = (capacity, contract.cells, contract.bands)
        self._grids = [np.zeros(shape, np.float16) for _ in range(3)]
        self._drums = np.zeros(capacity, int)
        self.taken = 0
        middles = growing_edges(contract.cells, contract.spec.frames)
        self._cell_s = (middles[:-1] + middles[1:]) / 2 / contract.spec.frames_per_second

    def take(self, chunk: Chunk) -> None:
        """Put a chunk into the pool."""
        place = np.arange(self.taken, self.taken + len(chunk.drums)) % self._capacity
        for grids, new in zip(self._grids, chunk, strict=False):
            grids[place] = new
        self._drums[place] = chunk.drums
        self.taken += len(chunk.drums)

    def batch(self, size: int, rng: np.random.Generator, *, damaged: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the encoder hears, what the decoder is to make of it, and the drums one-hot.

        Args:
            damaged: share of examples that are heard as in a separated stem.
        Returns: float32 `(size, cells, bands, 1)` twice, and `(size, drums)`.
        """
        rows = rng.integers(0, min(self.taken, self._capacity), size)
        clean, late, other = (grids[rows].astype(np.float32) for grids in self._grids)
        change = self._coloured(size, rng) + self._shaped(size, rng)
        floor = self._contract.floor_db
        target = self._levelled(change + floor * (clean - 1), clean > 0)
        spoilt = self._levelled(self._damage(change + floor * (late - 1), floor * (other - 1), rng), None)
        heard = np.where(rng.random((size, 1, 1)) < damaged, spoilt, target)
        return heard[..., None], target[..., None], np.eye(len(self._contract.drums), dtype=np.float32)[self._drums[rows]]

    def _levelled(self, level_db: np.ndarray, there: np.ndarray | None) -> np.ndarray:
        level_db = level_db - level_db.max(axis=(1, 2), keepdims=True)
        grid = np.clip(1 + level_db / self._contract.floor_db, 0, 1).astype(np.float32)
        return grid if there is None else grid * there

    def _coloured(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return filters in dB, `(size, 1, bands)`: smooth curves."""
        knots = rng.normal(0, 3.5, (size, _EQUALISER_KNOTS)) * (rng.random((size, 1)) < 0.8)
        return (knots @ _smooth(_EQUALISER_KNOTS, self._contract.bands))[:, None, :].astype(np.float32)

    def _shaped(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return envelopes in dB, `(size, cells, 1)`: faster decays, some cut off, stronger or weaker attacks."""
        fall = rng.exponential(25.0, (size, 1)) * (rng.random((size, 1)) < 0.5)
        cut_s = np.where(rng.random((size, 1)) < 0.15, rng.uniform(0.05, 0.5, (size, 1)), 10.0)
        accent = rng.normal(0, 3.0, (size, 1)) * np.exp(-self._cell_s / 0.015)
        envelope = accent - fall * self._cell_s - 2000.0 * np.maximum(self._cell_s - cut_s, 0)
        return envelope[:, :, None].astype(np.float32)

    def _damage(self, own_db: np.ndarray, other_db: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add another hit and a floor of what bleeds in, then holes as masks leave them; levels in dB, `(size, cells, bands)`."""
        size = len(own_db)

        def each(low: float, high: float) -> np.ndarray:
            return rng.uniform(low, high, (size, 1, 1)).astype(np.float32)

        own_db = own_db - own_db.max(axis=(1, 2), keepdims=True)
        bleed = (rng.normal(0, 6, (size, _HOLE_KNOTS[1])) @ _smooth(_HOLE_KNOTS[1], self._contract.bands))[:, None, :]
        joint = 10 ** (own_db / 10)
        joint += (rng.random((size, 1, 1)) < 0.8) * 10 ** ((other_db + each(-30, 3)) / 10)
        joint += 10 ** ((bleed + each(-75, -35)) / 10)
        field = rng.standard_normal((size, *_HOLE_KNOTS)).astype(np.float32)
        rows, columns = (_smooth(knots, size) for knots, size in zip(_HOLE_KNOTS, own_db.shape[1:], strict=True))
        holes_db = -each(0, 30) * np.maximum(rows.T @ field @ columns - each(0, 1), 0)
        return 10 * np.log10(joint) + holes_db


def _smooth(knots: int, size: int) -> np.ndarray:
    """Return the matrix, float32 `(knots, size)`, that interpolates linearly between `knots` values spread over `size`."""
    places = np.linspace(0, knots - 1, size)
    return np.maximum(0, 1 - np.abs(places - np.arange(knots)[:, None])).astype(np.float32)
