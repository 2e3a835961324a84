"""Short-time Fourier transform and its inverse in NumPy, whole or streamed.

Frame `k` starts `window - hop` samples before sample `k * hop`, so that every sample lies in `window / hop` frames. The inverse
is the least-squares one (Griffin and Lim 1984, eq. 6): overlap-add with the analysis window, divided by the summed squared
windows; it reconstructs perfectly whatever the hop. With an asymmetric window it overlap-adds the last `output_samples` of each
frame only, also perfectly; then a sample is final as soon as `output_samples - 1` more are known.
"""

import numpy as np

from tfsep.dsp.windows import analysis_window, synthesis_window
from tfsep.spec import SpectrogramSpec


def frame_count(samples: int, spec: SpectrogramSpec) -> int:
    """Return how many frames cover `samples` samples, each of them in `output_samples / hop` frames' ends; 0 for none."""
    return -(-(samples + spec.output_samples - spec.hop_samples) // spec.hop_samples) if samples else 0


def _analyse(padded: np.ndarray, frames: int, spec: SpectrogramSpec) -> np.ndarray:
    """Transform `frames` frames of `(samples, channels)`; complex64 `(frames, bins, channels)`."""
    channels_first = np.ascontiguousarray(padded.T)
    strided = np.lib.stride_tricks.sliding_window_view(channels_first, spec.window_samples, axis=1)[:, :: spec.hop_samples]
    window = analysis_window(spec) * np.float32(2 / analysis_window(spec).sum(dtype=np.float64))
    spectra = np.fft.rfft(strided[:, :frames] * window, axis=-1)
    return spectra.astype(np.complex64, copy=False).transpose(1, 2, 0)


def _synthesise(spectra: np.ndarray, spec: SpectrogramSpec) -> np.ndarray:
    """Overlap-add frames `(frames, bins, channels)` to float32 `((frames - 1) * hop + output_samples, channels)`."""
    frames, _, channels = spectra.shape
    hop = spec.hop_samples
    pieces = np.fft.irfft(spectra.transpose(2, 0, 1), n=spec.window_samples, axis=-1)
    pieces = pieces[..., -spec.output_samples :].astype(np.float32, copy=False)
    pieces *= synthesis_window(spec)
    overlaps = spec.output_samples // hop
    pieces = pieces.reshape(channels, frames, overlaps, hop)
    output = np.zeros((channels, frames + overlaps - 1, hop), np.float32)
    for shift in range(overlaps):
        output[:, shift : shift + frames] += pieces[:, :, shift]
    return output.reshape(channels, -1).T


def stft(samples: np.ndarray, spec: SpectrogramSpec) -> np.ndarray:
    """Transform a signal.

    Args:
        samples: float32 `(samples, channels)`.
    Returns: complex64 `(frames, bins, channels)`; a full-scale sine on a bin has magnitude 1.
    Raises: ValueError if `samples` is not rank 2.
    """
    _check_rank(samples, 2, "(samples, channels)")
    frames = frame_count(len(samples), spec)
    if not frames:
        return np.zeros((0, spec.bins, samples.shape[1]), np.complex64)
    lead = spec.window_samples - spec.hop_samples
    tail = max(0, (frames - 1) * spec.hop_samples + spec.window_samples - lead - len(samples))
    return _analyse(np.pad(samples.astype(np.float32, copy=False), ((lead, tail), (0, 0))), frames, spec)


def istft(spectra: np.ndarray, spec: SpectrogramSpec, samples: int) -> np.ndarray:
    """Invert `stft`.

    Args:
        spectra: complex `(frames, bins, channels)`.
        samples: length of the signal; `spectra` must have `frame_count(samples, spec)` frames.
    Returns: float32 `(samples, channels)`.
    Raises: ValueError if rank or number of frames do not fit.
    """
    _check_rank(spectra, 3, "(frames, bins, channels)")
    if len(spectra) != frame_count(samples, spec):
        raise ValueError(f"spectra of {len(spectra)} frames: {samples} samples have {frame_count(samples, spec)}")
    if samples == 0:
        return np.zeros((0, spectra.shape[2]), np.float32)
    lead = spec.output_samples - spec.hop_samples
    return _synthesise(spectra, spec)[lead : lead + samples]


class StreamingStft:
    """`stft` for a signal that arrives in blocks: the frames are the same whatever the blocks.

    Use `push` for each block and `finish` once; concatenated, what they return is `stft` of the whole signal.
    """

    def __init__(self, spec: SpectrogramSpec, channels: int):
        self.spec = spec
        self._pending = np.zeros((spec.window_samples - spec.hop_samples, channels), np.float32)
        self._samples = 0
        self._frames = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take float32 `(samples, channels)`; return the frames it completes, complex64 `(frames, bins, channels)`."""
        self._samples += len(block)
        self._pending = np.concatenate([self._pending, block.astype(np.float32, copy=False)])
        ready = max(0, (len(self._pending) - self.spec.window_samples) // self.spec.hop_samples + 1)
        return self._take(ready)

    def finish(self) -> np.ndarray:
        """Return the frames that reach past the end of the signal."""
        missing = frame_count(self._samples, self.spec) - self._frames
        if missing > 0:
            needed = (missing - 1) * self.spec.hop_samples + self.spec.window_samples - len(self._pending)
            self._pending = np.pad(self._pending, ((0, max(0, needed)), (0, 0)))
        return self._take(max(0, missing))

    def _take(self, frames: int) -> np.ndarray:
        if not frames:
            return np.zeros((0, self.spec.bins, self._pending.shape[1]), np.complex64)
        spectra = _analyse(self._pending, frames, self.spec)
        self._pending = self._pending[frames * self.spec.hop_samples :]
        self._frames += frames
        return spectra


class StreamingIstft:
    """`istft` for frames that arrive in groups; the samples are the same whatever the groups, up to float32 rounding."""

    def __init__(self, spec: SpectrogramSpec, channels: int):
        self.spec = spec
        self._lead = spec.output_samples - spec.hop_samples
        self._tail = np.zeros((self._lead, channels), np.float32)

    def push(self, spectra: np.ndarray) -> np.ndarray:
        """Take complex `(frames, bins, channels)`; return the samples that no later frame will change, float32.

        Each frame completes one hop of samples; the first `output_samples - hop` lie before the signal and are left out.
        """
        if not len(spectra):
            return np.zeros((0, self._tail.shape[1]), np.float32)
        output = _synthesise(spectra, self.spec)
        output[: len(self._tail)] += self._tail
        ready = len(spectra) * self.spec.hop_samples
        self._tail = output[ready:].copy()
        skipped = min(self._lead, ready)
        self._lead -= skipped
        return output[skipped:ready]


def features(spectra: np.ndarray, spec: SpectrogramSpec, mask: str = "real") -> np.ndarray:
    """Return what a generator sees of complex `(frames, bins, channels)`.

    Args:
        mask: the kind of its masks, as `ModelContract.mask`.
    Returns: float32 `(frames, model_bins, channels)`, compressed magnitudes, >= 0. For complex masks three times as many channels:
        then come the real parts of spectra of these magnitudes and the mixture's phase, then the imaginary parts; 0 in silence.
    """
    spectra = spectra[:, : spec.model_bins]
    magnitude = np.abs(spectra)
    compressed = np.log1p(np.float32(spec.feature_gain) * magnitude)
    if mask == "real":
        return compressed
    turned = spectra * (compressed / np.maximum(magnitude, np.finfo(np.float32).tiny))
    return np.concatenate([compressed, turned.real, turned.imag], axis=2)


def _check_rank(array: np.ndarray, rank: int, axes: str) -> None:
    if array.ndim != rank:
        raise ValueError(f"expected {axes}, got shape {array.shape}")
