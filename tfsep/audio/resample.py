"""Sample-rate conversion, block by block."""

import numpy as np


def resampled_length(samples: int, from_hz: int, to_hz: int) -> int:
    """Return `samples * to_hz / from_hz`, rounded to the nearest integer, halves up; computed in integers."""
    return (2 * samples * to_hz + from_hz) // (2 * from_hz)


class Resampler:
    """Converts a stream of blocks from one rate to another with soxr's "very high quality" recipe.

    The output has no delay: its sample `k` stands for the time `k / to_hz`. All blocks together, the last by `flush`, hold
    `resampled_length(n)` samples for `n` that went in. Equal rates pass the samples through untouched.

    Args:
        from_hz, to_hz: sample rates, 1 or more.
        channels: of every block.

    Raises: ValueError for rates or channels below 1, or a block of another shape.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int) -> None:
        if from_hz < 1 or to_hz < 1 or channels < 1:
            raise ValueError(f"from_hz={from_hz}, to_hz={to_hz}, channels={channels}: use 1 or more")
        self.from_hz, self.to_hz, self.channels = from_hz, to_hz, channels
        self._samples_in = self._samples_out = 0
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="VHQ")

    def process(self, block: np.ndarray) -> np.ndarray:
        """Take float32 `(samples, channels)` and return what is ready, float32 `(any, channels)`, possibly empty."""
        if block.ndim != 2 or block.shape[1] != self.channels:
            raise ValueError(f"block has shape {block.shape}: use (samples, {self.channels})")
        self._samples_in += len(block)
        if self._stream is None:
            return block
        ready = self._stream.resample_chunk(np.ascontiguousarray(block, np.float32))
        self._samples_out += len(ready)
        return ready

    def flush(self) -> np.ndarray:
        """Return the rest after the last block, float32 `(any, channels)`."""
        if self._stream is None:
            return np.zeros((0, self.channels), np.float32)
        # soxr's own count differs from the rounded one by a sample now and then: the sound is taken to go on as silence for
        # two output samples, which soxr assumes anyway, and is then cut
        silence = np.zeros((2 * (self.from_hz // self.to_hz + 1), self.channels), np.float32)
        rest = self._stream.resample_chunk(silence, last=True)
        return rest[: resampled_length(self._samples_in, self.from_hz, self.to_hz) - self._samples_out]
