"""What a generator is trained to reduce, in `keras.ops`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from tfsep.contract import residual_stem
from tfsep.dsp import stft_ops
from tfsep.models.config import GeneratorConfig
from tfsep.spec import SpectrogramSpec

Tensor = Any

FLOOR = 1e-5  # linear magnitude, -100 dB: keeps the gradient of the modulus finite in silence


def equaliser_curves(spec: SpectrogramSpec, points: int) -> np.ndarray:
    """Return float32 `(points, model_bins)` that interpolates gains in dB linearly over the logarithm of frequency."""
    octaves = np.log2(np.maximum(np.arange(spec.model_bins), 1.0))
    position = octaves / octaves[-1] * (points - 1)
    return np.maximum(0, 1 - np.abs(position[None] - np.arange(points)[:, None])).astype(np.float32)


class MixtureSpectra(NamedTuple):
    """A batch of mixtures and their stems; all tensors are `(batch, frames, model_bins, channels)`.

    Attributes:
        magnitude: of the mixture, linear, over `FLOOR`.
        cosine, sine: of the mixture's phase.
        targets: of each stem its spectrum turned back by the mixture's phase, real and imaginary part. A real mask on the
            mixture can reach the real part only; a complex mask times the magnitude is compared with both.
    """

    magnitude: Tensor
    cosine: Tensor
    sine: Tensor
    targets: list[tuple[Tensor, Tensor]]

    def features(self, config: GeneratorConfig) -> Tensor:
        """Return what a generator sees of the mixture, `(batch, frames, model_bins, config.input_channels)`."""
        if config.head == "complex":
            return stft_ops.complex_features(self.magnitude, self.cosine, self.sine, config.spec)
        return stft_ops.features(self.magnitude, config.spec)


def mixture_spectra(audio: Tensor, spec: SpectrogramSpec, equaliser_db: Tensor | None = None) -> MixtureSpectra:
    """Transform a batch of stems.

    Args:
        audio: float32 `(batch, stems, channels, samples)`.
        equaliser_db: gains `(batch, stems, points)` that each stem is filtered with, see `equaliser_curves`.
    """
    real, imaginary = stft_ops.stft(audio, spec)
    real, imaginary = real[..., : spec.model_bins], imaginary[..., : spec.model_bins]
    if equaliser_db is not None:
        gain_db = ops.matmul(equaliser_db, equaliser_curves(spec, equaliser_db.shape[-1]))
        gain = ops.exp(gain_db * float(np.log(10) / 20))[:, :, None, None, :]
        real, imaginary = real * gain, imaginary * gain
    real = ops.transpose(real, (1, 0, 3, 4, 2))  # (stems, batch, frames, bins, channels)
    imaginary = ops.transpose(imaginary, (1, 0, 3, 4, 2))
    mixture_real, mixture_imaginary = ops.sum(real, axis=0), ops.sum(imaginary, axis=0)
    magnitude = ops.sqrt(ops.square(mixture_real) + ops.square(mixture_imaginary) + FLOOR**2)
    cosine, sine = mixture_real / magnitude, mixture_imaginary / magnitude
    turned = [(real[i] * cosine + imaginary[i] * sine, imaginary[i] * cosine - real[i] * sine) for i in range(audio.shape[1])]
    return MixtureSpectra(magnitude, cosine, sine, turned)


def magnitudes_and_targets(
    audio: Tensor, spec: SpectrogramSpec, equaliser_db: Tensor | None = None
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Return `magnitude` and `targets` of `mixture_spectra`."""
    spectra = mixture_spectra(audio, spec, equaliser_db)
    return spectra.magnitude, spectra.targets


def estimate_errors(masks: Sequence[Tensor], magnitude: Tensor, targets: Sequence[tuple[Tensor, Tensor]]) -> list[list[Tensor]]:
    """Return of each stem the real and imaginary part of masked mixture less target, both turned by the mixture's phase.

    Args:
        masks: for each stem `(batch, frames, bins, channels)`, or `(batch, frames, bins, 2 * channels)` for complex masks.
        magnitude, targets: see `MixtureSpectra`.
    """
    channels, errors = magnitude.shape[3], []
    for mask, (real, imaginary) in zip(masks, targets, strict=True):
        if mask.shape[3] == channels:
            errors.append([mask * magnitude - real, -imaginary])
        else:
            errors.append([mask[..., :channels] * magnitude - real, mask[..., channels:] * magnitude - imaginary])
    return errors


def magnitudes(audio: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Transform waveforms `(batch, channels, samples)` to linear magnitudes `(batch, frames, model_bins, channels)`, over `FLOOR`."""
    real, imaginary = stft_ops.stft(audio, spec)
    real, imaginary = real[..., : spec.model_bins], imaginary[..., : spec.model_bins]
    return ops.transpose(ops.sqrt(ops.square(real) + ops.square(imaginary) + FLOOR**2), (0, 2, 3, 1))


def supervised_loss(
    generator: Any, config: GeneratorConfig, error: str, audio: Tensor, known: Tensor, equaliser_db: Tensor | None = None
) -> Tensor:
    """Loss of a generator on a batch with targets: `log_magnitude_loss` or `spectral_loss`, by what it estimates.

    Args:
        generator: from features to masks, or to compressed magnitudes, by stem.
        error: see `spectral_loss`.
        audio, known, equaliser_db: as `CropMixer` gives them, see `magnitudes_and_targets` and `spectral_loss`.
    Returns: a scalar.
    """
    spectra = mixture_spectra(audio, config.spec, equaliser_db)
    estimates = generator(spectra.features(config))
    ordered = [estimates[stem] for stem in config.stems]
    if generator.output_kind == "log_magnitude":
        return log_magnitude_loss(ordered, spectra.targets, known, config.spec)
    residual = config.stems.index(residual_stem(config.stems))
    return spectral_loss(ordered, spectra.magnitude, spectra.targets, known, residual, error)


def spectral_loss(
    masks: Sequence[Tensor],
    magnitude: Tensor,
    targets: Sequence[tuple[Tensor, Tensor]],
    known: Tensor,
    residual: int,
    error: str = "modulus",
) -> Tensor:
    """Size of the complex error of each stem, relative to the mixture of the same crop, summed over the stems.

    The error of a masked mixture against the true complex spectrum, as in phase-sensitive approximation (Erdogan et al. 2015,
    eq. 4).

    Args:
        masks, magnitude, targets: see `estimate_errors`.
        known: float `(batch, stems)`, 0 where a stem's target lies in the residual one: there only their sum is compared.
        residual: index of the residual stem (`other`).
        error: "modulus", the mean modulus, which settles on the likelier stem of a cell; or "rms", the root of the mean square of
            a crop, which is what SDR measures and makes softer masks where the stems are uncertain.
    Returns: a scalar.
    """
    errors = estimate_errors(masks, magnitude, targets)
    for index, parts in enumerate(errors):
        if index != residual:
            own = ops.reshape(known[:, index], (-1, 1, 1, 1))
            for part in (0, 1):
                errors[residual][part] = errors[residual][part] + (1 - own) * parts[part]
                parts[part] = own * parts[part]
    squares = [ops.square(real) + ops.square(imaginary) for real, imaginary in errors]
    cells = (1, 2, 3)
    if error == "rms":
        weight = 1 / (ops.sqrt(ops.mean(ops.square(magnitude), axis=cells)) + FLOOR)
        return sum(ops.mean(ops.sqrt(ops.mean(square, axis=cells) + FLOOR**2) * weight) for square in squares)
    weight = 1 / (ops.mean(magnitude, axis=cells, keepdims=True) + FLOOR)
    return sum(ops.mean((ops.sqrt(square + FLOOR**2) - FLOOR) * weight) for square in squares)


def log_magnitude_loss(
    estimates: Sequence[Tensor], targets: Sequence[tuple[Tensor, Tensor]], known: Tensor, spec: SpectrogramSpec
) -> Tensor:
    """Mean squared error of compressed magnitudes, the reference system's loss; stems that are not known are left out.

    Args:
        estimates: for each stem `(batch, frames, bins, channels)`, compressed as `SpectrogramSpec` says.
        targets, known: as for `spectral_loss`.
    Returns: a scalar.
    """
    total = 0.0
    for index, (estimate, (real, imaginary)) in enumerate(zip(estimates, targets, strict=True)):
        magnitude = ops.sqrt(ops.square(real) + ops.square(imaginary) + FLOOR**2)
        squared = ops.mean(ops.square(estimate - stft_ops.features(magnitude, spec)), axis=(1, 2, 3))
        total = total + ops.mean(squared * known[:, index])
    return total
