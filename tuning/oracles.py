"""KerasTuner's oracles, made to keep to limits, to survive kills and lost workers, and to go on after failed trials.

What KerasTuner 1.4.8 does otherwise: three failed trials in a row end a search with an error, while it holds its lock; a search that is
killed between two of its files repeats a finished trial or loses a started one, and one that is killed while it writes cannot be
resumed; the trial of a worker that has gone is waited for without end; a failed trial keeps its place in a Hyperband bracket, which
then promotes nothing; the Gaussian process proposes what was refused again and again.
"""

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor

from tfsep.audio.atomic import AtomicFile
from tfsep.errors import ModelError

from .results import COST_PENALTY, SDR, SECONDS
from .settings import SearchSettings

MOST_DRAWS = 300  # refused in a row before the limits are said to leave nothing
MOST_FAILURES = 10  # in a row before a search is given up
MOST_LOSSES = 3  # of the process that runs a trial, after which the trial is taken to be what ends it
FACTOR = 3  # of Hyperband
CANDIDATES = 256  # that the Gaussian process chooses from
RESTARTS = 4  # of the fit of its length
Faults = Callable[[Mapping[str, Any]], list[str]]  # from values to why they are not worth a trial
MOST_EPOCHS = 9  # Hyperband's share of a trial's steps is epochs / MOST_EPOCHS: 1/9, 1/3 and 1


class SearchOracle(keras_tuner.Oracle):
    """What the three oracles share; the first base class of each.

    Args:
        faults: returns why a set of values is not worth a trial, nothing if it is.
        settings: of the search.
        on_change: told after each trial that begins or ends.
        options: of the oracle.

    Attributes:
        refused: values that were drawn and broke a limit, with the reason.
        stop_reason: why no further trial is started, empty as long as they are.
    """

    def __init__(
        self,
        *,
        faults: Faults,
        settings: SearchSettings,
        on_change: Callable[[Trial], None] | None = None,
        **options: Any,
    ):
        super().__init__(
            objective=[keras_tuner.Objective(SDR, "max"), keras_tuner.Objective(COST_PENALTY, "min")],
            seed=settings.seed,
            max_consecutive_failed_trials=sys.maxsize,  # ours are counted by `_count_failures`, which does not raise
            **options,
        )
        self.verbose = 0
        self.refused: list[dict[str, Any]] = []
        self.stop_reason = ""
        self._faults, self._settings, self._on_change = faults, settings, on_change
        self._losses: dict[str, int] = {}
        self._ended_before, self._queued_before = 0, set[str]()  # when this part of the search began
        self._seconds_before, self._started_s = 0.0, time.monotonic()

    # --- which trials there are ---------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Seconds that the search has run, its earlier parts included."""
        return self._seconds_before + time.monotonic() - self._started_s

    def trials_of(self, status: str) -> list[Trial]:
        """Return the trials that have a status."""
        return [trial for trial in self.trials.values() if trial.status == status]

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """Return the next trial for a worker; `IDLE` while others' trials may yet be lost and are to be taken over."""
        waiting = tuner_id in self.ongoing_trials or self._retry_queue
        self.stop_reason = self._why_stop(waiting=bool(waiting))
        if self.stop_reason:
            trial = Trial(self.hyperparameters.copy(), trial_id="", status=TrialStatus.STOPPED)
        else:
            trial = super().create_trial(tuner_id)
            if trial.status == TrialStatus.STOPPED:
                self.stop_reason = self.stop_reason or "there is nothing left to draw"
        if trial.status == TrialStatus.STOPPED and self.ongoing_trials and not self._out_of_time():
            trial.status = TrialStatus.IDLE
        if trial.status == TrialStatus.STOPPED:
            self.tuner_ids.discard(tuner_id)
        else:
            self.tuner_ids.add(tuner_id)
        if trial.status == TrialStatus.RUNNING and self._on_change:
            self._on_change(trial)
        return trial

    def _why_stop(self, *, waiting: bool) -> str:
        if self._out_of_time():
            return "the budget of time is used up"
        failures = self._failures_in_a_row()
        if failures >= MOST_FAILURES:
            return f"{failures} trials in a row have failed, the last one: {self.trials[self.end_order[-1]].message}"
        if not waiting and len(self.trials) >= self._settings.trials:
            return f"all {self._settings.trials} trials are done"
        return ""

    def _out_of_time(self) -> bool:
        """Return whether the budget does not hold half a trial more, judged by those that are completed."""
        budget_s = self._settings.budget_s
        if budget_s is None:
            return False
        took_s = [trial.metrics.get_best_value(SECONDS) for trial in self.trials_of(TrialStatus.COMPLETED)]
        return self.seconds + (statistics.median(took_s) / 2 if took_s else 0.0) >= budget_s

    def _failures_in_a_row(self) -> int:
        count = 0
        for name in reversed(self.end_order[self._ended_before :]):  # those of an earlier part may have had another cause
            if self.trials[name].status != TrialStatus.FAILED:
                break
            count += 1
        return count

    def _random_values(self) -> dict[str, Any] | None:
        """Draw values that keep to the limits, None if there are none or none can be found."""
        for _ in range(MOST_DRAWS):
            values = super()._random_values()
            if values is None or self.admit(values):
                return values
        self.stop_reason = f"{MOST_DRAWS} draws in a row break the limits, the last one: {self.refused[-1]['reason']}"
        return None

    def admit(self, values: Mapping[str, Any]) -> bool:
        """Return whether values keep to the limits; those that do not are remembered, and not drawn again."""
        faults = self._faults(values)
        if faults:
            self.refused.append({"values": dict(values), "reason": "; ".join(faults)})
            self._tried_so_far.add(self._compute_values_hash(values))
        return not faults

    # --- how they end -------------------------------------------------------------------------------------------------

    @keras_tuner.synchronized
    def update_trial(self, trial_id: str, metrics: Mapping[str, float], step: int = 0) -> Trial:
        """Take in the results of a trial, the first ones if it comes back twice."""
        if trial_id in self.end_order:
            return self.trials[trial_id]
        return super().update_trial(trial_id, metrics, step=step)

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Take in how a trial ended; nothing if it was ended before, by a worker that had been taken for lost."""
        if trial.trial_id in self.end_order:
            return
        if trial.trial_id in self._retry_queue:
            self._retry_queue.remove(trial.trial_id)
        super().end_trial(trial)
        ended = self.trials[trial.trial_id]
        if ended.status == TrialStatus.FAILED:
            self._forget_failed(ended)
            self.save()
        if self._on_change:
            self._on_change(ended)

    def _forget_failed(self, trial: Trial) -> None:
        """Do what a failure asks for; the base class's oracles leave failed trials out by themselves."""

    @keras_tuner.synchronized
    def lose_worker(self, tuner_id: str, why: str) -> None:
        """Give the trial of a worker that has gone to another one, or up if it has lost several."""
        self.tuner_ids.discard(tuner_id)
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is not None:
            self._lose(trial, why)
            self.save()

    def _lose(self, trial: Trial, why: str) -> None:
        name = trial.trial_id
        self._losses[name] = self._losses.get(name, 0) + 1
        if self._losses[name] < MOST_LOSSES:
            self._retry_queue.append(name)
            return
        trial.status, trial.message = TrialStatus.FAILED, f"lost {self._losses[name]} times: {why}"
        self.end_order.append(name)
        self._forget_failed(trial)
        self._save_trial(trial)
        if self._on_change:
            self._on_change(trial)

    # --- on disk ------------------------------------------------------------------------------------------------------

    def open(self, out: Path) -> None:
        """Take a folder for this search; go on with what is in it. Raises: ModelError, AudioError for an unusable folder."""
        self._set_project_dir(str(out.parent), out.name)
        if Path(self._get_oracle_fname()).is_file():
            try:
                self.reload()
            except (ValueError, KeyError, TypeError, RuntimeError) as error:
                raise ModelError(f"{out}: not the folder of a search ({error!r}): use another --out") from None
        self._ended_before = len(self.end_order)
        self.save()

    def get_state(self) -> dict[str, Any]:
        """Return KerasTuner's state and ours."""
        return super().get_state() | {"refused": self.refused, "losses": self._losses, "seconds": self.seconds}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take in what `get_state` returned."""
        self._queued_before = set(state["retry_queue"])
        super().set_state(state)
        self.refused, self._losses, self._seconds_before = state["refused"], state["losses"], state["seconds"]

    def save(self) -> None:
        """Write the state, whole or not at all. Raises: AudioError."""
        _write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        _write(Path(self._get_trial_dir(trial.trial_id)) / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Read the state: finished trials stay, those that were cut off are queued, whatever was written last."""
        super().reload()
        for name in sorted(set(self.trials) - set(self.start_order)):
            del self.trials[name]  # it was never handed out: the same seed draws it again, under the same name
        for trial in self.trials_of(TrialStatus.FAILED):
            self._forget_failed(trial)
        for name in sorted(self.trials):
            ended = self.trials[name].status in (TrialStatus.COMPLETED, TrialStatus.FAILED)
            if ended and name not in self.end_order:
                self.end_order.append(name)
            if not ended and name not in self._retry_queue:
                self._retry_queue.append(name)
        cut_off = sorted(name for name in set(self._retry_queue) if name not in self.end_order)
        self._retry_queue = []
        for name in reversed(cut_off):  # it is taken from at its end
            if name in self._queued_before:
                self._retry_queue.append(name)  # nobody had begun it again
            else:
                self._lose(self.trials[name], "the search ended in it")


class RandomOracle(SearchOracle, keras_tuner.oracles.RandomSearchOracle):
    """Draws at random."""

    def __init__(self, **options: Any):
        super().__init__(max_trials=None, **options)


class BayesianOracle(SearchOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Fits a Gaussian process to the scores, after a first part that is drawn at random."""

    def __init__(self, *, settings: SearchSettings, **options: Any):
        super().__init__(
            max_trials=None, num_initial_points=max(3, min(12, settings.trials // 3)), settings=settings, **options
        )

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values with the best lower confidence bound of many drawn at random that keep to the limits.

        KerasTuner descends from 50 points by numerical gradients instead, which takes longer than a short trial in a space of 15
        hyperparameters, most of which have a few values only, and its result may break the limits.
        """
        if len(self.trials_of(TrialStatus.COMPLETED)) < self.num_initial_points:
            return self._random_populate_space()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound: few trials tell little of it
            self.gpr.fit(*self._vectorize_trials())
        drawn = list(filter(None, (keras_tuner.Oracle._random_values(self) for _ in range(CANDIDATES))))
        if not drawn:
            return self._random_populate_space()
        mean, deviation = self.gpr.predict(np.array([self._vector(values) for values in drawn]), return_std=True)
        for index in np.argsort(mean - self.beta * deviation):
            if self.admit(drawn[index]):
                return {"status": TrialStatus.RUNNING, "values": drawn[index]}
        return self._random_populate_space()

    def _make_gpr(self) -> GaussianProcessRegressor:
        """Return KerasTuner's process with fewer restarts: it has one length to fit."""
        return super()._make_gpr().set_params(n_restarts_optimizer=RESTARTS)

    def _vector(self, values: Mapping[str, Any]) -> list[float]:
        """Return values as KerasTuner's process sees them, each in [0, 1]."""
        return [hp.value_to_prob(values.get(hp.name, hp.default)) for hp in self._nonfixed_space()]


class HyperbandOracle(SearchOracle, keras_tuner.oracles.HyperbandOracle):
    """Gives many configurations a ninth of the steps, and the best third of them three times as many, twice."""

    def __init__(self, **options: Any):
        super().__init__(max_epochs=MOST_EPOCHS, factor=FACTOR, hyperband_iterations=0, **options)

    def _forget_failed(self, trial: Trial) -> None:
        """Take a configuration that failed out of its bracket, so that another is drawn in its place."""
        for bracket in self._brackets:
            name = trial.trial_id
            for entries in reversed(bracket["rounds"]):
                mine = [entry for entry in entries if entry["id"] == name]
                if mine:
                    entries.remove(mine[0])
                    name = mine[0]["past_id"]


ORACLES: dict[str, type[SearchOracle]] = {"random": RandomOracle, "bayesian": BayesianOracle, "hyperband": HyperbandOracle}


def _write(path: Path, state: Mapping[str, Any]) -> None:
    with AtomicFile(path) as target:
        target.file.write(json.dumps(state, default=_plain).encode())


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's."""
    return value.item()
