"""A search from its settings: alone, as a chief, or as a worker of one."""

import os
from collections.abc import Callable
from pathlib import Path

from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial

from .distributed import ORACLE_IP, ORACLE_PORT, TUNER_ID, Address, serve
from .oracles import ORACLES, Faults, SearchOracle
from .settings import SearchSettings
from .space import declare
from .tuner import SearchTuner, Trainer


def make_oracle(settings: SearchSettings, faults: Faults, *, on_change: Callable[[Trial], None] | None = None) -> SearchOracle:
    """Return the oracle of a search, with the whole space declared and nothing tried yet.

    Args:
        faults: tells which values are not worth a trial.
        on_change: told after each trial that begins or ends.
    """
    space = HyperParameters()
    declare(space, settings.space, settings.base)
    return ORACLES[settings.tuner](settings=settings, faults=faults, hyperparameters=space, on_change=on_change)


def run_alone(oracle: SearchOracle, trainer: Trainer, settings: SearchSettings, out: Path) -> None:
    """Run all trials in this process. Raises: AudioError if the folder cannot be written."""
    for name in (TUNER_ID, ORACLE_IP, ORACLE_PORT):
        os.environ.pop(name, None)  # KerasTuner would take this process for a worker
    oracle.open(out)
    SearchTuner(oracle, trainer, settings, out).search()


def run_chief(
    oracle: SearchOracle,
    settings: SearchSettings,
    out: Path,
    address: Address,
    *,
    tell: Callable[[str], None],
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Hand out all trials to workers. Raises: as `serve`."""
    serve(oracle, out, address, patience_s=settings.patience_s, tell=tell, tick=tick)


def run_worker(trainer: Trainer, settings: SearchSettings, out: Path, address: Address, name: str) -> None:
    """Train the trials that a chief hands out, until it has no more. Raises: TfsepError if it does not answer."""
    address.announce(name)
    tuner = SearchTuner(make_oracle(settings, lambda _: []), trainer, settings, out)
    with tuner.oracle.connected():
        tuner.search()
