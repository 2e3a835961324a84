"""Whether loading keeps the model fed: seconds of audio per second of each loader, and how much of a step is the model's."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness import Table, benchmark_parser, count, machine, positive, publish, spread, verdict, write_song

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
MODEL_SHARE = 0.9  # of a step's time, the limit
SONGS, SONG_S = 12, 48  # synthetic
Loader = Callable[[int], tuple]


def write_songs(folder: Path) -> Path:
    """Write synthetic songs of four stems."""
    from tfsep.models.config import DEFAULT_STEMS

    for number in range(SONGS):
        (folder / f"{number:02d}").mkdir(parents=True)
        for place, stem in enumerate(DEFAULT_STEMS):
            write_song(folder / f"{number:02d}" / f"{stem}.flac", SONG_S, seed=10 * number + place)
    return folder


def make_loaders(
    songs: Path, work: Path, config: Any, window_mb: float, threads: int
) -> tuple[dict[str, Loader], dict[str, float]]:
    """Return the loaders by name, and the MB that they keep on the disk for a minute of music.

    Args:
        config: the run's `TrainingConfig`.
        work: a folder for cache and records.
    """
    from tfsep.data.folders import FolderSource
    from tfsep.data.loading import load_tracks
    from tfsep.data.mixing import CropMixer, Pool
    from tfsep.data.records.dataset import RecordDataset, RecordSource
    from tfsep.data.records.spec import CODECS, RecordSpec
    from tfsep.data.records.writing import write_records

    spec, source = config.generator.spec, FolderSource(root=songs)
    drawing = {"stems": config.generator.stems, "samples": config.crop_samples, "channels": spec.channels,
               "config": config.mixing, "seed": config.seed}  # fmt: skip
    cached = load_tracks(source, work / "cache", sample_rate_hz=spec.sample_rate_hz, channels=spec.channels).tracks
    minutes = sum(track.length for track in cached) / spec.sample_rate_hz / 60
    mixers: dict[str, Any] = {"cache in memory": CropMixer([Pool(tracks=cached)], **drawing)}
    sizes_mb = {"cache in memory": sum(track.samples.nbytes for track in cached) / 1e6 / minutes}
    for codec in CODECS:
        packed = RecordSpec(sample_rate_hz=spec.sample_rate_hz, channels=spec.channels, codec=codec, shard_mb=20, group_mb=300)
        index = write_records(source.tracks(), work / codec, spec=packed)
        records = RecordDataset(
            [RecordSource(work / codec)],
            sample_rate_hz=spec.sample_rate_hz,
            window_mb=window_mb,
            parallel=threads,
            **drawing,
        )
        if records.in_memory:
            raise SystemExit(f"--window-mb {window_mb:g} holds all the songs, so that nothing would be read: use less")
        mixers[f"records, {codec}"] = records
        sizes_mb[f"records, {codec}"] = index.size / 1e6 / minutes

    def whole(mixer: Any) -> Loader:
        return lambda index: (*mixer.batch(index, config.batch), mixer.equaliser(index, config.batch))

    return {name: whole(mixer) for name, mixer in mixers.items()}, sizes_mb


def make_step(config: Any) -> Callable[[tuple], float]:
    """Return one step of training as a run does it."""
    import keras

    from tfsep.models.presets import build_generator
    from tfsep.training.backend_steps import compiled_step
    from tfsep.training.trainer import SupervisedTrainer

    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(config.precision)
    trainer = SupervisedTrainer(build_generator(config.generator, config.crop_frames), config.generator, error=config.error)
    trainer.compile(keras.optimizers.AdamW(1e-6, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm))
    do_step = compiled_step(trainer)
    return lambda batch: float(do_step(batch)["loss"])


class Meter:
    """Measures loaders and the step in turns, so that a slow spell of the machine hits all of them.

    Args:
        steps: batches in a turn.
        ahead: batches that were made while nobody waited, and are taken before the clock starts.
    """

    def __init__(self, loaders: dict[str, Loader], step: Callable[[tuple], float], steps: int, threads: int):
        from tfsep.training.loader import prefetched

        self.loaders, self.step, self.steps = loaders, step, steps
        self.batches: dict[str, Iterator[tuple]] = {
            name: prefetched(make, 0, sys.maxsize, threads=threads) for name, make in loaders.items()
        }
        self.fixed = next(self.batches[next(iter(loaders))])
        step(self.fixed)  # builds the graph
        self.ahead = 5

    def turn(self) -> dict[str, dict[str, float]]:
        """Return by loader the seconds of a batch alone, of a step with it, of waiting in that, and of a step with a batch at hand."""
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        for _ in range(self.steps):
            self.step(self.fixed)
        fixed_s, step_cpu_s = (time.perf_counter() - start_s) / self.steps, (time.process_time() - start_cpu_s) / self.steps
        measured = {}
        for name, batches in self.batches.items():
            for _ in range(self.ahead):
                next(batches)
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            for _ in range(self.steps):
                next(batches)
            alone_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
            for _ in range(2):  # what is made ahead was just taken; in a run it is there
                self.step(next(batches))
            waited_s, start_s = 0.0, time.perf_counter()
            for _ in range(self.steps):
                asked_s = time.perf_counter()
                batch = next(batches)
                waited_s += time.perf_counter() - asked_s
                self.step(batch)
            with_s = time.perf_counter() - start_s
            measured[name] = {
                part: value / self.steps for part, value in (("alone", alone_s), ("cpu", cpu_s), ("with", with_s), ("waited", waited_s))
            } | {"fixed": fixed_s, "step_cpu": step_cpu_s}  # fmt: skip
        return measured


def rows_of(
    turns: Sequence[dict[str, dict[str, float]]], sizes_mb: dict[str, float], batch_s: float
) -> Iterator[tuple[str, ...]]:
    """Yield the table's rows."""
    for name in turns[0]:
        parts = [turn[name] for turn in turns]
        shares = [part["fixed"] / part["with"] for part in parts]
        yield (
            name,
            f"{sizes_mb[name]:.1f}",
            f"{1000 * statistics.median(part['cpu'] for part in parts):.0f}",
            f"{batch_s / statistics.median(part['alone'] for part in parts):.0f}",
            spread([part["fixed"] / part["alone"] for part in parts], 1),
            spread([100 * part["waited"] / part["with"] for part in parts], 1),
            spread([100 * part["step_cpu"] / (part["step_cpu"] + part["cpu"]) for part in parts], 0),
            spread([100 * share for share in shares], 0),
            verdict(statistics.median(shares), MODEL_SHARE, at_most=False),
        )


def parse() -> argparse.Namespace:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--data", type=Path, metavar="DIR", help="song folders; synthetic ones if not given")
    parser.add_argument("--preset", default="default", help="architecture, with fresh weights")
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"), default="mixed_bfloat16")
    parser.add_argument("--batch", type=count, default=8, metavar="N", help="crops a step")
    parser.add_argument("--steps", type=count, default=6, metavar="N", help="steps in a turn")
    parser.add_argument("--turns", type=count, default=5, metavar="N", help="turns of all loaders")
    parser.add_argument("--threads", type=count, default=1, metavar="N", help="that mix, and as many that read records")
    parser.add_argument("--window-mb", type=positive, default=150.0, metavar="MB", help="window of the records")
    return parser.parse_args()


def main() -> int:
    args = parse()
    from tfsep.errors import TfsepError
    from tfsep.models.presets import preset
    from tfsep.training.config import TrainingConfig

    about = machine()
    with tempfile.TemporaryDirectory() as temporary:
        try:
            config = TrainingConfig(generator=preset(args.preset), precision=args.precision, batch=args.batch)
            songs = args.data or write_songs(Path(temporary, "songs"))
            loaders, sizes_mb = make_loaders(songs, Path(temporary), config, args.window_mb, args.threads)
        except TfsepError as error:
            raise SystemExit(str(error)) from None
        meter = Meter(loaders, make_step(config), args.steps, args.threads)
        meter.turn()  # windows are filled, files read once
        turns = [meter.turn() for _ in range(args.turns)]
    batch_s = args.batch * config.crop_samples / config.generator.spec.sample_rate_hz
    step_s = statistics.median(next(iter(turn.values()))["fixed"] for turn in turns)
    table = Table(
        title=f"Loaders beside a training step of `{args.preset}`, {args.precision}",
        columns=("loader", "MB a minute on disk", "ms of processor a batch", "audio s/s, model off", "times what a step takes",
                 "waiting, % of a step", "model, % of processor time", "model, % of a step", f"limit {100 * MODEL_SHARE:.0f} %"),
        rows=list(rows_of(turns, sizes_mb, batch_s)),
        notes=(
            f"Batch of {args.batch} crops, {batch_s:.1f} s of audio; a step with a batch at hand takes {1000 * step_s:.0f} ms, "
            f"{batch_s / step_s:.1f} s of audio a second. Loaders make batches ahead with {args.threads} thread(s), as a run does.",
            f"Median and range of {args.turns} turns of {args.steps} steps; step and loaders in turn. Waiting: until the next batch "
            "is there. Model: a step with a batch at hand, as a share of one while the loader works beside it; the same of processor "
            "time, which other programs on the machine touch less.",
            f"Records are read through a window of {args.window_mb:g} MB that moves on; files were read once before, so that they "
            "may come from the system's memory. The cache is decoded before a run.",
            "Songs: " + ("given with --data." if args.data else f"{SONGS} synthetic ones of {SONG_S} s, 4 stems."),
        ),
    )  # fmt: skip
    publish(args, table, about, {"turns": turns, "mb_a_minute": sizes_mb, "batch_audio_s": batch_s})
    shares = [statistics.median(turn[name]["fixed"] / turn[name]["with"] for turn in turns) for name in loaders]
    return 0 if min(shares) >= MODEL_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
