"""The graph from sound to sound: transform, generator, masks and inverse in one file, for apps without any DSP of their own."""

from dataclasses import replace

import numpy as np

from tfsep.bundle import Bundle
from tfsep.contract import WAVEFORM, ModelContract, residual_stem
from tfsep.dsp.masks import mask_factor
from tfsep.dsp.stft import features, istft, stft
from tfsep.errors import UsageError

from .graph import Graph, Tensor
from .transform import Transform

SILENCE = 1e-12  # linear magnitude, below which there is no phase


def waveform_graph(bundle: Bundle) -> Graph:
    """Return the graph from `(1, chunk_samples, channels)` to each stem's sound, that shape.

    As in `Separator`, the residual stem is what the others leave of the mixture. Raises: UsageError for a geometry that does not fit.
    """
    try:
        contract = replace(bundle.contract, kind=WAVEFORM, input_name="mixture")
        transform = Transform(contract.spec)
    except ValueError as error:
        raise UsageError(f"{bundle.name}: cannot be exported from sound to sound: {error}") from None
    spec, residual = contract.spec, residual_stem(contract.stems)
    others = [stem for stem in contract.stems if stem != residual]

    def function(mixture: Tensor) -> dict[str, Tensor]:
        import tensorflow as tf

        sound = tf.transpose(mixture[0])  # channels, samples
        packed = transform.forward(sound)
        seen = _features(transform, packed, contract)
        masks = bundle.generator.masks(tf.transpose(seen, [1, 2, 0])[tf.newaxis])
        weighted = transform.weighted(packed)
        sounds = {}
        for stem in others:
            mask = tf.transpose(masks[stem][0], [2, 0, 1])
            sounds[stem] = transform.inverse(_masked(transform, weighted, mask, contract), spec.channels)
        sounds[residual] = sound - sum(sounds.values())
        return {stem: tf.transpose(each)[tf.newaxis] for stem, each in sounds.items()}

    def reference(mixture: np.ndarray) -> dict[str, np.ndarray]:
        spectra = stft(mixture, spec)
        masks = bundle.predict(features(spectra, spec, contract.mask)[np.newaxis])
        sounds = {}
        for stem in others:
            mask = mask_factor(masks[stem][0], contract.mask)
            mask = np.concatenate([mask, mask[:, -1:]], axis=1)
            sounds[stem] = istft(spectra * mask, spec, len(mixture))
        sounds[residual] = mixture - sum(sounds.values())
        return {stem: sounds[stem] for stem in contract.stems}

    return Graph(contract, function, tuple(bundle.generator.variables), reference)


def _features(transform: Transform, packed: Tensor, contract: ModelContract) -> Tensor:
    """Return what the generator sees, `(input channels, frames, model_bins)`, see `tfsep.dsp.stft.features`."""
    import tensorflow as tf

    gain, channels = contract.spec.feature_gain, contract.spec.channels
    magnitude = transform.magnitude(packed, channels)
    compressed = tf.math.log(1.0 + gain * magnitude)  # there is no log1p operator in LiteRT
    if contract.mask == "real":
        return compressed
    turn = compressed / tf.maximum(magnitude, SILENCE)
    return tf.concat([compressed, *(part * turn for part in transform.parts(packed, channels))], axis=0)


def _masked(transform: Transform, packed: Tensor, mask: Tensor, contract: ModelContract) -> Tensor:
    """Multiply packed spectra by a mask `(mask channels, frames, model_bins)`."""
    import tensorflow as tf

    if contract.mask == "real":
        return packed * transform.packed_mask(mask)
    by_real, by_imaginary = (transform.packed_mask(part) for part in tf.split(mask, 2, axis=0))
    real, imaginary = packed[:, :, :1], packed[:, :, 1:]
    return tf.concat([real * by_real - imaginary * by_imaginary, real * by_imaginary + imaginary * by_real], axis=2)
