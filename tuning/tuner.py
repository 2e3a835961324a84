"""The tuner: draws trials from an oracle, here or at a chief's, trains them and goes on after those that fail."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import keras_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.src import config as keras_tuner_config

from tfsep.audio.atomic import AtomicFile
from tfsep.errors import TfsepError
from tfsep.training.folder import STATE_FILE

from .distributed import Address, WorkerOracle
from .oracles import MOST_EPOCHS, SearchOracle
from .results import SCORE
from .settings import SearchSettings

keras_tuner_config.DEBUG = False  # it prints the traceback of each failed trial, which `error.txt` keeps
RUN = "run"  # the folder of a trial's training, in that of the trial


class Trainer(Protocol):
    """What trains trials: `SeparationHyperModel`."""

    def train(
        self, values: Mapping[str, Any], out: Path, *, share: float = 1.0, ends: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """Train a trial in a folder; return its results, all but the score."""
        ...


class SearchTuner(keras_tuner.Tuner):
    """KerasTuner's loop over trials, each of which is a training run of tfsep's own.

    Args:
        oracle: with the whole space declared, and open; in a worker, one that only tells the objective.
        out: the folder of the search.
    """

    def __init__(self, oracle: SearchOracle, trainer: Trainer, settings: SearchSettings, out: Path):
        self._trainer, self._settings = trainer, settings
        self._local = oracle
        super().__init__(oracle=oracle, directory=str(out.parent), project_name=out.name)
        if self._is_worker():
            self.oracle = WorkerOracle(oracle, Address.from_environment(), settings.patience_s)

    def _populate_initial_space(self) -> None:
        """Do nothing: the space is declared."""

    def save(self) -> None:
        """Write the oracle's state where there is one; the tuner has none of its own."""
        if not self._is_worker():
            self.oracle.save()

    def run_trial(self, trial: Trial) -> dict[str, float]:
        """Train one trial and return its results, the score among them.

        Raises: FailedTrialError with the reason in one line.
        """
        folder = Path(self.get_trial_dir(trial.trial_id)) / RUN
        values = trial.hyperparameters.values
        share = values.get("tuner/epochs", MOST_EPOCHS) / MOST_EPOCHS
        if "tuner/trial_id" in values:
            self._go_on_from(values["tuner/trial_id"], folder)
        started_s = time.monotonic()
        try:
            results = self._trainer.train(values, folder, share=share, ends=lambda: self._is_over(started_s))
        except TfsepError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from None
        return results | {SCORE: self.oracle.objective.get_value(results)}

    def _go_on_from(self, earlier: str, folder: Path) -> None:
        """Copy the state of the trial that a longer one goes on from; where it is not there, all steps are done again."""
        state = Path(self.get_trial_dir(earlier)) / RUN / STATE_FILE
        if state.is_file() and not (folder / STATE_FILE).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(state, folder / f"{STATE_FILE}.copy")
            (folder / f"{STATE_FILE}.copy").rename(folder / STATE_FILE)

    def _is_over(self, started_s: float) -> bool:
        settings = self._settings
        if settings.trial_s is not None and time.monotonic() - started_s >= settings.trial_s:
            return True
        return not self._is_worker() and settings.budget_s is not None and self._local.seconds >= settings.budget_s

    def on_trial_end(self, trial: Trial) -> None:
        """Hand the trial back, its failure told in one line; the traceback goes to `error.txt` beside it."""
        if trial.message:
            with AtomicFile(Path(self.get_trial_dir(trial.trial_id)) / "error.txt") as target:
                target.file.write(trial.message.encode())
            trial.message = _reason(trial.message)
        super().on_trial_end(trial)


def _reason(trace: str) -> str:
    """Return the last line of a traceback, without the name of the error that stands for an expected failure."""
    lines = [line.strip() for line in trace.strip().splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return last.removeprefix("keras_tuner.src.errors.FailedTrialError: ").removeprefix("keras_tuner.errors.FailedTrialError: ")
