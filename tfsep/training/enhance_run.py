"""A run that trains a super-resolution network, and goes on where it was stopped."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import cos, pi
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfsep.contract_enhance import EnhanceContract
from tfsep.errors import DataError, TrainingError
from tfsep.models.discriminators import build_discriminator
from tfsep.models.superres import build_super_resolution
from tfsep.training.backend_steps import compiled_step
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts
from tfsep.training.enhance import EnhanceTrainer
from tfsep.training.enhance_bundle import EnhanceBundle
from tfsep.training.enhance_config import EnhanceTrainingConfig
from tfsep.training.enhance_data import EnhanceBatches, ExampleSet
from tfsep.training.folder import RunFolder, RunLog
from tfsep.training.loader import prefetched

LOG_EVERY = 50
SCORED_BATCHES = 8
CRITIC = {"views": ((1, 1), (1, 4)), "widths": (12, 24, 48)}  # of a step, a full-size critic would take three quarters
MAY_DIFFER = ("steps", "critic_from", "adversarial_weight", "feature_matching_weight", "checkpoint_every")
LOWEST_RATE = 0.05  # of the learning rate, at the end


class EnhanceRun:
    """Trains up to `config.steps`; `RUN/best` holds the averaged weights as of the last checkpoint.

    Args:
        record: JSON values that tell of the data; a run that goes on must have them in common too.
        tell: told in one line how it goes.

    Raises: ModelError if the folder holds a run of another configuration; DataError if there are too few examples; AudioError if
        the folder cannot be written.
    """

    def __init__(
        self,
        path: Path,
        config: EnhanceTrainingConfig,
        contract: EnhanceContract,
        examples: ExampleSet,
        *,
        record: Mapping[str, Any],
        tell: Callable[[str], None],
    ):
        learnt, scored = examples.divided(config.set_aside, config.seed)
        if len(scored) < min(config.set_aside, 1):
            raise DataError("all examples are from one recording, and some of another are set aside: add recordings")
        if config.frames > examples.degraded.shape[1]:
            raise DataError(f"frames={config.frames}: the examples have {examples.degraded.shape[1]}: use fewer")
        keras.utils.set_random_seed(config.seed)
        self.config, self.contract, self._tell = config, contract, tell
        self._described = {"config": config.to_json(), **record}
        self.folder = RunFolder(path, {"config": config.to_json() | record}, may_differ=MAY_DIFFER)
        options = {"batch": config.batch, "frames": config.frames}
        self._batches = EnhanceBatches(examples, learnt, contract, seed=config.seed, **options)
        # of one seed: the held-out batches are the same each time
        self._scored = EnhanceBatches(examples, scored, contract, seed=1, **options) if len(scored) else None
        spec = contract.spec
        self.network = build_super_resolution(config.network, contract, config.frames)
        critic = build_discriminator(
            "multiband", frames=config.frames, bins=spec.model_bins, channels=1, name="critic", **CRITIC
        )
        self.trainer = EnhanceTrainer(self.network, critic, config)
        self.trainer.compile(
            keras.optimizers.Adam(config.learning_rate, global_clipnorm=1.0, name="network_adam"),
            keras.optimizers.Adam(config.critic_learning_rate, beta_1=0.5, beta_2=0.9, global_clipnorm=1.0, name="critic_adam"),
        )
        self.average = AveragedWeights(self.network.variables, config.average_decay)
        self.step = 0
        if self.folder.state.is_file():
            self.step = load_parts(self.folder.state, self.trainer.parts, self.average)["step"]
            tell(f"resuming {path} at step {self.step}")
        self.folder.forget_log(self.step)

    def train(self) -> Path:
        """Train; return the folder of the bundle. Raises: TrainingError if a loss is not finite."""
        config, since, first = self.config, time.perf_counter(), self.step
        adversarial, do_step = None, None
        with RunLog(self.folder) as log:
            for batch in prefetched(self._batches.batch, self.step, config.steps):
                wanted = config.has_critic and self.step >= config.critic_from
                if wanted is not adversarial:  # the steps before the critic takes part cost half as much
                    adversarial = wanted
                    self.trainer.with_critic(adversarial)
                    do_step = compiled_step(self.trainer)
                self.trainer.network_optimizer.learning_rate.assign(self._learning_rate())
                terms = do_step(batch)
                self.step += 1
                self.average.update(self.network.variables)
                last = self.step == config.steps
                if last or self.step % LOG_EVERY == 0:
                    entry = {"step": self.step, **self._checked(terms)}
                    self.trainer.reset_metrics()
                    if save := last or self.step % config.checkpoint_every == 0:
                        entry["set_aside_distance"] = self._score()
                    log.write(entry)
                    speed = (self.step - first) / (time.perf_counter() - since)
                    values = " ".join(f"{name} {value:.3f}" for name, value in entry.items() if name != "step" and value)
                    self._tell(f"step {self.step}/{config.steps} {values} {speed:.2f} steps/s")
                    if save:
                        self._save()
        return self.folder.path / "best"

    def _learning_rate(self) -> float:
        done = self.step / self.config.steps
        return self.config.learning_rate * (LOWEST_RATE + (1 - LOWEST_RATE) * (1 + cos(pi * done)) / 2)

    def _checked(self, terms: Mapping[str, Any]) -> dict[str, float]:
        values = {name: float(value) for name, value in terms.items()}
        if not all(np.isfinite(value) for value in values.values()):
            raise TrainingError(
                f"{self.folder.path}: step {self.step}: a term is not finite ({values}): use a lower --learning-rate in another --out"
            )
        return values

    def _score(self) -> float:
        """Return the averaged weights' distance on the examples set aside, in units of the compressed magnitude."""
        if self._scored is None:
            return 0.0
        current = [np.array(variable) for variable in self.network.variables]
        self.network.set_weights(self.average.values)
        distances = []
        for index in range(SCORED_BATCHES):
            spectrum, target = self._scored.batch(index)
            missing = 1 - spectrum[..., 2:]
            error = missing * np.abs(np.asarray(self.network(spectrum)) - target)
            distances.append(error.sum() / missing.sum())
        self.network.set_weights(current)
        return float(np.mean(distances))

    def _save(self) -> None:
        save_parts(self.folder.state, self.trainer.parts, self.average, {"step": self.step})
        training = {"step": self.step, **self._described}
        EnhanceBundle.write(
            self.folder.path / "best", replace(self.contract, training=training), self.config.network, self.average.values
        )
