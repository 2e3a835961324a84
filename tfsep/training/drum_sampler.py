"""The trainer of the drum sampler: a variational autoencoder of hits whose decoder is also judged by a critic (a VAE-GAN)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import keras
from keras import ops

from tfsep.models.drum_sampler import Sampler
from tfsep.training.backend_steps import PortableTrainer, apply_gradients, value_and_gradients
from tfsep.training.drum_hits import CHUNK_HITS

Tensor = Any
SAMPLER_TERMS = ("loss", "error_db", "divergence", "adversarial", "feature_matching")
CRITIC_TERMS = ("critic", "real", "fake")


@dataclass(frozen=True, kw_only=True)
class DrumSamplerConfig:
    """What training does.

    Attributes:
        pool: hits kept at a time, at least a chunk; each is drawn several times, filtered, shaped and damaged anew.
        steps_per_chunk: steps until the pool takes the next chunk of new hits.
        damaged: share of hits that the encoder hears as they are in a separated stem.
        divergence_weight: of the nats by which codes tell more than their drum's prior, against an error in dB.
        adversarial_from: step at which the critic begins.
        ramp_steps: over which the critic's weights rise from then on.
        quiet_weight: of a cell at the floor, where one at the peak counts 1.

    Raises: ValueError from a field out of range.
    """

    steps: int = 6000
    batch: int = 64
    learning_rate: float = 1.5e-3
    critic_learning_rate: float = 3e-4
    damaged: float = 0.75
    divergence_weight: float = 0.003
    adversarial_weight: float = 0.05
    feature_matching_weight: float = 0.5
    adversarial_from: int = 4200
    ramp_steps: int = 500
    quiet_weight: float = 0.25
    clip_norm: float = 5.0
    pool: int = 8960
    steps_per_chunk: int = 6
    checkpoint_every: int = 300
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "batch", "ramp_steps", "steps_per_chunk", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        if self.pool < CHUNK_HITS:
            raise ValueError(f"pool={self.pool}: use {CHUNK_HITS}, the hits of a chunk, or more")
        for name in ("learning_rate", "critic_learning_rate", "quiet_weight", "clip_norm"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use a positive number")
        for name in ("divergence_weight", "adversarial_weight", "feature_matching_weight", "adversarial_from"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use 0 or more")
        if not 0 <= self.damaged <= 1:
            raise ValueError(f"damaged={self.damaged}: use 0 to 1")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: use 0 to {2**32 - 1}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


class HitBatch(NamedTuple):
    """What one step takes, float32.

    Attributes:
        heard: `(batch, cells, bands, 1)`, as the encoder hears the hits.
        clean: of that shape, as they are.
        drums: `(batch, drums)`, one-hot.
        noise, free: `(batch, code)`, normal, of the hits' codes and of free samples.
    """

    heard: Tensor
    clean: Tensor
    drums: Tensor
    noise: Tensor
    free: Tensor


class DrumSamplerTrainer(PortableTrainer):
    """Trains encoder, decoder and critic; a batch is a `HitBatch`. Runs on Keras' TensorFlow and JAX backends.

    The decoder is to give the clean hit from the code of the damaged one. Codes are drawn towards a prior that each drum learns
    (a conditional VAE; Sohn et al., NIPS 2015). From `adversarial_from` on a critic judges what the decoder makes of hits
    and of codes drawn from the prior (hinge loss), and its hidden layers compare a hit with what was made of it.

    Attributes:
        judged: whether steps use the critic; read when a step is compiled.
    """

    def __init__(self, sampler: Sampler, critic: keras.Model, config: DrumSamplerConfig, floor_db: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.critic = sampler.encoder, sampler.decoder, critic
        self.config, self.floor_db, self.judged = config, floor_db, False
        code = self.decoder.inputs[0].shape[1]
        self.prior = keras.layers.Dense(2 * code, use_bias=False, kernel_initializer="zeros", dtype="float32", name="prior")
        self.prior.build((None, self.decoder.inputs[1].shape[1]))
        self.means = {name: keras.metrics.Mean(name=name) for name in (*SAMPLER_TERMS, *CRITIC_TERMS)}
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """A mean for each term."""
        return list(self.means.values())

    @property
    def sampler_variables(self) -> list[keras.Variable]:
        """What the sampler's optimizer changes."""
        return [v for part in (self.encoder, self.decoder, self.prior) for v in part.trainable_variables]

    @property
    def parts(self) -> dict[str, list[keras.Variable]]:
        """Everything that a step changes, by name, for `save_parts` and `load_parts`."""
        return {
            "sampler": self.sampler_variables,
            "critic": self.critic.variables,
            "sampler_optimizer": self.sampler_optimizer.variables,
            "critic_optimizer": self.critic_optimizer.variables,
        }

    def compile(self, **kwargs: Any) -> None:
        """Make an optimizer for the sampler and one for the critic, so that their state can be saved before the first step."""
        config = self.config
        schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps, alpha=0.05)
        self.sampler_optimizer = keras.optimizers.Adam(schedule, global_clipnorm=config.clip_norm, name="sampler_adam")
        self.critic_optimizer = keras.optimizers.Adam(config.critic_learning_rate, beta_1=0.5, name="critic_adam")
        self.sampler_optimizer.build(self.sampler_variables)
        self.critic_optimizer.build(self.critic.trainable_variables)
        ours = {id(variable) for variable in self.sampler_variables}
        both = keras.optimizers.MultiOptimizer(lambda v: self.sampler_optimizer if id(v) in ours else self.critic_optimizer)
        both.build(self.trainable_variables)
        super().compile(optimizer=both, jit_compile=keras.backend.backend() == "jax", **kwargs)

    def _prior(self, drums: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = ops.split(self.prior(drums), 2, axis=1)
        return mean, log_variance

    def _made(self, batch: HitBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is made of the hits' codes and of free ones, and the nats that the codes tell."""
        seen = self.encoder(batch.heard, training=True)
        mean, log_variance = seen["mean"], ops.clip(seen["log_variance"], -10.0, 4.0)
        prior_mean, prior_log_variance = self._prior(batch.drums)
        code = mean + ops.exp(log_variance / 2) * batch.noise
        free = ops.stop_gradient(prior_mean + ops.exp(prior_log_variance / 2) * batch.free)
        nats = 0.5 * ops.sum(
            prior_log_variance
            - log_variance
            + (ops.exp(log_variance) + ops.square(mean - prior_mean)) / ops.exp(prior_log_variance)
            - 1,
            axis=1,
        )
        both = self.decoder([ops.concatenate([code, free]), ops.concatenate([batch.drums, batch.drums])], training=True)
        made, dreamt = ops.split(both, 2)
        return made, dreamt, ops.mean(nats)

    def _error_db(self, made: Tensor, clean: Tensor) -> Tensor:
        """Return the mean distance in dB, loud cells counted more."""
        weights = self.config.quiet_weight + (1 - self.config.quiet_weight) * clean
        return self.floor_db * ops.sum(weights * ops.abs(made - clean)) / ops.sum(weights)

    def sampler_terms(self, batch: HitBatch, ramp: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what encoder and decoder reduce, and the terms of it.

        Args:
            ramp: what the critic's weights are multiplied by.
        """
        config = self.config
        made, dreamt, nats = self._made(batch)
        logs = {"error_db": self._error_db(made, batch.clean), "divergence": nats}
        drums = ops.concatenate([batch.drums] * 3)
        seen = self.critic([ops.concatenate([made, dreamt, batch.clean]), drums], training=True)
        logs["adversarial"] = -ops.mean(ops.split(seen["logit"], 3)[0]) - ops.mean(ops.split(seen["logit"], 3)[1])
        distances = []
        for layer in seen["features"]:
            of_made, _, of_clean = ops.split(ops.cast(layer, "float32"), 3)
            of_clean = ops.stop_gradient(of_clean)
            distances.append(ops.mean(ops.abs(of_made - of_clean)) / (ops.mean(ops.abs(of_clean)) + 1e-3))
        logs["feature_matching"] = sum(distances) / len(distances)
        logs["loss"] = (
            logs["error_db"]
            + config.divergence_weight * nats
            + ramp
            * (config.adversarial_weight * logs["adversarial"] + config.feature_matching_weight * logs["feature_matching"])
        )
        return logs["loss"], logs

    def critic_terms(self, batch: HitBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the critic reduces (hinge; Lim and Ye 2017, arXiv 1705.02894), and the terms of it."""
        made, dreamt, _ = self._made(batch)
        grids = ops.stop_gradient(ops.concatenate([batch.clean, made, dreamt]))
        logit = self.critic([grids, ops.concatenate([batch.drums] * 3)], training=True)["logit"]
        real, *fakes = ops.split(logit, 3)
        fake = ops.concatenate(fakes)
        loss = ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))
        return loss, {"critic": loss, "real": ops.mean(real), "fake": ops.mean(fake)}

    def _plain_terms(self, batch: HitBatch) -> tuple[Tensor, dict[str, Tensor]]:
        made, _, nats = self._made(batch)
        error = self._error_db(made, batch.clean)
        loss = error + self.config.divergence_weight * nats
        return loss, {"loss": loss, "error_db": error, "divergence": nats}

    def update(self, batch: HitBatch) -> Mapping[str, Tensor]:
        """Do a step: where hits are `judged` the critic once, and then encoder and decoder."""
        batch = HitBatch(*batch)
        return self._update_judged(batch) if self.judged else self._update_plainly(batch)

    def _update_judged(self, batch: HitBatch) -> Mapping[str, Tensor]:
        ours, theirs = self.sampler_variables, self.critic.trainable_variables
        _, critic_logs, gradients = value_and_gradients(lambda: self.critic_terms(batch), theirs, ours)
        apply_gradients(self.critic_optimizer, gradients, theirs)
        done = ops.cast(self.critic_optimizer.iterations.value, "float32")
        ramp = ops.minimum(done / self.config.ramp_steps, 1.0)
        _, logs, gradients = value_and_gradients(lambda: self.sampler_terms(batch, ramp), ours, theirs)
        apply_gradients(self.sampler_optimizer, gradients, ours)
        return self._log(logs | critic_logs)

    def _update_plainly(self, batch: HitBatch) -> Mapping[str, Tensor]:
        variables = self.sampler_variables
        _, logs, gradients = value_and_gradients(lambda: self._plain_terms(batch), variables, [])
        apply_gradients(self.sampler_optimizer, gradients, variables)
        return self._log(logs)

    def measure(self, batch: HitBatch) -> Mapping[str, Tensor]:
        """Take the terms of a batch into the running means, learning nothing."""
        return self._log(self._plain_terms(HitBatch(*batch))[1])

    def _log(self, terms: dict[str, Tensor]) -> Mapping[str, Tensor]:
        for name, term in terms.items():
            self.means[name].update_state(term)
        return {name: mean.result() for name, mean in self.means.items()}
