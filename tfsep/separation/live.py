"""Separation as the sound comes in: blocks of any length in, stems out after a fixed delay."""

from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.contract import residual_stem
from tfsep.contract_live import LIVE, LiveContract
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.separation.live_runtime import LiveRuntime
from tfsep.separation.locate import find_contract
from tfsep.separation.pipeline import Analysis, Synthesis
from tfsep.separation.runtime import load_file


class LiveSeparator:
    """Takes sound apart as it comes in, in memory that does not grow; made by `load`, or from a `LiveRuntime`.

    What it gives is what `Separator` gives with the same file, `latency_samples` later, up to the rounding of float32, however the
    sound is cut into blocks. Sound must come at the model's sample rate.

    Args:
        channels: of the sound, 1 or 2.

    Raises: UsageError for another number of channels.
    """

    def __init__(self, runtime: LiveRuntime, *, channels: int = 2):
        if channels not in (1, 2):
            raise UsageError(f"channels={channels}: tfsep takes mono and stereo, mix the sound down first")
        self._runtime, self.channels = runtime, channels
        self._taken = runtime.contract.spec.hop_samples * runtime.contract.spec.frames  # samples that a block of frames needs
        self.reset()

    @classmethod
    def load(cls, model: str | Path = LIVE, *, channels: int = 2) -> Self:
        """Load a streaming file: the one that comes with tfsep, or a `.tflite` or `.onnx` that `tfsep-export` wrote.

        Raises: ModelError, UsageError, MissingExtraError.
        """
        path = find_contract(model)[0]
        if path.suffix not in (".tflite", ".onnx"):
            raise ModelError(f"{path}: is no streaming file: use a .tflite that tfsep-export wrote of a model of kind {LIVE}")
        runtime = load_file(path, threads=1)
        if not isinstance(runtime, LiveRuntime):
            raise ModelError(f"{path}: is of kind {runtime.contract.kind}, which has to see ahead: use one of kind {LIVE}")
        return cls(runtime, channels=channels)

    @property
    def contract(self) -> LiveContract:
        """What the model promises."""
        return self._runtime.contract

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems that the model tells apart."""
        return self.contract.stems

    @property
    def sample_rate_hz(self) -> int:
        """Of the sound, in and out."""
        return self.contract.spec.sample_rate_hz

    @property
    def latency_samples(self) -> int:
        """How much later than the mixture the stems come, the wait for a whole hop included; what the machine takes adds to it."""
        return self.contract.latency_samples

    def reset(self) -> None:
        """Forget what was heard: the next block begins another song."""
        chunks = replace(self.contract.in_chunks(), spec=self.contract.spec)  # chunks of one block
        self._masks = self._runtime.stream()
        self._analysis = Analysis(chunks, self.sample_rate_hz, self.channels)
        self._synthesis = Synthesis(chunks, residual_stem(self.stems), self.stems, self.sample_rate_hz, self.channels)
        self._waiting, self._filled = np.zeros((self._taken, self.channels), np.float32), 0
        # as many are never ready at once: the delay, filled with silence before the song, and what one block of frames makes
        self._ready = np.zeros((len(self.stems), self.latency_samples + self._taken, self.channels), np.float32)
        self._given, self._made = 0, self.latency_samples  # what lies between is to be returned

    def process(self, block: np.ndarray) -> dict[str, np.ndarray]:
        """Take the next block and return as many samples of each stem, which belong to the mixture `latency_samples` ago.

        Args:
            block: float32 `(samples, channels)`, full scale 1, any number of samples.
        Returns: for each stem float32 `(samples, channels)`, new arrays. They sum to the mixture that they belong to.
        Raises: ValueError for another shape; AudioError for samples that are NaN or infinite, of which none is taken; ModelError if
            the model's masks are.
        """
        if block.ndim != 2 or block.shape[1] != self.channels:
            raise ValueError(f"block has shape {block.shape}: use (samples, {self.channels})")
        if not np.isfinite(block).all():
            raise AudioError("the sound to be separated is NaN or infinite: repair it first")
        stems = np.empty((len(self.stems), *block.shape), np.float32)
        start = 0
        while start < len(block):
            count = min(len(block) - start, self._taken - self._filled)
            self._waiting[self._filled : self._filled + count] = block[start : start + count]
            self._filled += count
            if self._filled == self._taken:
                self._separate()
                self._filled = 0
            stems[:, start : start + count] = self._ready[:, self._given : self._given + count]
            self._given += count
            start += count
        return dict(zip(self.stems, stems, strict=True))

    def flush(self) -> dict[str, np.ndarray]:
        """Return the last `latency_samples` of each stem, as `process`, and forget the song."""
        rest = self.process(np.zeros((self.latency_samples, self.channels), np.float32))
        self.reset()
        return rest

    def _separate(self) -> None:
        """Take the samples of a block of frames, and put what is final of the stems behind what waits to be returned."""
        left = self._made - self._given
        self._ready[:, :left] = self._ready[:, self._given : self._made].copy()
        self._given, self._made = 0, left
        taken = self._waiting.copy()  # since the mixture is kept until its stems are there
        self._synthesis.take_mixture(taken)
        for chunk in self._analysis.push(taken):
            masks = self._masks(self._analysis.features(chunk))
            for done in self._synthesis.add_chunk(chunk, masks, last=False):
                for ready, samples in zip(self._ready, done.stems.values(), strict=True):
                    ready[self._made : self._made + len(samples)] = samples
                self._made += len(done.mixture)
