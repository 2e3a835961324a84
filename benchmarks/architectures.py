"""Architectures at equal cost: band split and bands as channels, real and complex masks, the same data, steps and seeds.

python benchmarks/architectures.py --songs RENDERED --real MULTITRACKS/lithium MULTITRACKS/caesium --work WORK
"""

import json
import random
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
from architecture_arms import ARMS, CONTROL, SIZES, Arm, arms_of_equal_cost
from comparison import (
    EXCERPT_S,
    RATE_HZ,
    STEMS,
    StoredScores,
    cell,
    differences,
    interval,
    mean_of,
    mean_of_arm,
    middle,
    song_stems,
)
from figures import plot_differences
from harness import Table, count, experiment_parser, machine, positive, publish, song_blocks

from tfsep.audio import Audio
from tfsep.dsp.stft import istft, stft
from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

STEPS = {"small": 2000, "default": 8000}
CROP_FRAMES = {"small": 64, "default": 128}
BATCH = 8
METRICS = {"drums_sdr_db": "drums SDR, dB", "mean_sdr_db": "mean SDR, dB"}
PRECISIONS = ("fp16", "int8")
ORACLES = {
    "ratio": "oracle: ratio of energies",
    "real": "oracle: best real mask in [0, 1]",
    "complex": "oracle: best complex mask in the bounds of the head",
}

Estimates = dict[str, np.ndarray]


def parse() -> Namespace:
    parser = experiment_parser(__doc__.split("\n\n")[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="small", help="of the models")
    parser.add_argument("--arms", default="".join(ARMS), metavar="ABC", help="which to train, beside the control")
    parser.add_argument("--steps", type=count, metavar="N", help=f"of each run, else {STEPS}")
    parser.add_argument("--tests", type=count, default=24, metavar="N", help="rendered songs to hold out and score")
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="of separation")
    parser.add_argument("--repeats", type=count, default=5, metavar="N", help="of each measurement of speed, in turn")
    parser.add_argument("--seconds", type=positive, default=60.0, metavar="S", help="of the song that speed is measured with")
    parser.add_argument("--plot", type=Path, metavar="F.png", help="draw the differences from the control")
    args = parser.parse_args()
    args.steps = args.steps or STEPS[args.size]
    return args


def choose_tests(args: Namespace) -> dict[str, list[Path]]:
    """Return the songs of each test, the same for the same folder. Raises: SystemExit if there are too few."""
    about = {path.parent: json.loads(path.read_text()) for path in sorted(args.songs.glob("*/song.json"))}
    songs = [song for song, said in about.items() if "drums" not in said["silent_stems"]]
    if len(songs) <= args.tests:
        raise SystemExit(
            f"--songs {args.songs}: {len(songs)} songs with drums, of which {args.tests} would be held out: use more songs"
        )
    missing = [str(song) for song in args.real if not song.is_dir()]
    if missing:
        raise SystemExit(f"--real {' '.join(missing)}: there is no such folder")
    held_out = sorted(random.Random(0).sample(songs, args.tests))
    return {"rendered songs": held_out} | ({"real songs": args.real} if args.real else {})


# --- training and scoring -------------------------------------------------------------------------------------------------


def train(args: Namespace, arm: Arm, seed: int, held_out: list[Path]) -> Path:
    """Return the Bundle of an arm, trained, or trained to its end, if it is not there."""
    import keras

    from tfsep.training.config import TrainingConfig
    from tfsep.training.data import DataFolder
    from tfsep.training.run import TrainingRun

    out = args.work / args.size / arm.name / f"seed{seed}"
    if not (out / "best" / "bundle.json").is_file():
        keras.utils.clear_session()  # the graphs of the arm before
        config = TrainingConfig(
            generator=arm.config, steps=args.steps, batch=BATCH, crop_frames=crop_frames(args.size, arm), seed=seed,
            learning_rate=arm.learning_rate, warmup_steps=min(300, args.steps // 10), validate_every=args.steps,
            checkpoint_every=100,
        )  # fmt: skip
        cache = args.cache or args.work / "cache"
        exclude = [song.name for song in held_out]
        TrainingRun(config, data=[DataFolder(str(args.songs))], validation=[], exclude=exclude, out=out, cache=cache).train()
    return out / "best"


def crop_frames(size: str, arm: Arm) -> int:
    """Return how long crops are: as many seconds for each arm."""
    return CROP_FRAMES[size] * SIZES[size][CONTROL].spec.hop_samples // arm.config.spec.hop_samples


def export(bundle: Path, precision: str) -> tuple[Path | None, str]:
    """Write a LiteRT file beside a bundle if it is not there; return it, or None and why it was refused."""
    from tfsep_export.model import export_model

    from tfsep.bundle import Bundle

    path = bundle / f"{precision}.tflite"
    if not path.is_file():
        try:
            export_model(Bundle.load(bundle), path, precision=precision)
        except ModelError as error:
            return None, str(error)
    return path, ""


def score_all(separate: Callable[[Estimates], Estimates], tests: dict[str, list[Path]]) -> dict[str, dict[str, dict]]:
    """Return SDR in dB by test and song: of drums, and the mean of all stems that can be scored.

    Where a song lacks a stem, what is called its other may hold that, so it is not scored.

    Args:
        separate: from the true stems, whose sum is the mixture, to estimates of them.
    """
    from tfsep.evaluation.metrics import ScoreAccumulator

    scores: dict[str, dict[str, dict]] = {}
    for test, songs in tests.items():
        for song in songs:
            stems = {stem: middle(samples) for stem, samples in song_stems(song).items()}
            estimates, found = separate(stems), {}
            for stem, samples in stems.items():
                if stem == "other" and len(stems) < len(STEMS):
                    continue
                sums = ScoreAccumulator()
                sums.add(samples, estimates[stem])
                found[stem] = sums.sdr_db
            known = [value for value in found.values() if value is not None]
            scores.setdefault(test, {})[song.name] = {
                "drums_sdr_db": found.get("drums"), "mean_sdr_db": float(np.mean(known)) if known else None
            }  # fmt: skip
    return scores


def by_model(model: str | Path, threads: int) -> Callable[[Estimates], Estimates]:
    """Return what separates with a model."""
    from tfsep.separation.separator import Separator

    separator = Separator.load(model, threads=threads)

    def separate(stems: Estimates) -> Estimates:
        found = separator.separate(Audio(_sum(stems), RATE_HZ))
        return {stem: sound.samples for stem, sound in found.items()}

    return separate


def by_oracle(kind: str, spec: SpectrogramSpec) -> Callable[[Estimates], Estimates]:
    """Return what separates with masks made from the true stems, the best that masks of a kind can reach."""

    def separate(stems: Estimates) -> Estimates:
        spectra = {stem: stft(samples, spec) for stem, samples in stems.items()}
        mixture = sum(spectra.values())
        energy = np.abs(mixture) ** 2 + 1e-20
        energies = sum(np.abs(spectrum) ** 2 for spectrum in spectra.values()) + 1e-20
        estimates = {}
        for stem, spectrum in spectra.items():
            if kind == "ratio":
                mask = np.abs(spectrum) ** 2 / energies
            else:
                ratio = spectrum * np.conj(mixture) / energy
                mask = np.clip(ratio.real, 0, 1)
                if kind == "complex":
                    reach = 2 * (1 - 1 / len(stems))  # of a correction less the mean of all
                    mask = np.clip(ratio.real, -reach, 1 + reach) + 1j * np.clip(ratio.imag, -reach, reach)
            estimates[stem] = istft(mask * mixture, spec, len(stems[stem]))
        return estimates

    return separate


def _sum(stems: Estimates) -> np.ndarray:
    return np.sum(list(stems.values()), axis=0, dtype=np.float32)


def by_mixture(stems: Estimates) -> Estimates:
    """Separate nothing."""
    return dict.fromkeys(stems, _sum(stems))


# --- speed and size -------------------------------------------------------------------------------------------------------


def measure_speed(args: Namespace, files: dict[str, dict[str, Path]]) -> dict[str, dict[str, float]]:
    """Return by arm and precision the median seconds for a synthetic song; all in turn, so that a slow spell hits all."""
    from tfsep.separation.separator import Separator

    song = Audio(np.concatenate(list(song_blocks(args.seconds))), RATE_HZ)
    separators = {(arm, precision): Separator.load(path, threads=args.threads)
                  for arm, paths in files.items() for precision, path in paths.items()}  # fmt: skip
    spent: dict[tuple[str, str], list[float]] = {key: [] for key in separators}
    for repeat in range(args.repeats + 1):
        for key, separator in separators.items():
            start_s = time.perf_counter()
            separator.separate(song)
            if repeat:  # the first one warms up
                spent[key].append(time.perf_counter() - start_s)
    return {arm: {precision: statistics.median(spent[arm, precision]) for precision in paths} for arm, paths in files.items()}


# --- the table ------------------------------------------------------------------------------------------------------------


def rows_of(arms: dict[str, Arm], tests: list[str], stored: dict, speed: dict[str, dict[str, float]]) -> list[tuple[str, ...]]:
    """Return the table: what can be reached at best and at least, then the arms."""
    rows = []
    for name, scores in stored["baselines"].items():
        cells = [f"{mean_of(scores[test].values(), metric):.2f}" for test in tests for metric in METRICS]
        rows.append((ORACLES.get(name, name), *cells, "", "", "", ""))
    for arm in arms.values():
        cells = [cell(stored["arms"], arm.name, CONTROL, test, metric) for test in tests for metric in METRICS]
        sizes = stored["megabytes"][arm.name]
        faster = {p: speed[CONTROL][p] / seconds for p, seconds in speed[arm.name].items() if p in speed[CONTROL]}
        rows.append((
            arm.label, *cells, f"{arm.cost.parameters:,}", f"{arm.cost.multiply_adds_per_second / 1e6:.0f} M",
            " / ".join("-" if sizes[p] is None else f"{sizes[p]:.2f}" for p in PRECISIONS),
            " / ".join(f"{faster[p]:.2f}" if p in faster else "-" for p in PRECISIONS),
        ))  # fmt: skip
    return rows


def notes_of(args: Namespace, stored: dict) -> tuple[str, ...]:
    """Return how it was measured."""
    refused = [f"{name}: {why}" for name, why in stored["refused"].items()]
    return (
        f"Size {args.size}. {args.seeds} seeds; {args.steps} steps of {BATCH} crops as long as {CROP_FRAMES[args.size]} "
        f"frames of ({CONTROL}), the same crops in the same order for each arm; "
        "scored with the averaged weights of the last step, exported in fp16.",
        f"{args.tests} rendered songs of the training data's genres and kits, held out; of real songs the middle {EXCERPT_S:g} s. "
        "Mean: over the stems that a song has, without other where a stem is missing.",
        f"In brackets: the mean difference from ({CONTROL}) on the same songs, and its 95 % bootstrap interval over seeds and songs.",
        f"Multiply-adds are those of a second of audio. MB: LiteRT files, {' / '.join(PRECISIONS)}. Speed: of separating "
        f"{args.seconds:g} s of synthetic music with {args.threads} threads, relative to ({CONTROL}); median of {args.repeats}, in turn.",
        "Oracles: masks from the true stems, at the spectrogram of the models.",
        *refused,
    )  # fmt: skip


def plot(path: Path, arms: dict[str, Arm], tests: list[str], stored: dict) -> None:
    """Draw the differences from the control."""
    others = [arm for arm in arms.values() if arm.name != CONTROL]
    panels = {
        label: {
            test: [interval(differences(stored["arms"], arm.name, CONTROL, test, metric)) for arm in others] for test in tests
        }
        for metric, label in METRICS.items()
    }
    plot_differences(path, panels, [arm.label for arm in others], f"({CONTROL})")


def open_scores(args: Namespace, tests: dict[str, list[Path]]) -> StoredScores:
    """Return what was found so far. Raises: SystemExit if it was found with other settings."""
    settings = {"steps": args.steps, "tests": {test: [song.name for song in songs] for test, songs in tests.items()}}
    path = args.work / args.size / "scores.json"
    found = StoredScores(path, {"settings": settings, "baselines": {}, "arms": {}, "megabytes": {}, "refused": {}})
    if found.values["settings"] != settings:
        raise SystemExit(f"{path}: was made with other --steps, --tests or songs: use those, or another --work")
    return found


def main() -> int:
    args = parse()
    about, tests = machine(), choose_tests(args)
    done = open_scores(args, tests)
    stored = done.values
    arms = arms_of_equal_cost(args.size, args.arms)
    for name in ("mixture", *ORACLES):
        if name not in stored["baselines"]:
            separate = by_mixture if name == "mixture" else by_oracle(name, arms[CONTROL].config.spec)
            stored["baselines"][name] = score_all(separate, tests)
            done.save()
    files: dict[str, dict[str, Path]] = {}
    for seed in range(args.seeds):
        by_arm = stored["arms"].setdefault(str(seed), {})
        for arm in arms.values():
            start_s = time.perf_counter()
            bundle = train(args, arm, seed, tests["rendered songs"])
            trained_s = time.perf_counter() - start_s
            if not seed:
                made = {precision: export(bundle, precision) for precision in PRECISIONS}
                files[arm.name] = {precision: path for precision, (path, _) in made.items() if path}
                stored["megabytes"][arm.name] = {p: path and path.stat().st_size / 1e6 for p, (path, _) in made.items()}
                stored["refused"] |= {f"({arm.name}) {p}": why for p, (_, why) in made.items() if why}
            if arm.name not in by_arm:
                path, why = export(bundle, "fp16")
                if path is None:
                    raise SystemExit(why)
                by_arm[arm.name] = score_all(by_model(path, args.threads), tests)
                done.save()
                scores = {test: round(mean_of_arm({"0": by_arm}, arm.name, test, "drums_sdr_db"), 2) for test in tests}
                print(f"seed {seed} {arm.label}: {trained_s:.0f} s, drums SDR {scores}", file=sys.stderr, flush=True)
    wanted = {str(seed): stored["arms"][str(seed)] for seed in range(args.seeds)}
    speed = measure_speed(args, files)
    columns = ["", *(f"{test} ({len(songs)}): {label}" for test, songs in tests.items() for label in METRICS.values())]
    columns += ["parameters", "multiply-adds", "MB", "speed"]
    rows = rows_of(arms, list(tests), stored | {"arms": wanted}, speed)
    table = Table(title="Architectures at equal cost", columns=tuple(columns), rows=rows, notes=notes_of(args, stored))
    if args.plot:
        plot(args.plot, arms, list(tests), stored | {"arms": wanted})
    publish(args, table, about, {**stored, "speed_s": speed})
    return 0


if __name__ == "__main__":
    sys.exit(main())
