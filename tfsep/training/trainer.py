"""The supervised trainer: a `keras.Model` whose `train_step` turns waveforms into spectra, masks and a loss."""

from typing import Any

import keras

from tfsep.models.config import GeneratorConfig
from tfsep.training.backend_steps import PortableTrainer, apply_gradients, replica_mean, value_and_gradients
from tfsep.training.loss import supervised_loss


class SupervisedTrainer(PortableTrainer):
    """Stage 1. A batch is `(audio, known)` as `CropMixer.batch` gives it, with `CropMixer.equaliser` as a third part or not.

    The generator is what is saved, never the trainer.

    Args:
        generator: a built model from features to masks, by stem.
        config: of the generator.
        error: see `spectral_loss`.
    """

    def __init__(self, generator: keras.Model, config: GeneratorConfig, *, error: str = "modulus", **kwargs):
        super().__init__(**kwargs)
        self.generator, self.config, self.error = generator, config, error
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.built = True

    @property
    def metrics(self):
        return [self.loss_mean]

    def compile(self, optimizer: keras.optimizers.Optimizer, **kwargs: Any) -> None:
        """Build `optimizer` on the generator's variables, so that its state can be saved before the first step."""
        optimizer.build(self.generator.trainable_variables)
        super().compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax", **kwargs)
        self.generator_optimizer = optimizer

    def batch_loss(self, audio, known, equaliser_db=None):
        """Return the scalar loss of one batch."""
        return supervised_loss(self.generator, self.config, self.error, audio, known, equaliser_db)

    def update(self, batch):
        """Do one step; return `{"loss": of this batch}`, over all replicas."""
        variables = self.generator.trainable_variables
        loss, _, gradients = value_and_gradients(
            lambda: (self.batch_loss(*batch), ()), variables, self.generator.non_trainable_variables
        )
        apply_gradients(self.generator_optimizer, gradients, variables)
        loss = replica_mean(loss)
        self.loss_mean.update_state(loss)
        return {"loss": loss}

    def measure(self, batch):
        """Update the mean loss with a batch; return it."""
        self.loss_mean.update_state(replica_mean(self.batch_loss(*batch)))
        return {"loss": self.loss_mean.result()}
