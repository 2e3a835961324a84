"""Short-time Fourier transform and its inverse in `keras.ops`: the same frames as `tfsep.dsp.stft`, differentiable.

Spectra are pairs of real tensors, real and imaginary part, so that no complex number reaches a layer.
"""

from typing import Any

from keras import ops

from tfsep.dsp.windows import analysis_window, synthesis_window
from tfsep.spec import SpectrogramSpec

Tensor = Any  # of whichever Keras backend runs


def frames_of(signal: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Cut `(..., samples)` into frames `(..., frames, window)`; `samples` must be a whole number of hops.

    No padding: frame `k` starts at sample `k * hop`, and the last one ends with the signal.
    """
    samples = signal.shape[-1]
    hops = samples // spec.hop_samples
    overlaps = spec.window_samples // spec.hop_samples
    if samples != hops * spec.hop_samples or hops < overlaps:
        raise ValueError(f"{samples} samples: use a multiple of hop_samples={spec.hop_samples}, at least {spec.window_samples}")
    frames = hops - overlaps + 1
    lead = tuple(signal.shape[:-1])
    pieces = ops.reshape(signal, (*lead, hops, spec.hop_samples))
    return ops.concatenate([pieces[..., shift : shift + frames, :] for shift in range(overlaps)], axis=-1)


def stft(signal: Tensor, spec: SpectrogramSpec) -> tuple[Tensor, Tensor]:
    """Transform `(..., samples)` to real and imaginary part, each `(..., frames, bins)`, scaled as `SpectrogramSpec` says.

    Unlike `tfsep.dsp.stft.stft` it does not pad: give it `window - hop` zeros in front to get the same frames.

    Raises: ValueError if `samples` is not a whole number of hops or shorter than a window.
    """
    window = analysis_window(spec)
    return ops.rfft(frames_of(signal, spec) * ops.convert_to_tensor(window * (2 / window.sum(dtype="float64"))))


def istft(real: Tensor, imaginary: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Invert `stft`: `(..., frames, bins)` twice to `(..., samples)`, `samples = (frames - 1) * hop + output_samples`.

    They begin with the first frame's last `output_samples`. The first and last `output_samples - hop` lie in fewer frames than the
    others and come out attenuated.
    """
    overlaps = spec.output_samples // spec.hop_samples
    pieces = ops.irfft((real, imaginary), fft_length=spec.window_samples)[..., -spec.output_samples :]
    pieces = pieces * ops.convert_to_tensor(synthesis_window(spec))
    lead, frames = tuple(pieces.shape[:-2]), pieces.shape[-2]
    pieces = ops.reshape(pieces, (*lead, frames, overlaps, spec.hop_samples))
    no_pad = [(0, 0)] * len(lead)
    output = sum(ops.pad(pieces[..., shift, :], [*no_pad, (shift, overlaps - 1 - shift), (0, 0)]) for shift in range(overlaps))
    return ops.reshape(output, (*lead, (frames + overlaps - 1) * spec.hop_samples))


def complex_features(magnitude: Tensor, cosine: Tensor, sine: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Return what a generator with complex masks sees, as `tfsep.dsp.stft.features` does: a last axis three times as long.

    Args:
        magnitude: linear.
        cosine, sine: of the phase.
    """
    compressed = features(magnitude, spec)
    return ops.concatenate([compressed, compressed * cosine, compressed * sine], axis=-1)


def features(magnitude: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Compress linear magnitudes as a generator sees them: `log1p(feature_gain * magnitude)`."""
    return ops.log1p(spec.feature_gain * magnitude)
