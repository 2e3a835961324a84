"""Seconds of audio trained per second: stage 1 and stage 2, float32 and bfloat16, on TensorFlow and on JAX."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from harness import Table, benchmark_parser, check, count, machine, publish
from training_speed import PRECISIONS, cached_tracks

BACKENDS = ("tensorflow", "jax")
STAGES = ("stage 1", "stage 2")
ROLES = {"mixtures": "mixture", "targets": "drums", "rests": "accompaniment"}  # of unpaired recordings, and the stem they hold


def seconds_per_second(stage: str, precision: str, preset_name: str, batch: int, steps: int) -> float:
    """Train `steps` steps of a run, after two that compile and settle, on noise in the cache's format, in this process."""
    from dataclasses import replace

    import keras

    from tfsep.data.mixing import Pool
    from tfsep.models.presets import build_generator
    from tfsep.training.backend_steps import compiled_step
    from tfsep.training.data import RunData
    from tfsep.training.distribution import Distribution
    from tfsep.training.loader import prefetched
    from tfsep.training.presets import stage1, stage2
    from tfsep.training.stage import SupervisedStage
    from tfsep.training.stage2 import AdversarialStage

    config = replace(stage1(preset_name), precision=precision, batch=batch, learning_rate=1e-6)
    if stage == STAGES[1]:
        config = replace(stage2(config, "modern"), precision=precision, batch=batch, learning_rate=1e-6)
    spec, stems = config.generator.spec, config.generator.stems
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(precision)
    generator = build_generator(config.generator, config.crop_frames)

    with tempfile.TemporaryDirectory() as temporary:

        def data(role: str, held: tuple[str, ...]) -> RunData:
            tracks = cached_tracks(Path(temporary) / role, spec.sample_rate_hz, spec.channels, held)
            return RunData((Pool(tracks=tracks),), [])

        paired = data("paired", stems)
        if config.adversarial:
            unpaired = {role: data(role, (stem,)) for role, stem in ROLES.items()}
            made = AdversarialStage(config, generator, paired, unpaired, Distribution())
        else:
            made = SupervisedStage(config, generator, paired, Distribution())
        step, settle = compiled_step(made.trainer), 2
        for index, piece in enumerate(prefetched(made.batch, 0, settle + steps)):
            if index == settle:
                start_s = time.perf_counter()
            made.prepare(index)
            float(step(piece)["loss"])
        return steps * made.seconds_per_step / (time.perf_counter() - start_s)


def in_own_process(backend: str, stage: str, precision: str, args: argparse.Namespace) -> float:
    """Measure in a new process: a process has one Keras backend."""
    options = ["--worker", stage, precision, "--preset", args.preset, "--batch", str(args.batch), "--steps", str(args.steps)]
    command = [sys.executable, __file__, *options]
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    check(command, done.returncode, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def parse() -> argparse.Namespace:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--preset", default="default", help="architecture, with fresh weights")
    parser.add_argument("--batch", type=count, default=8, metavar="N", help="crops of multitracks a step")
    parser.add_argument("--steps", type=count, default=5, metavar="N", help="how many are timed")
    parser.add_argument("--repeats", type=count, default=2, metavar="N", help="of each, all in turn")
    parser.add_argument("--worker", nargs=2, metavar=("STAGE", "PRECISION"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    args = parse()
    if args.worker:
        print(json.dumps(seconds_per_second(*args.worker, args.preset, args.batch, args.steps)))
        return 0
    about = machine()
    found: dict[tuple[str, str, str], list[float]] = {}
    for _ in range(args.repeats):
        for case in product(STAGES, BACKENDS, PRECISIONS):
            stage, backend, precision = case
            found.setdefault(case, []).append(in_own_process(backend, stage, precision, args))
            print(*case, f"{found[case][-1]:.2f}", file=sys.stderr, flush=True)
    rows = []
    for stage in STAGES:
        base = statistics.median(found[stage, BACKENDS[0], PRECISIONS[0]])
        cells = [statistics.median(found[stage, backend, precision]) for backend, precision in product(BACKENDS, PRECISIONS)]
        rows.append((stage, *(f"{cell:.2f} ({cell / base:.2f})" for cell in cells)))
    table = Table(
        title=f"Seconds of audio trained per second, `{args.preset}`",
        columns=(
            "(ratio to TensorFlow, float32)",
            *(f"{backend}, {precision}" for backend, precision in product(BACKENDS, PRECISIONS)),
        ),
        rows=rows,
        notes=(
            f"Whole steps of a run with its loader: {args.steps} after two that compile; batches of {args.batch} crops; median of "
            f"{args.repeats} processes each, all in turn. Synthetic tracks in the cache's format.",
            "Stage 2 is the preset `modern`; counted are the multitracks and the unpaired mixtures that its generator separates.",
        ),
    )
    values = {" / ".join(case): speeds for case, speeds in found.items()}
    publish(args, table, about, {"seconds_per_second": values})
    return 0


if __name__ == "__main__":
    sys.exit(main())
