"""What it is worth that a generator also sees the percussive part of its input, at equal size.

python benchmarks/hpss_inputs.py --songs RENDERED --real MULTITRACKS/lithium MULTITRACKS/caesium --work WORK
"""

import sys
import time
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path

from architecture_arms import SIZES
from architectures import (
    BATCH,
    CROP_FRAMES,
    METRICS,
    Estimates,
    by_mixture,
    by_model,
    choose_tests,
    export,
    measure_speed,
    open_scores,
    score_all,
    train,
)
from comparison import EXCERPT_S, cell, mean_of, mean_of_arm
from harness import Table, count, experiment_parser, machine, positive, publish

from tfsep.models.config import GeneratorConfig
from tfsep.models.cost import Cost, generator_cost
from tfsep.separation.hpss_runtime import DRUMS, HPSS, REST

SIZE = "small"
CONTROL, WITH = "plain", "hpss"
LABELS = {CONTROL: "as it is", WITH: "with its percussive part"}
TOLERANCE = 0.01  # how far the parameters may be from those of the control
PRECISION = "fp16"


@dataclass(frozen=True)
class Arm:
    """One generator and what it costs."""

    name: str
    config: GeneratorConfig
    cost: Cost


def arms_of_equal_size() -> dict[str, Arm]:
    """Return the arms, the control first. Raises: SystemExit if their parameters differ by more than `TOLERANCE`."""
    config = SIZES[SIZE]["a"]
    configs = {CONTROL: config, WITH: replace(config, hpss_inputs=True)}
    arms = {name: Arm(name, each, generator_cost(each)) for name, each in configs.items()}
    ratio = arms[WITH].cost.parameters / arms[CONTROL].cost.parameters
    if abs(ratio - 1) > TOLERANCE:
        raise SystemExit(f"{LABELS[WITH]}: {ratio:.3f} times the parameters of the control; change its widths")
    return arms


def by_filters(stems: Estimates) -> Estimates:
    """Separate by median filters alone; what is not drums stands for every other stem."""
    found = by_model(HPSS, 1)(stems)
    return {stem: found[DRUMS if stem == DRUMS else REST] for stem in stems}


def parse() -> Namespace:
    parser = experiment_parser(__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=count, default=400, metavar="N", help="of each run")
    parser.add_argument("--tests", type=count, default=24, metavar="N", help="rendered songs to hold out and score")
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="of separation")
    parser.add_argument("--repeats", type=count, default=5, metavar="N", help="of each measurement of speed, in turn")
    parser.add_argument("--seconds", type=positive, default=60.0, metavar="S", help="of the song that speed is measured with")
    parser.set_defaults(size=SIZE)
    return parser.parse_args()


def rows_of(arms: dict[str, Arm], tests: list[str], stored: dict, speed: dict) -> list[tuple[str, ...]]:
    """Return the table: what separates without learning, then the arms."""
    rows = []
    for name, scores in stored["baselines"].items():
        metrics = [metric if name != HPSS or metric.startswith(DRUMS) else None for metric in METRICS]
        cells = [f"{mean_of(scores[test].values(), metric):.2f}" if metric else "" for test in tests for metric in metrics]
        rows.append((name, *cells, "", "", "", "", ""))
    for arm in arms.values():
        cells = [cell(stored["arms"], arm.name, CONTROL, test, metric) for test in tests for metric in METRICS]
        rows.append((
            LABELS[arm.name], *cells, f"{arm.cost.parameters:,}", f"{arm.cost.multiply_adds_per_second / 1e6:.1f} M",
            f"{stored['seconds_a_step'][arm.name] / stored['seconds_a_step'][CONTROL]:.2f}",
            f"{stored['megabytes'][arm.name]:.2f}",
            f"{speed[CONTROL][PRECISION] / speed[arm.name][PRECISION]:.2f}",
        ))  # fmt: skip
    return rows


def main() -> int:
    args = parse()
    about, tests, arms = machine(), choose_tests(args), arms_of_equal_size()
    done = open_scores(args, tests)
    stored = done.values
    stored.setdefault("seconds_a_step", {})
    for name, separate in {"mixture": by_mixture, HPSS: by_filters}.items():
        if name not in stored["baselines"]:
            stored["baselines"][name] = score_all(separate, tests)
            done.save()
    files: dict[str, dict[str, Path]] = {}
    for seed in range(args.seeds):
        by_arm = stored["arms"].setdefault(str(seed), {})
        for arm in arms.values():
            start_s = time.perf_counter()
            bundle = train(args, arm, seed, tests["rendered songs"])
            trained_s = time.perf_counter() - start_s
            path, why = export(bundle, PRECISION)
            if path is None:
                raise SystemExit(why)
            files.setdefault(arm.name, {PRECISION: path})
            if arm.name not in by_arm:
                by_arm[arm.name] = score_all(by_model(path, args.threads), tests)
                stored["seconds_a_step"].setdefault(arm.name, trained_s / args.steps)
                stored["megabytes"][arm.name] = path.stat().st_size / 1e6
                done.save()
                scores = {test: round(mean_of_arm({"0": by_arm}, arm.name, test, "drums_sdr_db"), 2) for test in tests}
                print(f"seed {seed}, {LABELS[arm.name]}: {trained_s:.0f} s, drums SDR {scores}", file=sys.stderr, flush=True)
    wanted = {str(seed): stored["arms"][str(seed)] for seed in range(args.seeds)}
    speed = measure_speed(args, files)
    metrics = [f"{test} ({len(songs)}): {label}" for test, songs in tests.items() for label in METRICS.values()]
    table = Table(
        title="The percussive part as a further input",
        columns=("", *metrics, "parameters", "multiply-adds", "time a step", "MB", "speed"),
        rows=rows_of(arms, list(tests), stored | {"arms": wanted}, speed),
        notes=(
            f"{args.seeds} seeds; {args.steps} steps of {BATCH} crops of {CROP_FRAMES[SIZE]} frames, the same crops in the same order "
            f"for both; scored with the averaged weights of the last step, exported in {PRECISION}.",
            f"{args.tests} rendered songs of the training data's genres and kits, held out; of real songs the middle {EXCERPT_S:g} s. "
            "Mean: over the stems that a song has, without other where a stem is missing.",
            "In brackets: the mean difference on the same songs, and its 95 % bootstrap interval over seeds and songs.",
            "Multiply-adds are those of a second of audio; the median filters have none. Time a step, of the first seed with its start, "
            f"and speed, of separating {args.seconds:g} s with {args.threads} threads, are relative to the control.",
            f"{HPSS}: median filters alone, `tfsep separate --model {HPSS}`.",
        ),
    )
    publish(args, table, about, {**stored, "speed_s": speed})
    return 0


if __name__ == "__main__":
    sys.exit(main())
