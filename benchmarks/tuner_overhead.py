"""What the tuner itself costs: the share of a search that trials do not take, and what a second worker brings.

The trials of the first part are made up: they take `--trial-seconds` of sleep, so that all else is the tuner's. Those of the second
part take as much processor time, one worker bound to each core.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from harness import Table, benchmark_parser, count, machine, positive, publish, verdict
from tfsep_tuning.constraints import Limits, faults
from tfsep_tuning.distributed import Address
from tfsep_tuning.results import (
    COST_PENALTY,
    MULTIPLY_ADDS,
    PARAMETERS,
    SDR,
    SECONDS,
    SHARE,
    STEPS,
    cost_penalty,
    read_results,
)
from tfsep_tuning.search import make_oracle, run_alone, run_chief, run_worker
from tfsep_tuning.settings import SearchSettings, keep_settings
from tfsep_tuning.space import SPACES, Chosen, training_config

from tfsep.models.cost import generator_cost

MOST_OVERHEAD_PERCENT, LEAST_SPEED_UP = 5.0, 1.7
ADDRESS = Address("127.0.0.1", 18_801)


class Trials:
    """Trials that take a fixed time and score by their width."""

    def __init__(self, settings: SearchSettings, seconds: float, *, busy: bool):
        self._settings, self._seconds, self._busy = settings, seconds, busy

    def faults(self, values: Mapping[str, Any]) -> list[str]:
        """Return why values are not worth a trial."""
        try:
            config = training_config(Chosen(values), self._settings.space, self._settings.base)
        except ValueError as error:
            return [str(error)]
        return faults(config.generator, self._settings.limits)

    def train(
        self, values: Mapping[str, Any], out: Path, *, share: float = 1.0, ends: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """Let the time pass; return results."""
        if self._busy:
            start_s = time.process_time()
            while time.process_time() - start_s < self._seconds * share:
                sum(range(20_000))
        else:
            time.sleep(self._seconds * share)
        config = training_config(Chosen(values), self._settings.space, self._settings.base)
        width = sum(config.generator.widths)
        limited = self._settings.limits.multiply_adds is not None
        cost = generator_cost(config.generator).multiply_adds_per_second if limited else 1e6 * width
        return {SDR: width / 100, COST_PENALTY: cost_penalty(cost, 0.25), MULTIPLY_ADDS: cost, PARAMETERS: 1.0,
                STEPS: 100.0 * share, SHARE: share, SECONDS: self._seconds * share}  # fmt: skip


def overhead(tuner: str, args: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Return which share of a search, in %, is the tuner's, and the seconds that it takes for a trial."""
    settings = SearchSettings(tuner=tuner, space=SPACES["small"], limits=Limits(multiply_adds=5e8), trials=args.trials)
    trials = Trials(settings, args.trial_seconds, busy=False)
    keep_settings(folder, settings)
    generator_cost.cache_clear()  # another tuner may have drawn the same
    start_s = time.perf_counter()
    run_alone(make_oracle(settings, trials.faults), trials, settings, folder)
    spent_s = time.perf_counter() - start_s
    result = read_results(folder)
    in_trials_s = sum(trial.metrics[SECONDS] for trial in result.completed)
    of_tuner_s = (spent_s - in_trials_s) / len(result.trials)
    return 100 * of_tuner_s / (of_tuner_s + args.real_trial_seconds), of_tuner_s


def seconds_with(workers: int, args: argparse.Namespace, folder: Path) -> float:
    """Return the seconds from the first trial's start to the last one's end, a worker bound to each core."""
    base = [
        sys.executable,
        __file__,
        "--folder",
        str(folder),
        "--trials",
        str(args.trials),
        "--trial-seconds",
        str(args.trial_seconds),
    ]
    light = os.environ | {"KERAS_BACKEND": "numpy", "OMP_NUM_THREADS": "1"}
    chief = subprocess.Popen([*base, "--role", "chief"], env=light, stdout=subprocess.DEVNULL)
    cores = sorted(os.sched_getaffinity(0))
    running = [
        subprocess.Popen([*base, "--role", f"worker{core}"], env=light, stdout=subprocess.DEVNULL, preexec_fn=_bound_to(core))
        for core in cores[:workers]
    ]
    if any(process.wait() for process in (*running, chief)):
        raise SystemExit("a worker or the chief failed")
    return float((folder / "seconds.txt").read_text())


def _bound_to(core: int) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {core})


def play(args: argparse.Namespace) -> None:
    """Be the chief or a worker of the second part."""
    settings = SearchSettings(tuner="random", space=SPACES["small"], trials=args.trials)
    trials = Trials(settings, args.trial_seconds, busy=True)
    if args.role != "chief":
        run_worker(trials, settings, args.folder, ADDRESS, args.role)
        return
    keep_settings(args.folder, settings)
    times: list[float] = []
    oracle = make_oracle(settings, trials.faults, on_change=lambda _: times.append(time.perf_counter()))
    run_chief(oracle, settings, args.folder, ADDRESS, tell=print)
    (args.folder / "seconds.txt").write_text(str(times[-1] - times[0]))


def main() -> int:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--trials", type=count, default=24, help="in each search")
    parser.add_argument("--trial-seconds", type=positive, default=1.0, help="of a made-up trial")
    parser.add_argument(
        "--real-trial-seconds", type=positive, default=60.0, help="of a real one, which the overhead is a share of"
    )
    parser.add_argument("--repeats", type=count, default=3, help="of the search with one worker and with two, by turns")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        play(args)
        return 0
    about, rows, numbers = machine(), [], {}
    with TemporaryDirectory() as place:
        for tuner in ("random", "hyperband", "bayesian"):
            percent, seconds = overhead(tuner, args, Path(place, tuner))
            numbers[tuner] = {"percent": percent, "seconds_a_trial": seconds}
            rows.append((f"{tuner}: {seconds:.2f} s a trial, % of the search", f"{percent:.1f}",
                         verdict(percent, MOST_OVERHEAD_PERCENT, at_most=True)))  # fmt: skip
        if about["cores"] > 1:
            turns = [[seconds_with(n, args, Path(place, f"{n}-{turn}")) for n in (1, 2)] for turn in range(args.repeats)]
            speed_up = statistics.median(one / two for one, two in turns)
            numbers["workers"] = {"seconds": turns, "speed_up": speed_up}
            rows.append(
                ("trials of two workers for each of one", f"{speed_up:.2f}", verdict(speed_up, LEAST_SPEED_UP, at_most=False))
            )
    notes = (
        f"{args.trials} trials; one core for each worker. Overhead: all that is not trial, with every draw's multiply-adds counted, "
        f"as a share of a search with trials of {args.real_trial_seconds:g} s.",
        "The limit is 0.5 G multiply-adds a second in the space `small`. A trial counts its model's cost in any case, so that cost is "
        "the tuner's here but not in a real search.",
        "Two workers: from the first trial's start to the last one's end, made-up trials that take processor time.",
    )
    publish(args, Table(title="The tuner's overhead", columns=("", "measured", "bar"), rows=rows, notes=notes), about, numbers)
    return int(any(row[2].endswith("missed") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
