"""A search whose trials are made up: run as `python fake_search.py alone|chief|worker OUT ...`, without TensorFlow.

Each trial writes a line with its name to `OUT/trained.txt` when it is done; `--sleep` seconds pass before.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

from tfsep_tuning.constraints import Limits
from tfsep_tuning.distributed import Address
from tfsep_tuning.results import COST_PENALTY, MULTIPLY_ADDS, PARAMETERS, SDR, SECONDS, SHARE, STEPS, cost_penalty
from tfsep_tuning.search import make_oracle, run_alone, run_chief, run_worker
from tfsep_tuning.settings import SearchSettings, keep_settings
from tfsep_tuning.space import Chosen, Space, training_config

from tfsep.errors import TrainingError

SPACE = Space(heads=("mask",), dense_bottlenecks=(0, 8), levels=(2, 3, 4), widths=(8, 16, 24, 32))
FREE = Limits(activation_megabytes=None)


class MadeUpTrainer:
    """SDR and cost by a formula; learning rates above `nan_above` end in NaN."""

    def __init__(self, settings, *, sleep_s=0.0, nan_above=math.inf, log=None):
        self.settings, self.sleep_s, self.nan_above, self.log = settings, sleep_s, nan_above, log
        self.trained = []

    def configuration(self, values):
        return training_config(Chosen(values), self.settings.space, self.settings.base)

    def faults(self, values):
        try:
            self.configuration(values)
        except ValueError as error:
            return [str(error)]
        return []

    def train(self, values, out, *, share=1.0, ends=lambda: False):
        started_s = time.monotonic()
        while time.monotonic() - started_s < self.sleep_s and not ends():
            time.sleep(0.02)
        config = self.configuration(values)
        if config.learning_rate > self.nan_above:
            raise TrainingError("the loss is nan")
        cost = 1e7 * sum(config.generator.widths)
        sdr = 5 * share + math.log10(cost) - abs(math.log10(config.learning_rate) + 3) + (config.generator.block == "residual")
        self.trained.append(out.parent.name)
        if self.log:
            with open(self.log, "a") as file:
                file.write(out.parent.name + "\n")
        return {SDR: sdr, COST_PENALTY: cost_penalty(cost, self.settings.price_db), MULTIPLY_ADDS: cost, PARAMETERS: cost / 100,
                STEPS: round(100 * share), SHARE: share, SECONDS: time.monotonic() - started_s}  # fmt: skip


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("alone", "chief", "worker"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--address", type=Address.parse)
    parser.add_argument("--name")
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--sleep", type=float, default=0.0)
    parser.add_argument("--nan-above", type=float, default=math.inf)
    args = parser.parse_args(argv)
    settings = SearchSettings(**{"space": SPACE, "limits": FREE, "seed": 1} | args.settings)
    trainer = MadeUpTrainer(settings, sleep_s=args.sleep, nan_above=args.nan_above, log=args.out / "trained.txt")
    if args.role == "worker":
        run_worker(trainer, settings, args.out, args.address, args.name)
        return
    keep_settings(args.out, settings)
    oracle = make_oracle(settings, trainer.faults)
    if args.role == "alone":
        run_alone(oracle, trainer, settings, args.out)
    else:
        run_chief(oracle, settings, args.out, args.address, tell=lambda line: print(line, flush=True))


if __name__ == "__main__":
    main(sys.argv[1:])
