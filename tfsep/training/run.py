"""A whole run: data, stage, validation, checkpoints, log, progress."""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import tfsep
from tfsep.bundle import Bundle
from tfsep.dsp import stft_ops
from tfsep.errors import ModelError, TrainingError, UsageError
from tfsep.models.cost import generator_cost
from tfsep.models.presets import build_generator
from tfsep.training.backend_steps import compiled_step
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts
from tfsep.training.config import TrainingConfig
from tfsep.training.data import DataFolder, DataReader
from tfsep.training.distribution import Distribution
from tfsep.training.folder import RunFolder, RunLog
from tfsep.training.loader import prefetched
from tfsep.training.loss import magnitudes
from tfsep.training.stage import Stage, SupervisedStage, make_mixer
from tfsep.training.stage2 import AdversarialStage
from tfsep.training.validation import Validator, mean_sdr

AVERAGE_EVERY = 4  # steps between updates of the averaged weights
LOG_EVERY = 50  # steps


class TrainingRun:
    """One run in one folder, see `RunFolder`; `best/` is a Bundle.

    Args:
        out: the run's folder; a checkpoint found in it is resumed.
        initial: a Bundle whose generator to start from.
        unpaired: recordings for stage 2, by `UNPAIRED_ROLES`; used where `config.adversarial` is set.
        console: where progress is shown (default: standard output).
        distribution: over several accelerators; one, if it is left out.

    Raises: UsageError for unpaired recordings without `config.adversarial`, or the other way round; DataError, AudioError for
        unusable data; ModelError for a checkpoint of another configuration.
    """

    def __init__(
        self,
        config: TrainingConfig,
        *,
        data: Sequence[DataFolder],
        validation: Sequence[Path],
        out: Path,
        cache: Path,
        exclude: Sequence[str] = (),
        initial: Path | None = None,
        unpaired: Mapping[str, Sequence[DataFolder]] = MappingProxyType({}),
        console: Console | None = None,
        distribution: Distribution | None = None,
    ):
        self.distribution = distribution or Distribution()
        self.config, self.console = config, console or Console(quiet=not self.distribution.chief)
        if unpaired and config.adversarial is None:
            raise UsageError(f"unpaired {', '.join(unpaired)}: they are for adversarial training: ask for it as well")
        # Read first: bad data must not cost the time that building a model takes.
        reader = DataReader(config.generator.spec, cache, self.console)
        self.held_out = reader.hold_out(validation, config.generator.stems)
        reader.exclude(exclude, [folder for folders in (data, *unpaired.values()) for folder in folders])
        self.data = reader.read(data)
        self.unpaired = {role: reader.read(folders) for role, folders in unpaired.items() if folders}
        self.folder = RunFolder(out, self._record(), writable=self.distribution.chief)
        keras.utils.set_random_seed(config.seed)
        keras.mixed_precision.set_global_policy(config.precision)
        with self.distribution.scope():
            self.generator = build_generator(config.generator, config.crop_frames)
            self.stage = self._make_stage()
        if initial is not None:
            self._start_from(initial)
        elif hasattr(self.generator, "normalise"):
            self._measure_features()
        self.validator = Validator(config, self.held_out)
        self.average = AveragedWeights(self.generator.variables, config.ema_decay)
        self.step, self.best, self.seconds_trained = 0, float("-inf"), 0.0
        self._resume()

    @cached_property
    def _cost(self) -> dict[str, Any]:
        """What the generator costs, traced once."""
        return asdict(generator_cost(self.config.generator))

    def _make_stage(self) -> Stage:
        if self.config.adversarial is None:
            return SupervisedStage(self.config, self.generator, self.data, self.distribution)
        return AdversarialStage(self.config, self.generator, self.data, self.unpaired, self.distribution)

    def _record(self) -> dict[str, Any]:
        return {
            "config": self.config.to_json(),
            "version": tfsep.__version__,
            "code": source_hash(),
            "data": self.data.record,
            "unpaired": {role: data.record for role, data in self.unpaired.items()},
            "validation": [track.name for track in self.held_out],
            "machine": {"python": platform.python_version(), "keras": keras.__version__, "backend": keras.backend.backend(),
                        "cpus": os.cpu_count()},
        }  # fmt: skip

    # --- where it starts ----------------------------------------------------------------------------------------------

    def _measure_features(self) -> None:
        """Set the generator's normalisation by bin from the first batches; that they are learnt from as well is harmless."""
        spec = self.config.generator.spec
        mixer, total, squares, batches = make_mixer(self.config, self.data), 0.0, 0.0, 8
        for index in range(batches):
            mixtures = mixer.batch(index, self.config.batch)[0].sum(axis=1)
            values = np.asarray(stft_ops.features(magnitudes(mixtures, spec), spec), np.float64)
            total = total + values.mean(axis=(0, 1, 3))
            squares = squares + (values**2).mean(axis=(0, 1, 3))
        mean = total / batches
        deviation = np.sqrt(np.maximum(squares / batches - mean**2, 0)) + 0.1
        self.generator.normalise.mean.assign(mean[:, None])
        self.generator.normalise.scale.assign(1 / deviation[:, None])

    def _start_from(self, initial: Path) -> None:
        stored = Bundle.load(initial)
        wanted = self.config.generator
        if replace(stored.config, spec=replace(stored.config.spec, frames=wanted.spec.frames)) != wanted:
            raise ModelError(f"{initial}: its generator is another than the one asked for: train with its own configuration")
        for variable, value in zip(self.generator.variables, stored.generator.variables, strict=True):
            variable.assign(value)

    def _resume(self) -> None:
        if self.folder.state.is_file():
            progress = load_parts(self.folder.state, self.stage.parts, self.average)
            self.step, self.best, self.seconds_trained = progress["step"], progress["best"], progress["seconds_trained"]
            self.console.print(f"resuming {self.folder.path} at step {self.step}", markup=False)
        self.folder.forget_log(self.step)
        self.distribution.check_agreement(self.step)

    def _save(self) -> None:
        if not self.distribution.chief:
            return
        progress = {"step": self.step, "best": self.best, "seconds_trained": self.seconds_trained}
        save_parts(self.folder.state, self.stage.parts, self.average, progress)

    # --- the run ------------------------------------------------------------------------------------------------------

    def train(self, *, ends: Callable[[int], bool] | None = None) -> float:
        """Train up to `config.steps`; return the best mean validation SDR in dB (-inf without validation songs).

        Args:
            ends: asked after each step, with the number of steps done, whether the run ends there, validated and saved.
        """
        config, stage = self.config, self.stage
        do_step = compiled_step(stage.trainer)
        interval, since, sdr = [], time.perf_counter(), float("nan")
        with self._progress() as bar, RunLog(self.folder) as log:
            task = bar.add_task("training", total=config.steps, completed=self.step, loss=float("nan"), sdr=sdr, speed=0.0)
            for batch in prefetched(stage.batch, self.step, config.steps):
                stage.prepare(self.step)
                interval.append({name: float(value) for name, value in do_step(batch).items()})
                self._check_terms(interval[-1])
                self.step += 1
                self.seconds_trained += stage.seconds_per_step
                if self.step % AVERAGE_EVERY == 0:
                    self.average.update(self.generator.variables)
                last = self.step == config.steps or (ends is not None and ends(self.step))
                validate = last or self.step % config.validate_every == 0
                save = validate or self.step % config.checkpoint_every == 0
                if save:
                    self._check_weights()  # before they are saved
                if validate or self.step % LOG_EVERY == 0:
                    speed = len(interval) * stage.seconds_per_step / (time.perf_counter() - since)
                    terms = {name: float(np.mean([each[name] for each in interval])) for name in interval[0]}
                    entry = {"step": self.step, **terms, "seconds_per_second": speed, "hours": self.seconds_trained / 3600,
                             "learning_rate": config.learning_rate_at(self.step - 1)}  # fmt: skip
                    if validate:
                        entry |= self._validate()
                        sdr = entry.get("mean_sdr", sdr)
                        self._keep_best(sdr)
                    log.write(entry)
                    stage.check(terms, self.step)
                    bar.update(task, completed=self.step, loss=entry["loss"], sdr=sdr, speed=speed)
                    if not self.console.is_terminal:
                        line = f"step {self.step}/{config.steps} loss {entry['loss']:.4f} sdr {sdr:.2f} {speed:.1f} s/s"
                        self.console.print(line)
                    interval, since = [], time.perf_counter()
                if save:
                    self._save()
                if last:
                    break
        return self.best

    def _progress(self) -> Progress:
        fields = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                  TextColumn("loss {task.fields[loss]:.4f}  SDR {task.fields[sdr]:.2f} dB  {task.fields[speed]:.1f} s/s")]  # fmt: skip
        return Progress(*fields, console=self.console, disable=not self.console.is_terminal)

    def _check_terms(self, terms: dict[str, float]) -> None:
        bad = [f"the {name} is {value}" for name, value in terms.items() if not np.isfinite(value)]
        if bad:
            raise self._diverged(", ".join(bad))

    def _check_weights(self) -> None:
        """Raise if a step spoilt the weights, which the loss shows only in the next one."""
        if not all(np.isfinite(np.asarray(variable)).all() for variable in self.generator.variables):
            raise self._diverged("weights are not finite")

    def _diverged(self, what: str) -> TrainingError:
        path = self.folder.state
        kept = f"the last good state is {path}" if path.is_file() else "nothing was saved yet"
        return TrainingError(
            f"{self.folder.path}: step {self.step}: {what}; {kept}: start again with a lower --learning-rate in another --out, "
            "or check the data"
        )

    def _validate(self) -> dict[str, Any]:
        """Return what the log says of the averaged weights: SDR in dB by song and stem, by genre, and the mean of all."""
        if not (self.held_out and self.distribution.chief):
            return {}
        scores = self.validator.scores(self.average.values)
        genres = self.validator.by_genre(scores)
        return {"sdr": scores, "mean_sdr": mean_sdr(scores)} | ({"genre_sdr": genres} if genres else {})

    def _keep_best(self, sdr: float) -> None:
        """Write `best/` if there is nothing better; without validation songs, the newest."""
        if not self.distribution.chief or (self.held_out and not sdr > self.best):
            return
        self.best = sdr if self.held_out else self.best
        training = {
            "step": self.step,
            "hours_of_audio": round(self.seconds_trained / 3600, 2),
            **({"validation_sdr": sdr} if self.held_out else {}),
            "cost": self._cost,
            **self.folder.record,
        }
        Bundle.write(self.folder.path / "best", self.config.generator, self.average.values, training=training)


@cache
def source_hash() -> str:
    """Return a hash of this package's source: two runs with the same one were made by the same code."""
    root = Path(tfsep.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
