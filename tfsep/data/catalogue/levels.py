"""What one file of a song is like, measured block by block: length, level, clipping, offset, and a hash of its sound."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from tfsep.audio import to_integers

FULL_SCALE = 32766.5 / 32768  # the largest value of 16 bits, rounding included
CLIPPED_RUN = 4  # a 50 Hz sine of full scale stays at the largest value of 16 bits for two samples at 44.1 kHz


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What was measured of a file.

    Attributes:
        samples: of each channel.
        peak, rms: of all channels, full scale 1.
        loudest_second_rms: of the loudest whole second, or of all if it is shorter.
        offset: mean of the channel whose mean is farthest from zero.
        clipped_share: of the samples that stand in runs of `CLIPPED_RUN` or more at full scale.
        clipped_runs: number of such runs.
        sha256: of rate, channels and samples as 24-bit integers; the same for a copy in another lossless format.
    """

    samples: int
    peak: float
    rms: float
    loudest_second_rms: float
    offset: float
    clipped_share: float
    clipped_runs: int
    sha256: str

    @property
    def silent(self) -> bool:
        """Whether every sample is zero."""
        return self.peak == 0


class SoundHash:
    """Hashes a stream of float32 blocks `(samples, channels)` by how they sound, not by how a file codes them."""

    def __init__(self, sample_rate_hz: int, channels: int):
        self._hash = hashlib.sha256(f"{sample_rate_hz} {channels} s24le\n".encode())

    def push(self, block: np.ndarray) -> None:
        """Take the next block."""
        self._hash.update(np.ascontiguousarray(to_integers(block, 24), "<i4").tobytes())

    def finish(self) -> str:
        """Return the hash in hexadecimal."""
        return self._hash.hexdigest()


class LevelMeter:
    """Measures a file of float32 blocks `(samples, channels)`."""

    def __init__(self, sample_rate_hz: int, channels: int):
        self._rate, self._channels = sample_rate_hz, channels
        self._hash = SoundHash(sample_rate_hz, channels)
        self._samples = self._clipped = self._runs = 0
        self._peak = self._energy = self._loudest = 0.0
        self._sum = np.zeros(channels)
        self._second = np.zeros(0)  # energies of the samples of a second that is not whole yet
        self._run = np.zeros(channels, np.int64)  # length of the run at full scale that reaches the last sample

    def push(self, block: np.ndarray) -> None:
        """Take the next block."""
        self._hash.push(block)
        magnitudes = np.abs(block)
        self._peak = max(self._peak, float(magnitudes.max(initial=0.0)))
        self._sum += block.sum(axis=0, dtype=np.float64)
        energies = np.square(block, dtype=np.float64).mean(axis=1)
        self._energy += float(energies.sum())
        joined = np.concatenate([self._second, energies])
        whole = len(joined) - len(joined) % self._rate
        if whole:
            self._loudest = max(self._loudest, float(joined[:whole].reshape(-1, self._rate).mean(axis=1).max()))
        self._second = joined[whole:]
        # floats beyond full scale are loud, not clipped
        for channel in range(self._channels):
            self._count_runs((magnitudes[:, channel] >= FULL_SCALE) & (magnitudes[:, channel] <= 1), channel)
        self._samples += len(block)

    def finish(self) -> Levels:
        """Return what was measured."""
        for channel in range(self._channels):
            self._close_run(int(self._run[channel]))
        count = max(1, self._samples)
        rms = math.sqrt(self._energy / count)
        return Levels(
            samples=self._samples,
            peak=self._peak,
            rms=rms,
            loudest_second_rms=math.sqrt(self._loudest) if self._samples >= self._rate else rms,
            offset=float(self._sum[np.abs(self._sum).argmax()]) / count,
            clipped_share=self._clipped / (count * self._channels),
            clipped_runs=self._runs,
            sha256=self._hash.finish(),
        )

    def _count_runs(self, full: np.ndarray, channel: int) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]]).astype(np.int8)))
        starts, ends = edges[::2], edges[1::2]
        open_run = int(self._run[channel])
        if not len(full) or (len(starts) and starts[0] == 0 and ends[0] == len(full)):
            self._run[channel] = open_run + len(full)  # full scale from end to end, or nothing at all
            return
        lengths = ends - starts
        if len(starts) and starts[0] == 0:
            self._close_run(open_run + int(lengths[0]))
            lengths, starts, ends = lengths[1:], starts[1:], ends[1:]
        else:
            self._close_run(open_run)
        self._run[channel] = 0
        if len(ends) and ends[-1] == len(full):
            self._run[channel] = lengths[-1]
            lengths = lengths[:-1]
        long = lengths[lengths >= CLIPPED_RUN]
        self._runs += len(long)
        self._clipped += int(long.sum())

    def _close_run(self, length: int) -> None:
        if length >= CLIPPED_RUN:
            self._runs += 1
            self._clipped += length
