"""From audio to stems: the only path, whatever the model and whoever asks."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfsep.audio import Audio, open_audio
from tfsep.contract import ModelContract, residual_stem
from tfsep.errors import AudioError, UsageError
from tfsep.separation.live_runtime import ChunkedLive, LiveRuntime
from tfsep.separation.pipeline import Analysis, StemBlock, Synthesis
from tfsep.separation.router_table import find_table
from tfsep.separation.runtime import Runtime, load_runtime


class Separator:
    """Takes sound apart with a model; made by `load`, or from a `Runtime`.

    All stems but one are the mixture's spectrum times the model's masks; the residual stem, `other` if the model has it, is
    what they leave of the mixture, so that it also holds what lies above the model's band. A mixture in mono gives mono stems.
    """

    def __init__(self, runtime: Runtime | LiveRuntime):
        self._runtime = ChunkedLive(runtime) if isinstance(runtime, LiveRuntime) else runtime

    @classmethod
    def load(cls, model: str | Path = "default", *, threads: int = 2) -> "Separator":
        """Load a model by name or path, or a routing table of several, such as "auto". Raises: as `load_runtime` and `Router.load`."""
        if find_table(model) is not None:
            from tfsep.separation.router import Router  # which is a Separator

            return Router.load(model, threads=threads)
        return cls(load_runtime(model, threads=threads))

    @property
    def contract(self) -> ModelContract:
        """What the model promises."""
        return self._runtime.contract

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems that the model tells apart."""
        return self.contract.stems

    @property
    def residual_stem(self) -> str:
        """The stem that takes what the others leave of the mixture."""
        return residual_stem(self.stems)

    def for_song(self, source: str | Path | Audio) -> tuple["Separator", str]:
        """Return who is to take a song apart, and why in a few words; a single model does so with every song, without a word."""
        return self, ""

    def separate(self, source: str | Path | Audio, stems: Sequence[str] | None = None) -> dict[str, Audio]:
        """Take a song apart in memory; what is odd about the file is said by `warnings.warn`.

        Args:
            source: a file, or sound of one or two channels.
            stems: which to return, None for all.
        Returns: the stems by name, of the source's sample rate, channels and length.
        Raises: as `open_audio` and `stream`.
        """
        if isinstance(source, Audio):
            return self._join([source.samples], source.sample_rate_hz, source.channels, stems)
        with open_audio(source) as reader:
            result = self._join(reader.blocks(), reader.info.sample_rate_hz, reader.info.channels, stems)
            for warning in reader.warnings:
                warnings.warn(warning, stacklevel=2)
        return result

    def stream(
        self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int, stems: Sequence[str] | None = None
    ) -> Iterator[StemBlock]:
        """Take a song apart as it arrives, in memory that does not depend on its length.

        The result does not depend on how the song is cut into blocks. While one chunk is turned into sound, the model works on
        the next ones in threads of its own.

        Args:
            blocks: float32 `(samples, channels)`, full scale 1, of any length each.
            stems: which to return, None for all; the others are not computed where that saves time.
        Yields: blocks of some seconds; all of them together are as long as the song. Where all stems are returned, they sum to
            the mixture up to the rounding of float32.
        Raises: UsageError for an unknown stem or other channels than 1 or 2, AudioError if a sample is NaN or infinite,
            ModelError if the model's masks are.
        """
        wanted = self._checked(sample_rate_hz, channels, stems)
        return self._stream(blocks, sample_rate_hz, channels, wanted)

    def _checked(self, sample_rate_hz: int, channels: int, stems: Sequence[str] | None) -> tuple[str, ...]:
        """Return the stems that are wanted. Raises: UsageError as `stream`."""
        if channels not in (1, 2):
            raise UsageError(f"channels={channels}: tfsep takes mono and stereo, mix the sound down first")
        if sample_rate_hz < 1:
            raise UsageError(f"sample_rate_hz={sample_rate_hz}: use 1 or more")
        return self._wanted(stems)

    def _wanted(self, stems: Sequence[str] | None) -> tuple[str, ...]:
        wanted = self.stems if stems is None else tuple(stems)
        unknown = [stem for stem in wanted if stem not in self.stems]
        if unknown or not wanted:
            raise UsageError(f"stem {', '.join(unknown) or 'list is empty'}: this model tells apart {', '.join(self.stems)}")
        return tuple(stem for stem in self.stems if stem in wanted)

    def _join(
        self, blocks: Iterable[np.ndarray], sample_rate_hz: int, channels: int, stems: Sequence[str] | None
    ) -> dict[str, Audio]:
        parts: dict[str, list[np.ndarray]] = {}
        for block in self.stream(blocks, sample_rate_hz=sample_rate_hz, channels=channels, stems=stems):
            for stem, samples in block.stems.items():
                parts.setdefault(stem, []).append(samples)
        if not parts:
            raise AudioError("the sound to be separated has 0 samples: choose another")
        return {stem: Audio(np.concatenate(pieces), sample_rate_hz) for stem, pieces in parts.items()}

    def _stream(
        self, blocks: Iterable[np.ndarray], sample_rate_hz: int, channels: int, wanted: tuple[str, ...]
    ) -> Iterator[StemBlock]:
        spec = self.contract.spec
        block_samples = (spec.frames - self.contract.overlap_frames) * spec.hop_samples
        # a causal model remembers the song from chunk to chunk, which its only worker takes in their order
        predict = self._runtime.stream() if isinstance(self._runtime, ChunkedLive) else self._runtime.predict
        analysis = Analysis(self.contract, sample_rate_hz, channels)
        synthesis = Synthesis(self.contract, self.residual_stem, wanted, sample_rate_hz, channels)
        with ThreadPoolExecutor(self._runtime.workers, thread_name_prefix="tfsep-model") as workers:
            running: deque[tuple[np.ndarray, Future]] = deque()
            # blocks of one length, whatever the caller's: so everything after depends on the samples alone, to the last bit
            for chunk in _chunks(_reblocked(blocks, block_samples, channels, sample_rate_hz), analysis, synthesis):
                running.append((chunk, workers.submit(predict, analysis.features(chunk))))
                if len(running) > self._runtime.workers:
                    spectra, masks = running.popleft()
                    yield from synthesis.add_chunk(spectra, masks.result(), last=False)
            if not running:
                yield from synthesis.without_chunks()
            while running:
                spectra, masks = running.popleft()
                yield from synthesis.add_chunk(spectra, masks.result(), last=not running)


def _chunks(blocks: Iterator[np.ndarray], analysis: Analysis, synthesis: Synthesis) -> Iterator[np.ndarray]:
    for block in blocks:
        synthesis.take_mixture(block)
        yield from analysis.push(block)
    yield from analysis.finish()


def _reblocked(blocks: Iterable[np.ndarray], block_samples: int, channels: int, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Yield float32 `(block_samples, channels)`, the last one shorter, and none that is empty."""
    filling, filled, start = np.empty((block_samples, channels), np.float32), 0, 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != channels:
            raise ValueError(f"block has shape {block.shape}: use (samples, {channels})")
        finite = np.isfinite(block)
        if not finite.all():
            at_s = (start + int(np.argmin(finite.all(axis=1)))) / sample_rate_hz
            raise AudioError(f"the sound to be separated is NaN or infinite at {at_s:.3f} s: repair it first")
        start += len(block)
        while len(block):
            part = block[: block_samples - filled]
            filling[filled : filled + len(part)] = part
            filled += len(part)
            block = block[len(part) :]
            if filled == block_samples:
                yield filling
                filling, filled = np.empty((block_samples, channels), np.float32), 0
    if filled:
        yield filling[:filled]
