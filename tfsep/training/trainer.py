"""The supervised trainer: a `keras.Model` whose `train_step` turns waveforms into spectra, masks and a loss."""

from typing import Any

import keras
from keras import ops

from tfsep.dsp import stft_ops
from tfsep.models.config import GeneratorConfig
from tfsep.training.loss import magnitudes_and_targets, spectral_loss

RESIDUAL_STEM = "other"


class SupervisedTrainer(keras.Model):
    """Stage 1. A batch is `(audio, known)` as `CropMixer.batch` gives it.

    The generator is what is saved, never the trainer. TensorFlow's backend only: JAX needs a stateless step.

    Args:
        generator: a built model from features to masks, by stem.
        config: of the generator.
    """

    def __init__(self, generator: keras.Model, config: GeneratorConfig, **kwargs):
        super().__init__(**kwargs)
        self.generator, self.config = generator, config
        self.residual = config.stems.index(RESIDUAL_STEM) if RESIDUAL_STEM in config.stems else len(config.stems) - 1
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

    def batch_loss(self, audio, known):
        """Return the scalar loss of one batch."""
        spec = self.config.spec
        magnitude, targets = magnitudes_and_targets(audio, spec)
        estimates = self.generator(stft_ops.features(magnitude, spec))
        return spectral_loss([estimates[stem] for stem in self.config.stems], magnitude, targets, known, self.residual)

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
        """Return what SDR is made of, for crops of `(batch, stems, channels, samples)`: energies `(batch, stems)` of targets and of errors.

        Measured in the spectral domain, where the redundant transform weighs every sample alike but those at the edges.
        """
        spec = self.config.spec
        magnitude, targets = magnitudes_and_targets(audio, spec)
        estimates = self.generator(stft_ops.features(magnitude, spec))
        energies, errors = [], []
        for stem, (real, imaginary) in zip(self.config.stems, targets, strict=True):
            difference = estimates[stem] * magnitude - real
            energies.append(ops.sum(ops.square(real) + ops.square(imaginary), axis=(1, 2, 3)))
            errors.append(ops.sum(ops.square(difference) + ops.square(imaginary), axis=(1, 2, 3)))
        return ops.stack(energies, axis=1), ops.stack(errors, axis=1)
