"""What is seen of a search while it runs: a live table of trials, and TensorBoard's HParams view."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from keras_tuner.engine.trial import Trial, TrialStatus
from rich.console import Console
from rich.live import Live
from rich.table import Table

from .oracles import SearchOracle
from .results import MULTIPLY_ADDS, PARAMETERS, SCORE, SDR, SECONDS, SHARE

ROWS = 12  # the newest trials; the best is always shown
LOGS = "tensorboard"


class Watch:
    """Shows trials as they begin and end; a context manager.

    On a terminal a table is kept up to date; elsewhere each trial that ends is a line.
    """

    def __init__(self, console: Console):
        self._console = console
        self._trials: dict[str, Trial] = {}
        self._oracle: SearchOracle | None = None
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=2)

    def look_at(self, oracle: SearchOracle) -> None:
        """Take in the trials of a search that is resumed."""
        self._oracle, self._trials = oracle, dict(oracle.trials)

    def __call__(self, trial: Trial) -> None:
        """Take in a trial that has begun or ended."""
        self._trials[trial.trial_id] = trial
        if not self._console.is_terminal and trial.status != TrialStatus.RUNNING:
            self._console.print("  ".join(["trial", *_cells(trial)]), markup=False, highlight=False, soft_wrap=True)

    def tell(self, line: str) -> None:
        """Show a line above the table."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        done = [trial for trial in self._trials.values() if trial.status == TrialStatus.COMPLETED]
        failed = sum(trial.status == TrialStatus.FAILED for trial in self._trials.values())
        refused = len(self._oracle.refused) if self._oracle else 0
        table = Table(title=f"{len(done)} trials done, {failed} failed, {refused} draws over the limits")
        for heading in ("trial", "state", "SDR dB", "G mult-adds/s", "parameters", "steps %", "seconds", "why"):
            table.add_column(
                heading, justify="left" if heading in ("trial", "state", "why") else "right", no_wrap=heading != "why"
            )
        best = min(done, key=lambda trial: trial.score, default=None)
        shown = list(self._trials.values())[-ROWS:]
        for trial in ([best] if best and best not in shown else []) + shown:
            table.add_row(*_cells(trial), style="bold" if trial is best else None)
        return table

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()


def _cells(trial: Trial) -> list[str]:
    if trial.status != TrialStatus.COMPLETED:
        return [trial.trial_id, trial.status.lower(), "-", "-", "-", "-", "-", trial.message or ""]
    value = {name: trial.metrics.get_last_value(name) for name in (SDR, MULTIPLY_ADDS, PARAMETERS, SHARE, SECONDS)}
    return [trial.trial_id, "done", f"{value[SDR]:.2f}", f"{value[MULTIPLY_ADDS] / 1e9:.3f}", f"{value[PARAMETERS]:.0f}",
            f"{100 * value[SHARE]:.0f}", f"{value[SECONDS]:.0f}", ""]  # fmt: skip


class HParamsLog:
    """Writes each trial that ends for TensorBoard's HParams view: `tensorboard --logdir OUT/tensorboard`."""

    def __init__(self, out: Path):
        self._folder = out / LOGS

    def __call__(self, trial: Trial) -> None:
        """Write a trial if it has ended."""
        if trial.status == TrialStatus.RUNNING or (self._folder / trial.trial_id).is_dir():
            return
        from tensorboard.plugins.hparams import api
        from tensorflow import summary

        writer = summary.create_file_writer(str(self._folder / trial.trial_id))
        with writer.as_default():
            api.hparams(_hparams(trial.hyperparameters.values), trial_id=trial.trial_id)
            if trial.status == TrialStatus.COMPLETED:
                for name in (SDR, MULTIPLY_ADDS, PARAMETERS, SHARE, SCORE):
                    summary.scalar(name, trial.metrics.get_last_value(name), step=0)
        writer.close()


def _hparams(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def console() -> Console:
    """Return where a search shows itself."""
    return Console(file=sys.stdout)
