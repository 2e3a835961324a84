"""Where the time of a training step goes: loader, STFT, forward, backward, optimizer; in float32 and bfloat16."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from harness import Table, benchmark_parser, count, machine, publish

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
PRECISIONS = ("float32", "mixed_bfloat16")
TRACKS, TRACK_S = 8, 30
LEARNING_RATE = 1e-6  # the same few batches again and again must not blow the weights up
Phases = dict[str, Callable[[], object]]


def cached_tracks(folder: Path, sample_rate_hz: int, channels: int, stems: Sequence[str]) -> tuple:
    """Return `CachedTrack`s of noise, mapped from files in `folder` as those of a run are."""
    from tfsep.data.cache import CachedTrack

    folder.mkdir(exist_ok=True)
    tracks = []
    for number in range(TRACKS):
        shape = (len(stems), TRACK_S * sample_rate_hz, channels)
        noise = np.random.default_rng(number).integers(-6000, 6000, shape, dtype=np.int16)
        path = folder / f"{number}.npy"
        np.save(path, noise)
        samples = np.load(path, mmap_mode="r")
        tracks.append(
            CachedTrack(name=path.stem, key=path.stem, genre=None, stems=tuple(sorted(stems)), samples=samples, gain=1 / 32767)
        )
    return tuple(tracks)


class Bench:
    """One generator with its trainer, in one precision, and the parts of its step.

    Args:
        model: a Bundle's folder to start from, or None for fresh weights.
    """

    def __init__(self, preset_name: str, precision: str, batch: int, folder: Path, model: str | None):
        import keras

        from tfsep.bundle import Bundle
        from tfsep.data.mixing import CropMixer, Pool
        from tfsep.models.presets import build_generator, preset
        from tfsep.separation.locate import find_bundle
        from tfsep.training.checkpoint import AveragedWeights
        from tfsep.training.config import TrainingConfig
        from tfsep.training.trainer import SupervisedTrainer

        keras.utils.set_random_seed(0)
        stored = Bundle.load(find_bundle(model)) if model else None
        generator_config = stored.config if stored else preset(preset_name)
        self.config = config = TrainingConfig(generator=generator_config, precision=precision, batch=batch)
        spec = config.generator.spec
        tracks = cached_tracks(folder, spec.sample_rate_hz, spec.channels, config.generator.stems)
        self.mixer = CropMixer(
            [Pool(tracks=tracks)],
            stems=config.generator.stems,
            samples=config.crop_samples,
            channels=spec.channels,
            config=config.mixing,
            seed=config.seed,
        )
        keras.mixed_precision.set_global_policy(precision)
        self.generator = build_generator(config.generator, config.crop_frames)
        if stored:
            for variable, value in zip(self.generator.variables, stored.generator.variables, strict=True):
                variable.assign(value)
        self.optimizer = keras.optimizers.AdamW(
            LEARNING_RATE, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm
        )
        self.trainer = SupervisedTrainer(self.generator, config.generator)
        self.trainer.compile(self.optimizer)
        self.average = AveragedWeights(self.generator.variables, config.ema_decay)
        self.phases = self._phases()
        for phase in self.phases.values():  # while the policy is this one's: the first call builds the graph
            phase()

    @property
    def batch_s(self) -> float:
        """Seconds of audio in a batch."""
        return self.config.batch * self.config.crop_samples / self.config.generator.spec.sample_rate_hz

    def _phases(self) -> Phases:
        import tensorflow as tf

        from tfsep.dsp import stft_ops
        from tfsep.training.loader import prefetched
        from tfsep.training.loss import magnitudes_and_targets
        from tfsep.training.run import AVERAGE_EVERY

        spec, size, variables = self.config.generator.spec, self.config.batch, self.generator.trainable_variables

        def load(index: int) -> tuple[np.ndarray, ...]:
            return *self.mixer.batch(index, size), self.mixer.equaliser(index, size)

        fixed = load(0)
        batch = audio, _, equaliser_db = tuple(tf.constant(part) for part in fixed)
        compiled = {"jit_compile": False, "autograph": False}  # as in a run: XLA is several times slower on a CPU

        @tf.function(**compiled)
        def transformed(audio: object, equaliser_db: object) -> tuple:
            magnitude, targets = magnitudes_and_targets(audio, spec, equaliser_db)
            return stft_ops.features(magnitude, spec), targets

        @tf.function(**compiled)
        def gradients(*batch: object) -> list:
            with tf.GradientTape() as tape:
                value = self.trainer.batch_loss(*batch)
            return tape.gradient(value, variables)

        forward = tf.function(self.generator, **compiled)
        loss = tf.function(self.trainer.batch_loss, **compiled)
        apply = tf.function(lambda values: self.optimizer.apply(values, variables), **compiled)
        step = tf.function(self.trainer.train_step, **compiled)
        features, gradient = transformed(audio, equaliser_db)[0], gradients(*batch)
        loaded = iter(range(1, sys.maxsize))
        batches = prefetched(load, 0, sys.maxsize)
        done = iter(range(1, sys.maxsize))

        def run_step() -> None:
            float(step(next(batches))["loss"])
            if next(done) % AVERAGE_EVERY == 0:
                self.average.update(self.generator.variables)

        return {
            "loader": lambda: load(next(loaded)),
            "stft": lambda: _wait(transformed(audio, equaliser_db)),
            "forward": lambda: _wait(forward(features)),
            "loss": lambda: _wait(loss(*batch)),
            "gradients": lambda: _wait(gradients(*batch)),
            "optimizer": lambda: apply(gradient),
            "average": lambda: self.average.update(self.generator.variables),
            "step": lambda: float(step(fixed)["loss"]),
            "run": run_step,
        }


def _wait(result: object) -> None:
    """Take one number of a result to NumPy: it is there then, whatever the device."""
    import tensorflow as tf

    first = tf.nest.flatten(result)[0]
    np.asarray(tf.reshape(first, [-1])[0])


def measure(benches: dict[str, Bench], steps: int) -> dict[str, dict[str, float]]:
    """Return by precision and phase the median seconds; precisions and phases in turn, so that a slow spell hits all.

    "run" is not taken in turn: its loader works ahead while other phases run. Its steps follow one another, as in a run.
    """
    spent_s = {name: {phase: [] for phase in bench.phases} for name, bench in benches.items()}

    def timed(name: str, phase: str) -> None:
        start_s = time.perf_counter()
        benches[name].phases[phase]()
        spent_s[name][phase].append(time.perf_counter() - start_s)

    for _ in range(steps):
        for phase in next(iter(benches.values())).phases:
            for name in benches:
                if phase != "run":
                    timed(name, phase)
    for name, bench in benches.items():
        ahead = 4  # batches that were made while nobody waited, used up before the clock starts
        for _ in range(ahead):
            bench.phases["run"]()
        for _ in range(steps):
            timed(name, "run")
        print(f"{name}: done", file=sys.stderr)
    # The mean for the run, as an average of weights falls into every fourth step only.
    return {
        name: {phase: statistics.fmean(s) if phase == "run" else statistics.median(s) for phase, s in phases.items()}
        for name, phases in spent_s.items()
    }


def rows_of(medians: dict[str, dict[str, float]], batch_s: float, average_every: int) -> Iterator[tuple[str, ...]]:
    """Yield the table's rows: the parts in ms and as shares of a step, for each precision."""
    parts: tuple[tuple[str, Callable[[dict[str, float]], float]], ...] = (
        ("STFT, equalisers, targets, features", lambda s: s["stft"]),
        ("forward", lambda s: s["forward"]),
        ("loss (by difference)", lambda s: s["loss"] - s["stft"] - s["forward"]),
        ("backward (by difference)", lambda s: s["gradients"] - s["loss"]),
        ("optimizer", lambda s: s["optimizer"]),
        ("**whole step, batch at hand**", lambda s: s["step"]),
        (f"averaged weights (one update in {average_every} steps)", lambda s: s["average"] / average_every),
        ("loader, one thread, alone", lambda s: s["loader"]),
        ("**step of a run: prefetched loader, averaged weights**", lambda s: s["run"]),
        ("what loader and averaging add to a step", lambda s: s["run"] - s["step"]),
    )
    for label, part in parts:
        cells = [f"{1000 * part(s):.0f} ({100 * part(s) / s['step']:.0f} %)" for s in medians.values()]
        yield (label, *cells)
    yield ("seconds of audio per second, step alone", *(f"{batch_s / s['step']:.1f}" for s in medians.values()))
    yield ("**seconds of audio per second, run**", *(f"**{batch_s / s['run']:.1f}**" for s in medians.values()))


def parse() -> argparse.Namespace:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--preset", default="default", help="architecture, with fresh weights")
    parser.add_argument("--model", metavar="BUNDLE", help="this model's architecture and weights instead (folder or name)")
    parser.add_argument("--batch", type=count, default=8, metavar="N", help="crops a step")
    parser.add_argument("--steps", type=count, default=10, metavar="N", help="how often each part is timed")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    return parser.parse_args()


def main() -> int:
    args = parse()
    from tfsep.errors import TfsepError
    from tfsep.training.run import AVERAGE_EVERY

    about = machine()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            benches = {
                name: Bench(args.preset, name, args.batch, Path(temporary), args.model)
                for name in dict.fromkeys(args.precisions)
            }
        except TfsepError as error:
            raise SystemExit(str(error)) from None
        medians = measure(benches, args.steps)
    bench = next(iter(benches.values()))
    batch_s = bench.batch_s
    table = Table(
        title=f"A training step of `{args.model or args.preset}`",
        columns=("ms a step (share of the step)", *medians),
        rows=list(rows_of(medians, batch_s, AVERAGE_EVERY)),
        notes=(
            f"Batch of {args.batch} crops of {batch_s / args.batch:.2f} s: {batch_s:.1f} s of audio a step. Median of {args.steps}, "
            "parts and precisions in turn; the run's steps one after the other, their mean.",
            "Each part is a graph of its own, run alone; fused into one step they overlap, so that they need not add up to it.",
            "Synthetic tracks in the cache's format, which lie in memory; decoding happens once, before a run, and is not in it.",
        ),
    )
    publish(args, table, about, {"batch": args.batch, "batch_audio_s": batch_s, "steps": args.steps, "seconds": medians})
    return 0


if __name__ == "__main__":
    sys.exit(main())
