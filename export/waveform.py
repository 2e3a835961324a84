"""The graph from sound to sound: transform, generator, masks and inverse in one file, for apps without any DSP of their own."""

from dataclasses import replace

import numpy as np

from tfsep.bundle import Bundle
from tfsep.contract import WAVEFORM, residual_stem
from tfsep.dsp.stft import features, istft, stft
from tfsep.errors import UsageError

from .graph import Graph, Tensor
from .transform import Transform


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
        magnitude = transform.magnitude(packed, spec.channels)
        compressed = tf.math.log(1.0 + spec.feature_gain * magnitude)  # there is no log1p operator in LiteRT
        masks = bundle.generator.masks(tf.transpose(compressed, [1, 2, 0])[tf.newaxis])
        weighted = transform.weighted(packed)
        sounds = {}
        for stem in others:
            mask = transform.packed_mask(tf.transpose(masks[stem][0], [2, 0, 1]))
            sounds[stem] = transform.inverse(weighted * mask, spec.channels)
        sounds[residual] = sound - sum(sounds.values())
        return {stem: tf.transpose(each)[tf.newaxis] for stem, each in sounds.items()}

    def reference(mixture: np.ndarray) -> dict[str, np.ndarray]:
        spectra = stft(mixture, spec)
        masks = bundle.predict(features(spectra, spec)[np.newaxis])
        sounds = {}
        for stem in others:
            mask = np.concatenate([masks[stem][0], masks[stem][0][:, -1:]], axis=1)
            sounds[stem] = istft(spectra * mask, spec, len(mixture))
        sounds[residual] = mixture - sum(sounds.values())
        return {stem: sounds[stem] for stem in contract.stems}

    return Graph(contract, function, tuple(bundle.generator.variables), reference)
