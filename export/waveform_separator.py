"""Songs through a file from sound to sound, as an app would do it: overlapping chunks, cross-faded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tfsep.dsp.overlap_add import ChunkCutter, CrossFader
from tfsep.errors import UsageError
from tfsep.separation.runtime import Runtime


@dataclass(frozen=True, eq=False)
class SoundBlock:
    """A stretch of each stem, float32 `(samples, channels)`, by name."""

    stems: dict[str, np.ndarray]


class WaveformSeparator:
    """Takes sound apart with a runtime of kind "waveform"."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.contract = runtime.contract

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems."""
        return self.contract.stems

    def stream(self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int) -> Iterator[SoundBlock]:
        """Yield the stems of the mixture in `blocks`, as many samples as went in.

        Raises: UsageError for a sample rate or channels that the file is not made for; an app would convert them.
        """
        spec, contract = self.contract.spec, self.contract
        if (sample_rate_hz, channels) != (spec.sample_rate_hz, spec.channels):
            raise UsageError(
                f"{contract.name}: takes {spec.sample_rate_hz} Hz and {spec.channels} channels, the song has {sample_rate_hz} Hz "
                f"and {channels}: convert it"
            )
        cutter = ChunkCutter(contract.chunk_samples, contract.overlap_samples)
        faders = {stem: CrossFader(contract.overlap_samples) for stem in self.stems}
        some = False
        for block in blocks:
            for chunk in cutter.push(block):
                yield self._separated(chunk, faders)
                some = True
        for chunk in cutter.finish():
            yield self._separated(chunk, faders)
            some = True
        if some:
            yield SoundBlock({stem: fader.finish() for stem, fader in faders.items()})

    def _separated(self, chunk: np.ndarray, faders: dict[str, CrossFader]) -> SoundBlock:
        missing = self.contract.chunk_samples - len(chunk)
        found = self._runtime.predict(np.pad(chunk, ((0, missing), (0, 0))).astype(np.float32, copy=False))
        return SoundBlock({stem: fader.push(found[stem][: len(chunk)].copy()) for stem, fader in faders.items()})
