"""The trainer of a super-resolution network: log-spectral distance, and critics that hear several bands."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tfsep.training.adversarial_loss import critic_loss, feature_matching, generator_loss
from tfsep.training.backend_steps import PortableTrainer, apply_gradients, value_and_gradients
from tfsep.training.enhance_config import EnhanceTrainingConfig

Tensor = Any
TERMS = ("loss", "distance", "adversarial", "feature_matching", "critic")
KIND = "hinge"


class EnhanceTrainer(PortableTrainer):
    """A batch is `(spectrum, target)` as `EnhanceBatches` gives it. Runs on Keras' TensorFlow and JAX backends.

    The critic sees whole spectra: the known cells as they are, the others restored. Up to step `config.critic_from` it is left
    alone, and the network reduces the distance only. The network is what is saved, never the trainer.

    Args:
        network: a built `SuperResolutionNet`.
        critic: a built multi-band critic of spectra of one channel, see `tfsep.models.discriminators`.
    """

    def __init__(self, network: keras.Model, critic: keras.Model, config: EnhanceTrainingConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.network, self.critic, self.config = network, critic, config
        self.adversarial = False  # set by `with_critic`, before a step is compiled
        self.means = {name: keras.metrics.Mean(name=name) for name in TERMS}
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """A mean for each term."""
        return list(self.means.values())

    @property
    def parts(self) -> dict[str, list[keras.Variable]]:
        """Everything that a step changes, by name, for `save_parts` and `load_parts`."""
        return {
            "network": self.network.variables,
            "critic": self.critic.variables,
            "network_optimizer": self.network_optimizer.variables,
            "critic_optimizer": self.critic_optimizer.variables,
        }

    def with_critic(self, adversarial: bool) -> None:
        """Say whether the critic takes part in the steps that are compiled from now on."""
        self.adversarial = adversarial

    def compile(
        self, network_optimizer: keras.optimizers.Optimizer, critic_optimizer: keras.optimizers.Optimizer, **kwargs: Any
    ) -> None:
        """Build each optimizer on its network's variables, so that its state can be saved before the first step."""
        self.network_optimizer, self.critic_optimizer = network_optimizer, critic_optimizer
        network_optimizer.build(self.network.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)
        ours = {id(variable) for variable in self.network.trainable_variables}
        both = keras.optimizers.MultiOptimizer(lambda v: network_optimizer if id(v) in ours else critic_optimizer)
        both.build(self.trainable_variables)
        super().compile(optimizer=both, jit_compile=keras.backend.backend() == "jax", **kwargs)

    def restored(self, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Return the whole restored spectrum, `(batch, frames, bins, 1)`, and which of its cells are restored."""
        known, missing = spectrum[..., :1], 1 - spectrum[..., 2:]
        return known + missing * self.network(spectrum, training=True), missing

    def network_terms(self, spectrum: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the network reduces, and the terms of it."""
        restored, missing = self.restored(spectrum)
        logs = dict.fromkeys(TERMS, ops.zeros(()))
        logs["distance"] = ops.sum(missing * ops.abs(restored - target)) / (ops.sum(missing) + 1)
        total = logs["distance"]
        if self.adversarial:
            weights = ops.ones((spectrum.shape[0],))
            on_restored = self.critic(restored, training=True)
            on_real = self.critic(_seen(target, spectrum), training=True)
            logs["adversarial"] = generator_loss(KIND, on_restored["logits"], weights)
            logs["feature_matching"] = feature_matching(on_real["features"], on_restored["features"], weights, weights)
            total = total + self.config.adversarial_weight * logs["adversarial"]
            total = total + self.config.feature_matching_weight * logs["feature_matching"]
        logs["loss"] = total
        return total, logs

    def critic_terms(self, spectrum: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the critic reduces, twice."""
        restored = ops.stop_gradient(self.restored(spectrum)[0])
        weights = ops.ones((spectrum.shape[0],))
        logits = self.critic(ops.concatenate([_seen(target, spectrum), restored]), training=True)["logits"]
        on_real, on_restored = zip(*(ops.split(view, 2) for view in logits), strict=True)
        loss = critic_loss(KIND, on_real, on_restored, weights, weights)
        return loss, loss

    def update(self, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Update the critic, if it takes part, and the network; return the running means of all terms."""
        logs = {}
        if self.adversarial:
            variables = self.critic.trainable_variables
            _, loss, gradients = value_and_gradients(lambda: self.critic_terms(*batch), variables, self.network.variables)
            apply_gradients(self.critic_optimizer, gradients, variables)
            logs["critic"] = loss
        variables = self.network.trainable_variables
        _, terms, gradients = value_and_gradients(lambda: self.network_terms(*batch), variables, self.critic.variables)
        apply_gradients(self.network_optimizer, gradients, variables)
        return self._log(terms | logs)

    def measure(self, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
        """Take the terms of a batch into the running means, learning nothing; return those."""
        return self._log(self.network_terms(*batch)[1])

    def _log(self, terms: dict[str, Tensor]) -> Mapping[str, Tensor]:
        for name, mean in self.means.items():
            mean.update_state(terms[name])
        return {name: mean.result() for name, mean in self.means.items()}


def _seen(target: Tensor, spectrum: Tensor) -> Tensor:
    """Return the full sound as the critic sees it: its known cells are those of the degraded one, so that they tell nothing."""
    return spectrum[..., :1] + (1 - spectrum[..., 2:]) * target
