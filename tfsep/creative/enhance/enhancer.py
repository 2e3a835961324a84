"""From narrow sound to wide sound: the only path, whoever asks."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfsep.audio import Audio, Resampler
from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance.cutoff import Bandwidth, measure
from tfsep.creative.enhance.restoration import Restoration
from tfsep.errors import AudioError, UsageError
from tfsep.separation.networks import NetworkKind
from tfsep.separation.runtime import Runtime

NETWORK = NetworkKind("enhance", EnhanceContract)


class Enhancer:
    """Restores the band above a cutoff; made by `load`, or from a runtime of a file whose contract is an `EnhanceContract`."""

    def __init__(self, runtime: Runtime):
        self.runtime = runtime
        self.contract: EnhanceContract = runtime.contract

    @classmethod
    def load(cls, model: str | Path = NETWORK.name, *, threads: int = 2) -> "Enhancer":
        """Load a network, see `NetworkKind.find`. Raises: as `NetworkKind.load`."""
        if threads < 1:
            raise UsageError(f"--threads {threads}: use 1 or more")
        return cls(NETWORK.load(model, threads=threads))

    def output_rate_hz(self, sample_rate_hz: int) -> int:
        """Return the rate of what comes out: that of the sound, or the network's if that is higher."""
        return max(sample_rate_hz, self.contract.spec.sample_rate_hz)

    def bandwidth(self, source: Audio) -> Bandwidth:
        """Return how far up a sound goes."""
        return measure([source.samples], self.contract.spec, sample_rate_hz=source.sample_rate_hz)

    def restorable(self, bandwidth: Bandwidth) -> bool:
        """Return whether a sound ends between the lowest and the highest cutoff that the network has learnt to continue."""
        cutoff_hz = bandwidth.cutoff_hz
        return cutoff_hz is not None and self.contract.lowest_cutoff_hz <= cutoff_hz <= self.contract.highest_cutoff_hz

    def enhance(self, source: Audio, *, cutoff_hz: float | None = None) -> Audio:
        """Restore a sound in memory; one that has no cutoff to be restored above comes back as it is.

        Args:
            cutoff_hz: None to find it.
        Raises: as `stream`; AudioError for no sample.
        """
        if cutoff_hz is None:
            found = self.bandwidth(source)
            if not self.restorable(found):
                return source
            cutoff_hz = found.cutoff_hz
        parts = list(
            self.stream([source.samples], sample_rate_hz=source.sample_rate_hz, channels=source.channels, cutoff_hz=cutoff_hz)
        )
        if not parts:
            raise AudioError("the sound to be enhanced has 0 samples: choose another")
        return Audio(np.concatenate(parts), self.output_rate_hz(source.sample_rate_hz))

    def stream(
        self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int, cutoff_hz: float
    ) -> Iterator[np.ndarray]:
        """Restore a sound as it arrives, in memory that does not depend on its length.

        Args:
            blocks: float32 `(samples, channels)`.
            cutoff_hz: above which it is restored.
        Yields: float32 `(any, channels)` at `output_rate_hz`, as long as the sound. What lies below the cutoff is that of the
            sound, resampled if its rate is lower than the network's.
        Raises: UsageError for a cutoff that the network has not learnt, or above half the sound's rate, or other channels than
            1 or 2.
        """
        lowest_hz, highest_hz = self.contract.lowest_cutoff_hz, self.contract.highest_cutoff_hz
        if not lowest_hz <= cutoff_hz <= highest_hz:
            raise UsageError(f"--cutoff {cutoff_hz:g}: the network continues spectra from {lowest_hz:g} to {highest_hz:g} Hz")
        if cutoff_hz > sample_rate_hz / 2:
            raise UsageError(
                f"--cutoff {cutoff_hz:g}: sound at {sample_rate_hz} Hz goes up to {sample_rate_hz / 2:g} Hz: use less, or none"
            )
        if channels not in (1, 2):
            raise UsageError(f"channels={channels}: tfsep takes mono and stereo, mix the sound down first")
        return self._stream(blocks, sample_rate_hz, channels, cutoff_hz)

    def _stream(
        self, blocks: Iterable[np.ndarray], sample_rate_hz: int, channels: int, cutoff_hz: float
    ) -> Iterator[np.ndarray]:
        model_hz = self.contract.spec.sample_rate_hz
        incoming = Resampler(sample_rate_hz, model_hz, channels)
        adder = Adder(model_hz, self.output_rate_hz(sample_rate_hz), channels)
        with ThreadPoolExecutor(self.runtime.workers, thread_name_prefix="tfsep-enhance") as executor:
            restoration = Restoration(self.runtime, executor, channels, cutoff_hz=cutoff_hz)
            for block in blocks:
                resampled = incoming.process(block)
                adder.take(resampled if sample_rate_hz < model_hz else block)
                for added in restoration.push(resampled):
                    yield adder.add(added)
            rest = incoming.flush()
            if sample_rate_hz < model_hz:
                adder.take(rest)
            for added in (*restoration.push(rest), *restoration.finish()):
                yield adder.add(added)
            yield adder.finish()


class Adder:
    """Adds what a `Restoration` makes, at the network's rate, to the sound, which waits for it.

    Args:
        from_hz: the network's rate.
        to_hz: that of the sound.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int):
        self._resampler = Resampler(from_hz, to_hz, channels)
        self._sound = np.zeros((0, channels), np.float32)

    def take(self, sound: np.ndarray) -> None:
        """Take float32 `(samples, channels)` of the sound."""
        self._sound = np.concatenate([self._sound, sound])

    def add(self, added: np.ndarray) -> np.ndarray:
        """Take the next addition; return what is complete."""
        return self._complete(self._resampler.process(added))

    def finish(self) -> np.ndarray:
        """Return the rest of the sound."""
        return np.concatenate([self._complete(self._resampler.flush()), self._sound])

    def _complete(self, added: np.ndarray) -> np.ndarray:
        ready = min(len(added), len(self._sound))
        sound, self._sound = self._sound[:ready], self._sound[ready:]
        return sound + added[:ready]
