"""The supervised trainer: a `keras.Model` whose `train_step` turns waveforms into spectra, masks and a loss."""

from typing import Any

import keras
from keras import ops

from tfsep.contract import residual_stem
from tfsep.dsp import stft_ops
from tfsep.models.config import GeneratorConfig
from tfsep.training.loss import log_magnitude_loss, magnitudes_and_targets, spectral_loss


class SupervisedTrainer(keras.Model):
    """Stage 1. A batch is `(audio, known)` as `CropMixer.batch` gives it, with `CropMixer.equaliser` as a third part or not.

    The generator is what is saved, never the trainer. TensorFlow's backend only: JAX needs a stateless step.

    Args:
        generator: a built model from features to masks, by stem.
        config: of the generator.
        error: see `spectral_loss`.
    """

    def __init__(self, generator: keras.Model, config: GeneratorConfig, *, error: str = "modulus", **kwargs):
        super().__init__(**kwargs)
        self.generator, self.config, self.error = generator, config, error
        self.residual = config.stems.index(residual_stem(config.stems))
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.built = True

    @property
    def metrics(self):
        return [self.loss_mean]

    def compile(self, optimizer: keras.optimizers.Optimizer, **kwargs: Any) -> None:
        """Build `optimizer` on the generator's variables, so that its state can be saved before the first step."""
        super().compile(optimizer=None, jit_compile=False, **kwargs)
        self.generator_optimizer = optimizer
        optimizer.build(self.generator.trainable_variables)

    def batch_loss(self, audio, known, equaliser_db=None):
        """Return the scalar loss of one batch."""
        spec = self.config.spec
        magnitude, targets = magnitudes_and_targets(audio, spec, equaliser_db)
        estimates = self.generator(stft_ops.features(magnitude, spec))
        ordered = [estimates[stem] for stem in self.config.stems]
        if self.generator.output_kind == "log_magnitude":
            return log_magnitude_loss(ordered, targets, known, spec)
        return spectral_loss(ordered, magnitude, targets, known, self.residual, self.error)

    def train_step(self, batch):
        import tensorflow as tf

        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.batch_loss(*batch)
        self.generator_optimizer.apply(tape.gradient(loss, variables), variables)
        self.loss_mean.update_state(loss)
        return {"loss": loss}

    def test_step(self, batch):
        loss = self.batch_loss(*batch)
        self.loss_mean.update_state(loss)
        return {"loss": self.loss_mean.result()}

    def song_errors(self, audio):
        """Return what SDR is made of: energies of targets and of errors, each `(batch, stems)`.

        Args:
            audio: float32 `(batch, stems, channels, samples)`.

        Measured on spectra, where the redundant transform weighs every sample alike but those at the edges.
        """
        spec = self.config.spec
        magnitude, targets = magnitudes_and_targets(audio, spec)
        estimates = self.generator.masks(stft_ops.features(magnitude, spec))
        energies, errors = [], []
        for stem, (real, imaginary) in zip(self.config.stems, targets, strict=True):
            difference = estimates[stem] * magnitude - real
            energies.append(ops.sum(ops.square(real) + ops.square(imaginary), axis=(1, 2, 3)))
            errors.append(ops.sum(ops.square(difference) + ops.square(imaginary), axis=(1, 2, 3)))
        return ops.stack(energies, axis=1), ops.stack(errors, axis=1)
