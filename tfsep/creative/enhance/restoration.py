"""What is added to a sound to restore it, chunk by chunk: above a cutoff, or in the holes that a mask has left."""

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np

from tfsep.contract_enhance import MAGNITUDE, EnhanceContract
from tfsep.dsp.fir import StreamingFir, highpass_taps
from tfsep.dsp.overlap_add import ChunkCutter, CrossFader
from tfsep.dsp.replication import network_input, source_bins
from tfsep.dsp.stft import StreamingIstft, StreamingStft
from tfsep.errors import ModelError
from tfsep.separation.runtime import Runtime
from tfsep.spec import SpectrogramSpec

TRANSITION_HZ = 250.0  # below the first restored bin, in which the addition fades out
HOLE_SHARE = 0.1  # of the mixture's magnitude: a mask below it leaves a hole
HOLES_FROM_HZ = 2000.0  # lower down sounds are tones, and what is missing between them is missing in truth
SILENT = 1e-5  # magnitude; where the mixture has no more, there is nothing to fill


def mask_holes(sound: np.ndarray, mixture: np.ndarray, spec: SpectrogramSpec) -> np.ndarray:
    """Return which cells of a separated sound are holes that its mask has left, bool.

    Args:
        sound, mixture: linear magnitudes, `(frames, bins, ...)`.
    """
    holes = (sound < HOLE_SHARE * mixture) & (mixture > SILENT)
    holes[:, : round(HOLES_FROM_HZ * spec.window_samples / spec.sample_rate_hz)] = False
    return holes


class Restoration:
    """Makes the addition to a stream at the network's rate, in memory that does not depend on its length.

    The restored cells have the magnitudes that the network gives and the phases of the excitation: above the cutoff those of
    the octave below, shifted; in holes those that the mask has left. To the others nothing is added. A network is never shown both
    in training, so they are never restored at once.

    Args:
        runtime: of a file whose contract is an `EnhanceContract`.
        executor: runs the network, the channels at the same time.
        channels: of the sound.
        cutoff_hz: above which it is restored; None to fill holes.
        holes_below_hz: below which holes are filled; then blocks are of twice as many channels, those of the sound and those of the
            mixture.
    Raises: ValueError unless there is one of the two.
    """

    def __init__(
        self,
        runtime: Runtime,
        executor: Executor,
        channels: int,
        *,
        cutoff_hz: float | None = None,
        holes_below_hz: float | None = None,
    ):
        if (cutoff_hz is None) == (holes_below_hz is None):
            raise ValueError(f"cutoff_hz={cutoff_hz}, holes_below_hz={holes_below_hz}: use one of them")
        self.contract: EnhanceContract = runtime.contract
        spec, holes = self.contract.spec, cutoff_hz is None
        self._runtime, self._executor, self._channels, self._holes = runtime, executor, channels, holes
        self._first_bin = spec.model_bins if holes else self.contract.first_bin(cutoff_hz)
        self._hole_bins = self.contract.first_bin(holes_below_hz) if holes else 0
        self._source = source_bins(self._first_bin, spec.model_bins, spec)
        self._stft = StreamingStft(spec, channels * (1 + holes))
        self._cutter = ChunkCutter(spec.frames, self.contract.overlap_frames)
        self._fader = CrossFader(self.contract.overlap_frames)
        self._istft = StreamingIstft(spec, channels)
        lowest_hz = HOLES_FROM_HZ if holes else self._first_bin * spec.sample_rate_hz / spec.window_samples
        self._highpass = StreamingFir(highpass_taps(lowest_hz - TRANSITION_HZ, lowest_hz, spec.sample_rate_hz), channels)
        self._any = False

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Take float32 `(samples, channels)`; yield the additions that are ready, float32 `(any, channels)`."""
        for chunk in self._cutter.push(self._stft.push(block)):
            yield self._added(chunk)

    def finish(self) -> Iterator[np.ndarray]:
        """Yield the rest; all together are at least as long as what went in."""
        for chunks in (self._cutter.push(self._stft.finish()), self._cutter.finish()):
            for chunk in chunks:
                yield self._added(chunk)
        if self._any:
            yield self._highpass.push(self._istft.push(self._fader.finish()))
        yield self._highpass.finish()

    def _added(self, chunk: np.ndarray) -> np.ndarray:
        self._any = True
        return self._highpass.push(self._istft.push(self._fader.push(self._difference(chunk))))

    def _difference(self, chunk: np.ndarray) -> np.ndarray:
        """Return the spectra to be added to a chunk, complex64 `(frames, bins, channels)`."""
        spec = self.contract.spec
        sound = chunk[:, : spec.model_bins, : self._channels]
        holes = [None] * self._channels
        if self._holes:
            found = mask_holes(np.abs(sound), np.abs(chunk[:, : spec.model_bins, self._channels :]), spec)
            found[:, self._hole_bins :] = False
            holes = [found[:, :, channel] for channel in range(self._channels)]
        excitation = sound[:, self._source]
        magnitudes = np.stack(list(self._executor.map(self._magnitude, np.moveaxis(sound, 2, 0), holes)), axis=2)
        size = np.abs(excitation)
        restored = excitation * (magnitudes / np.maximum(size, np.finfo(np.float32).tiny))
        result = np.zeros((len(chunk), spec.bins, self._channels), np.complex64)
        if self._holes:
            result[:, : spec.model_bins][found] = (restored - sound)[found]
        else:
            above = slice(self._first_bin, spec.model_bins)
            result[:, above] = restored[:, above] - sound[:, above]
        return result

    def _magnitude(self, spectrum: np.ndarray, holes: np.ndarray | None) -> np.ndarray:
        """Return the network's linear magnitudes for one channel, float32 `(frames, model_bins)`."""
        contract, frames = self.contract, len(spectrum)
        gain = np.float32(contract.spec.feature_gain)
        compressed = np.log1p(gain * np.abs(spectrum))
        heard = np.zeros(contract.input_shape[1:], np.float32)
        heard[:frames] = network_input(compressed, self._first_bin, contract.spec, holes)
        magnitude = np.expm1(self._runtime.predict(heard)[MAGNITUDE][:frames, :, 0]) / gain
        if not np.isfinite(magnitude.sum()):
            raise ModelError(f"model {contract.name}: gives magnitudes that are not finite: use another model")
        return magnitude
