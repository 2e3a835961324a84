"""A short sound held in memory as a whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.audio.reader import open_audio
from tfsep.audio.resample import Resampler
from tfsep.audio.writer import open_writer


@dataclass(frozen=True, eq=False)
class Audio:
    """Samples, float32 `(samples, channels)` with full scale 1, and their rate. For what fits in memory; songs go by blocks.

    Raises: ValueError if `samples` is not rank 2.
    """

    samples: np.ndarray
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2:
            raise ValueError(f"samples has shape {self.samples.shape}: use (samples, channels)")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.samples.shape[1]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    @classmethod
    def read(cls, path: str | Path, *, sample_rate_hz: int | None = None, channels: int | None = None, stream: int = 0) -> Self:
        """Read a whole file.

        Args:
            sample_rate_hz: resample to this; None keeps the file's.
            channels: 1 averages two channels, 2 repeats one; None keeps the file's.
            stream: which audio stream.
        Raises: as `open_audio` and `AudioReader.blocks`, ValueError for another `channels`.
        """
        if channels not in (None, 1, 2):
            raise ValueError(f"channels={channels}: use 1, 2 or None")
        with open_audio(path, stream=stream) as reader:
            info = reader.info
            resampler = Resampler(info.sample_rate_hz, sample_rate_hz or info.sample_rate_hz, info.channels)
            blocks = [resampler.process(block) for block in reader.blocks()]
            samples = np.concatenate([*blocks, resampler.flush()])
        if channels == 1 and info.channels == 2:
            samples = samples.mean(axis=1, keepdims=True)
        elif channels == 2 and info.channels == 1:
            samples = np.repeat(samples, 2, axis=1)
        return cls(samples, resampler.to_hz)

    def write(self, path: str | Path, subtype: str | None = None) -> None:
        """Write a whole file, its kind chosen by the suffix. Raises: as `open_writer` and `AudioWriter`."""
        with open_writer(path, sample_rate_hz=self.sample_rate_hz, channels=self.channels, subtype=subtype) as writer:
            writer.write(self.samples)
