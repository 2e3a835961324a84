"""Stage 2: a generator that has learnt from multitracks learns also from recordings that have none.

After Stoller, Ewert and Dixon (arXiv 1711.00048); `docs/adversarial.md` explains the scheme and how to read the logs.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from tfsep.dsp import stft_ops
from tfsep.errors import UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.models.discriminators import build_discriminator
from tfsep.training.adversarial_config import AdversarialConfig
from tfsep.training.adversarial_loss import (
    additivity,
    audible,
    critic_loss,
    estimated_pair,
    feature_matching,
    generator_loss,
    gradient_penalty,
    mixing_shares,
    scores,
    shares,
)
from tfsep.training.backend_steps import (
    PortableTrainer,
    apply_gradients,
    replica_index,
    replica_mean,
    value_and_gradients,
)
from tfsep.training.loss import magnitudes, supervised_loss

Tensor = Any
ROLES = ("target", "rest")
CRITIC_TERMS = ("critic", "penalty", "slope", "target_real", "target_fake", "rest_real", "rest_fake")
GENERATOR_TERMS = ("loss", "supervised", "adversarial", "feature_matching", "additivity")


class AdversarialBatch(NamedTuple):
    """What one step takes. All arrays are float32; a plain tuple of the same four serves as well.

    Attributes:
        supervised: `(audio, known)` or `(audio, known, equaliser_db)`, as `CropMixer` gives them.
        mixtures: `(unpaired_examples, channels, samples)`, whole songs.
        targets: of that shape, recordings of the target alone, which are no stems of the mixtures.
        rests: of that shape, recordings without the target.
    """

    supervised: tuple[Tensor, ...]
    mixtures: Tensor
    targets: Tensor
    rests: Tensor


def build_critics(config: AdversarialConfig, generator_config: GeneratorConfig, frames: int) -> tuple[keras.Model, keras.Model]:
    """Build the critics of the target and of the rest, with fresh weights, for crops of `frames`.

    With a gradient penalty they work in float32 whatever the precision: its second derivatives are too coarse in bfloat16.
    """
    spec = generator_config.spec
    options = {"dtype": "float32"} if config.loss == "wgan-gp" else {}
    return tuple(
        build_discriminator(
            config.discriminator,
            frames=frames,
            bins=spec.model_bins,
            channels=spec.channels,
            name=f"{role}_critic",
            **options,
        )
        for role in ROLES
    )


def build_optimizers(
    config: AdversarialConfig, learning_rate: float
) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """Make Adam for the generator, at this learning rate, and Adam for both critics."""
    return tuple(
        keras.optimizers.Adam(
            rate, beta_1=config.beta_1, beta_2=config.beta_2, global_clipnorm=config.clip_norm or None, name=name
        )
        for rate, name in (
            (learning_rate, "generator_adam"),
            (config.critic_learning_rate, "critic_adam"),
        )
    )


class AdversarialTrainer(PortableTrainer):
    """Stage 2. Runs on Keras' TensorFlow and JAX backends; a batch is an `AdversarialBatch`.

    A step updates both critics `critic_steps` times, each time on unpaired recordings of their own against estimates from unpaired
    mixtures of their own (example `i` belongs to update `i % critic_steps`), then the generator once: on the supervised batch,
    and on the mixtures of the last update. Logs are running means since `reset_metrics`, over all replicas.

    The generator is what is saved, never the trainer; `parts` is what a checkpoint holds.

        generator = build_generator(generator_config, frames)  # with the weights of stage 1
        trainer = AdversarialTrainer(generator, generator_config, config, build_critics(config, generator_config, frames))
        trainer.compile(*build_optimizers(config, learning_rate=1e-4))
        step = compiled_step(trainer)  # or trainer.fit
        logs = step(AdversarialBatch((audio, known, equaliser_db), mixtures, targets, rests))

    Args:
        generator: a built model from features to masks or compressed magnitudes, by stem.
        generator_config: of the generator.
        config: of stage 2.
        critics: of the target and of the rest, see `build_critics`.
        error: of the supervised term, see `spectral_loss`.

    Raises: UsageError if the generator does not separate the target, or gives complex masks, whose phase critics do not see.
    """

    def __init__(
        self,
        generator: keras.Model,
        generator_config: GeneratorConfig,
        config: AdversarialConfig,
        critics: tuple[keras.Model, keras.Model],
        *,
        error: str = "rms",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if config.target not in generator_config.stems:
            raise UsageError(
                f"target={config.target!r}: the generator separates {', '.join(generator_config.stems)}; use one of them"
            )
        if generator_config.head == "complex":
            raise UsageError(
                "head='complex': adversarial training judges magnitudes, use a generator of head mask, or train stage 1"
            )
        self.generator, self.generator_config, self.config, self.error = generator, generator_config, config, error
        self.target_critic, self.rest_critic = critics
        self.means = {name: keras.metrics.Mean(name=name) for name in (*GENERATOR_TERMS, *CRITIC_TERMS)}
        self.built = True

    @property
    def critics(self) -> tuple[keras.Model, keras.Model]:
        """The critics of the target and of the rest, in the order of `ROLES`."""
        return self.target_critic, self.rest_critic

    @property
    def critic_variables(self) -> list[keras.Variable]:
        """What the critics' optimizer changes."""
        return [variable for critic in self.critics for variable in critic.trainable_variables]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """A mean for each term, so that logs and resets work as in any Keras model."""
        return list(self.means.values())

    @property
    def parts(self) -> dict[str, list[keras.Variable]]:
        """Everything that a step changes, by name, for `save_parts` and `load_parts`."""
        return {
            "generator": self.generator.variables,
            "target_critic": self.target_critic.variables,
            "rest_critic": self.rest_critic.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "critic_optimizer": self.critic_optimizer.variables,
        }

    def compile(
        self, generator_optimizer: keras.optimizers.Optimizer, critic_optimizer: keras.optimizers.Optimizer, **kwargs: Any
    ) -> None:
        """Build each optimizer on its networks' variables, so that its state can be saved before the first step."""
        self.generator_optimizer, self.critic_optimizer = generator_optimizer, critic_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic_variables)
        ours = {id(variable) for variable in self.generator.trainable_variables}
        both = keras.optimizers.MultiOptimizer(lambda v: generator_optimizer if id(v) in ours else critic_optimizer)
        both.build(self.trainable_variables)
        super().compile(optimizer=both, jit_compile=keras.backend.backend() == "jax", **kwargs)

    # --- terms --------------------------------------------------------------------------------------------------------

    def _spectra(self, waveforms: Tensor, part: int) -> Tensor:
        """Return the linear magnitudes of the examples of one update of the critics."""
        channels, samples = waveforms.shape[1:]
        chosen = ops.reshape(waveforms, (-1, self.config.critic_steps, channels, samples))[:, part]
        return magnitudes(chosen, self.generator_config.spec)

    def _pair(self, magnitude: Tensor) -> tuple[Tensor, Tensor]:
        config = self.generator_config
        return estimated_pair(self.generator, config.stems, self.config.target, magnitude, config.spec)

    def critic_terms(self, batch: AdversarialBatch, part: int, update: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what both critics together reduce, and the terms of it.

        Args:
            part: which of the updates of a step.
            update: how many updates the critics have seen.
        """
        _, mixtures, *recordings = batch
        spec, kind = self.generator_config.spec, self.config.loss
        mixture = self._spectra(mixtures, part)
        fakes = self._pair(mixture)
        total, logs = 0.0, dict.fromkeys(CRITIC_TERMS, ops.zeros(()))
        for role, critic, fake, waveforms in zip(ROLES, self.critics, fakes, recordings, strict=True):
            magnitude = self._spectra(waveforms, part)
            real, fake = stft_ops.features(magnitude, spec), ops.stop_gradient(fake)
            real_weights, fake_weights = shares(audible(magnitude), audible(mixture))
            logits = critic(ops.concatenate([real, fake]), training=True)["logits"]
            on_real, on_fake = zip(*(ops.split(view, 2) for view in logits), strict=True)
            loss = critic_loss(kind, on_real, on_fake, real_weights, fake_weights)
            logs["critic"] = logs["critic"] + loss
            logs[f"{role}_real"] = ops.mean(real_weights * scores(on_real))
            logs[f"{role}_fake"] = ops.mean(fake_weights * scores(on_fake))
            if kind == "wgan-gp":
                penalty, slope = self._penalty(critic, real, fake, update)
                loss = loss + self.config.penalty_weight * penalty
                logs["penalty"], logs["slope"] = logs["penalty"] + penalty, logs["slope"] + slope / len(ROLES)
            total = total + loss
        return total, logs

    def _penalty(self, critic: keras.Model, real: Tensor, fake: Tensor, update: Tensor) -> tuple[Tensor, Tensor]:
        count = real.shape[0]
        mix = mixing_shares(update, replica_index() * count, count)
        return gradient_penalty(lambda x: scores(critic(x, training=True)["logits"]), real, fake, mix)

    def generator_terms(self, batch: AdversarialBatch, ramp: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the generator reduces, and the terms of it.

        Args:
            ramp: what the critics' weights are multiplied by.
        """
        supervised, mixtures, *recordings = batch
        config, spec = self.config, self.generator_config.spec
        logs = dict.fromkeys(GENERATOR_TERMS, ops.zeros(()))
        logs["supervised"] = supervised_loss(self.generator, self.generator_config, self.error, *supervised)
        part = config.critic_steps - 1
        mixture = self._spectra(mixtures, part)
        fakes = self._pair(mixture)
        for critic, fake, waveforms in zip(self.critics, fakes, recordings, strict=True):
            magnitude = self._spectra(waveforms, part)
            real_weights, fake_weights = shares(audible(magnitude), audible(mixture))
            on_fake = critic(fake, training=True)
            logs["adversarial"] = logs["adversarial"] + generator_loss(config.loss, on_fake["logits"], fake_weights)
            if config.feature_matching_weight:
                on_real = critic(stft_ops.features(magnitude, spec), training=True)
                matching = feature_matching(on_real["features"], on_fake["features"], real_weights, fake_weights)
                logs["feature_matching"] = logs["feature_matching"] + matching
        total = config.supervised_weight * logs["supervised"] + ramp * (
            config.adversarial_weight * logs["adversarial"] + config.feature_matching_weight * logs["feature_matching"]
        )
        if config.additivity_weight and self.generator.output_kind != "mask":  # masks sum to one by construction
            logs["additivity"] = additivity(*fakes, mixture, spec)
            total = total + config.additivity_weight * logs["additivity"]
        logs["loss"] = total
        return total, logs

    def _ramp(self) -> Tensor:
        if not self.config.ramp_steps:
            return ops.ones(())
        done = ops.cast(self.generator_optimizer.iterations.value, "float32")
        return ops.minimum(done / self.config.ramp_steps, 1.0)

    # --- steps --------------------------------------------------------------------------------------------------------

    def update(self, batch: AdversarialBatch) -> Mapping[str, Tensor]:
        """Update the critics `critic_steps` times and the generator once; return the running means of all terms."""
        critic_variables, generator_variables = self.critic_variables, self.generator.trainable_variables
        critic_others = _without(self.variables, critic_variables)
        critic_logs = []
        for part in range(self.config.critic_steps):
            seen = self.critic_optimizer.iterations.value  # read here: the gradients' function may read the networks only
            _, logs, gradients = value_and_gradients(
                lambda part=part, seen=seen: self.critic_terms(batch, part, seen), critic_variables, critic_others
            )
            apply_gradients(self.critic_optimizer, gradients, critic_variables)
            critic_logs.append(logs)
        ramp = self._ramp()
        _, logs, gradients = value_and_gradients(
            lambda: self.generator_terms(batch, ramp), generator_variables, _without(self.variables, generator_variables)
        )
        apply_gradients(self.generator_optimizer, gradients, generator_variables)
        return self._log(logs | {name: sum(each[name] for each in critic_logs) / len(critic_logs) for name in CRITIC_TERMS})

    def measure(self, batch: AdversarialBatch) -> Mapping[str, Tensor]:
        """Take the terms of a batch into the running means, learning nothing; return those."""
        _, logs = self.generator_terms(batch, self._ramp())
        _, critic_logs = self.critic_terms(batch, self.config.critic_steps - 1, self.critic_optimizer.iterations.value)
        return self._log(logs | critic_logs)

    def _log(self, terms: dict[str, Tensor]) -> Mapping[str, Tensor]:
        joint = replica_mean(ops.stack([ops.cast(terms[name], "float32") for name in self.means]))
        for index, mean in enumerate(self.means.values()):
            mean.update_state(joint[index])
        return {name: mean.result() for name, mean in self.means.items()}


def _without(variables: list[keras.Variable], some: list[keras.Variable]) -> list[keras.Variable]:
    known = {id(variable) for variable in some}
    return [variable for variable in variables if id(variable) not in known]
