"""KerasTuner's view of the space: models from hyperparameters, refused before they cost time, and trials of them."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from rich.console import Console

from tfsep.models.cost import generator_cost
from tfsep.models.presets import build_generator
from tfsep.training.config import TrainingConfig
from tfsep.training.data import DataFolder
from tfsep.training.folder import LOG_FILE
from tfsep.training.run import TrainingRun

from .constraints import faults
from .material import find_material
from .results import COST_PENALTY, MULTIPLY_ADDS, PARAMETERS, SDR, SECONDS, SHARE, STEPS, cost_penalty
from .settings import SearchSettings
from .space import Chosen, declare, training_config


class SeparationHyperModel(keras_tuner.HyperModel):
    """Generators and trials of a search.

    Args:
        settings: of the search; its data are looked through at once.

    Raises: UsageError, DataError for data that cannot be used.
    """

    def __init__(self, settings: SearchSettings):
        super().__init__(name="tfsep")
        self.settings = settings
        self._material = find_material(settings.data, [Path(path) for path in settings.validation], settings.genre)
        self._unpaired = {role: [DataFolder.parse(text) for text in texts] for role, texts in settings.unpaired.items()}

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        """Add the whole space to `hp`."""
        declare(hp, self.settings.space, self.settings.base)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return a generator with fresh weights. Raises: FailedTrialError for one that passes the limits."""
        wrong = self.faults(hp.values)
        if wrong:
            raise keras_tuner.errors.FailedTrialError("; ".join(wrong))
        return build_generator(self.configuration(hp.values).generator)

    def configuration(self, values: Mapping[str, Any]) -> TrainingConfig:
        """Return the whole configuration that values stand for. Raises: ValueError if there is none."""
        return training_config(Chosen(values), self.settings.space, self.settings.base)

    def faults(self, values: Mapping[str, Any]) -> list[str]:
        """Return why values are not worth a trial, nothing if they are."""
        try:
            config = self.configuration(values)
        except ValueError as error:
            return [str(error)]
        return faults(config.generator, self.settings.limits)

    def train(
        self, values: Mapping[str, Any], out: Path, *, share: float = 1.0, ends: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """Train a trial in `out`, or go on with what is there; return its results.

        Args:
            share: of the steps that a whole trial has.
            ends: asked after each step whether the time is over.
        Raises: TrainingError for a loss that is not finite; what `TrainingRun` raises.
        """
        keras.backend.clear_session()
        started_s = time.monotonic()
        whole = self.configuration(values)
        config = for_trial(whole, self.settings, share)
        out.mkdir(parents=True, exist_ok=True)
        with open(out.with_suffix(".log"), "a", encoding="utf-8") as log:
            run = TrainingRun(
                config,
                data=self._material.data,
                validation=self._material.validation,
                exclude=self._material.exclude,
                out=out,
                cache=Path(self.settings.cache),
                initial=Path(self.settings.initial) if self.settings.initial else None,
                unpaired=self._unpaired,
                console=Console(file=log, width=160),
            )
            best = run.train(ends=lambda _: ends())
        cost = generator_cost(config.generator)
        return {
            SDR: _last_sdr(out / LOG_FILE, best),
            COST_PENALTY: cost_penalty(cost.multiply_adds_per_second, self.settings.price_db),
            MULTIPLY_ADDS: cost.multiply_adds_per_second,
            PARAMETERS: cost.parameters,
            STEPS: run.step,
            SHARE: run.step / for_trial(whole, self.settings, 1.0).steps,
            SECONDS: time.monotonic() - started_s,
        }


def _last_sdr(log: Path, best: float) -> float:
    """Return the SDR of the last validation of a run, `best` if it went on from a checkpoint with nothing left to train.

    The best would be that of the shorter trial where a promoted one has become worse.
    """
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return next((entry["mean_sdr"] for entry in map(json.loads, reversed(lines)) if "mean_sdr" in entry), best)


def for_trial(config: TrainingConfig, settings: SearchSettings, share: float) -> TrainingConfig:
    """Return a configuration for the short run of a trial: fewer steps, and all that depends on their number.

    Only the steps depend on `share`, so that a longer trial can go on from a shorter one.
    """
    whole = max(1, round(settings.steps * settings.base.batch / config.batch))
    return replace(
        config,
        steps=max(1, round(whole * share)),
        warmup_steps=min(config.warmup_steps, whole // 10),
        validate_every=whole,
        checkpoint_every=max(1, whole // 10),
        seed=settings.seed,
    )
