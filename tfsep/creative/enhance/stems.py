"""Stems restored as they are separated: the holes that masks leave filled."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio, Resampler
from tfsep.contract import ModelContract
from tfsep.creative.enhance.enhancer import NETWORK, Adder, Enhancer
from tfsep.creative.enhance.restoration import Restoration
from tfsep.errors import UsageError
from tfsep.separation.job import SeparationJob
from tfsep.separation.pipeline import StemBlock
from tfsep.separation.separator import Separator


@dataclass(frozen=True, kw_only=True)
class EnhancingJob(SeparationJob):
    """A `SeparationJob` whose stems are enhanced; they do not sum to the mixture any more.

    Raises: as `SeparationJob`.
    """

    enhance_model: str = NETWORK.name

    def __post_init__(self):
        super().__post_init__()
        if self.two_stems is not None:
            raise UsageError("--enhance and --two-stems: the rest of the song is what the stem leaves, use one of them")

    @property
    def stems_sum(self) -> bool:
        """See `SeparationJob`."""
        return False

    def separator(self) -> "EnhancingSeparator":
        """Load what takes the songs apart and the network. Raises: as `SeparationJob.separator` and `Enhancer.load`."""
        return EnhancingSeparator(super().separator(), Enhancer.load(self.enhance_model, threads=self.threads))


class EnhancingSeparator(Separator):
    """Takes sound apart as another separator does and restores each stem but the residual one, which is what the others left.

    In cells where a mask has left less than a tenth of the mixture, above 2 kHz, the magnitude is the network's and the phase stays.
    What lies above a model's own band stays in the residual stem.
    """

    def __init__(self, separator: Separator, enhancer: Enhancer):
        self._separator, self._enhancer = separator, enhancer

    @property
    def contract(self) -> ModelContract:
        """See `Separator`."""
        return self._separator.contract

    @property
    def _highest_hz(self) -> float:
        """Up to where the stems go: what is missing higher up is no hole that a mask has left."""
        return self.contract.bandwidth_hz or self._enhancer.contract.spec.sample_rate_hz / 2

    def for_song(self, source: str | Path | Audio) -> tuple[Separator, str]:
        """See `Separator.for_song`."""
        chosen, route = self._separator.for_song(source)
        return EnhancingSeparator(chosen, self._enhancer), route

    def separate(self, source: str | Path | Audio, stems: Sequence[str] | None = None) -> dict[str, Audio]:
        """See `Separator.separate`."""
        chosen, _ = self.for_song(source)
        return Separator.separate(chosen, source, stems)

    def stream(
        self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int, stems: Sequence[str] | None = None
    ) -> Iterator[StemBlock]:
        """See `Separator.stream`; the stems do not sum to the mixture."""
        separated = self._separator.stream(blocks, sample_rate_hz=sample_rate_hz, channels=channels, stems=stems)
        return self._enhanced(separated, sample_rate_hz, channels)

    def _enhanced(self, separated: Iterator[StemBlock], sample_rate_hz: int, channels: int) -> Iterator[StemBlock]:
        runtime = self._enhancer.runtime
        with ExitStack() as stack:
            executor = stack.enter_context(ThreadPoolExecutor(runtime.workers, thread_name_prefix="tfsep-enhance"))
            lines: dict[str, _Line] = {}
            mixture = _Queue(channels)
            for block in separated:
                for stem, samples in block.stems.items():
                    if stem not in lines:
                        restoration = None
                        if stem != self.residual_stem:
                            restoration = Restoration(runtime, executor, channels, holes_below_hz=self._highest_hz)
                        lines[stem] = _Line(restoration, sample_rate_hz, channels)
                    lines[stem].push(samples, block.mixture)
                mixture.push(block.mixture)
                yield from _joined(mixture, lines)
            for line in lines.values():
                line.finish()
            yield from _joined(mixture, lines)


class _Queue:
    """Sound that waits."""

    def __init__(self, channels: int):
        self.samples = np.zeros((0, channels), np.float32)

    def push(self, samples: np.ndarray) -> None:
        self.samples = np.concatenate([self.samples, samples])

    def take(self, count: int) -> np.ndarray:
        taken, self.samples = self.samples[:count], self.samples[count:]
        return taken


class _Line(_Queue):
    """One stem on its way: what is in the queue is restored; None for `restoration` lets it through."""

    def __init__(self, restoration: Restoration | None, sample_rate_hz: int, channels: int):
        super().__init__(channels)
        self._restoration = restoration
        if restoration is not None:
            model_hz = restoration.contract.spec.sample_rate_hz
            self._incoming = Resampler(sample_rate_hz, model_hz, 2 * channels)
            self._adder = Adder(model_hz, sample_rate_hz, channels)

    def push(self, samples: np.ndarray, mixture: np.ndarray | None = None) -> None:
        if self._restoration is None:
            super().push(samples)
            return
        self._adder.take(samples)
        for added in self._restoration.push(self._incoming.process(np.concatenate([samples, mixture], axis=1))):
            super().push(self._adder.add(added))

    def finish(self) -> None:
        if self._restoration is None:
            return
        for added in (*self._restoration.push(self._incoming.flush()), *self._restoration.finish()):
            super().push(self._adder.add(added))
        super().push(self._adder.finish())


def _joined(mixture: _Queue, lines: dict[str, _Line]) -> Iterator[StemBlock]:
    """Yield what all stems have got ready."""
    ready = min((len(line.samples) for line in lines.values()), default=0)
    if ready:
        yield StemBlock(mixture.take(ready), {stem: line.take(ready) for stem, line in lines.items()})
