"""What unpaired recordings are worth: adversarial training beside its controls, the same small generator, the same data.

Songs of one genre family have multitracks; of the other families there are only drums alone, music without drums and finished
songs, of different songs each. All arms but (a) train for as many steps, from the weights of (a), at the same learning rate.

python benchmarks/adversarial.py --songs RENDERED --real MULTITRACKS/lithium MULTITRACKS/caesium --work WORK
"""

import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from adversarial_data import UNPAIRED, Split, split_songs, test_stems
from comparison import EXCERPT_S, Scores, StoredScores, cell, differences, interval, mean_of, middle
from figures import plot_differences
from harness import Table, count, experiment_parser, machine, publish

if TYPE_CHECKING:
    from tfsep.models.config import GeneratorConfig
    from tfsep.training.data import DataFolder

ARMS = {
    "a": "stage 1",
    "b": "stage 1, more steps",
    "c": "adversarial, with unpaired recordings",
    "d": "unpaired drums and rests mixed at random, as pairs",
    "e": "pseudo-labels of the unpaired mixtures",
    "f": "half of (d), then adversarial",
}
CONTROL = "b"
METRICS = {"sdr_db": "drums SDR, dB", "onset_f1": "onset F1", "lsd_db": "LSD above 8 kHz, dB"}


def parse() -> Namespace:
    parser = experiment_parser(__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=count, default=300, metavar="N", help="of stage 1")
    parser.add_argument("--later", type=count, default=200, metavar="N", help="steps of each arm after it")
    parser.add_argument(
        "--unpaired-batch", type=count, default=4, metavar="N", help="crops of each kind for the critics in a step"
    )
    parser.add_argument("--paired", type=count, default=60, metavar="N", help="songs with multitracks")
    parser.add_argument("--unpaired", type=count, default=60, metavar="N", help="songs for each kind of unpaired recordings")
    parser.add_argument("--tests", type=count, default=16, metavar="N", help="songs in each test")
    parser.add_argument("--family", default="electronic", metavar="F", help="genre family of the paired songs")
    parser.add_argument("--arms", default="".join(ARMS), metavar="ABC", help="which to train")
    parser.add_argument("--plot", type=Path, metavar="F.png", help="draw the differences from the control")
    parser.add_argument("--adversarial", default="modern", metavar="PRESET", help="of arms c and f")
    return parser.parse_args()


def generator_config() -> "GeneratorConfig":
    from tfsep.models.presets import PRESETS

    return replace(
        PRESETS["default"], stems=("drums", "accompaniment"), widths=(16, 32, 48, 64), blocks=(1, 1, 1, 1), dense_bottleneck=8
    )


class Arms:
    """Trains the arms of one seed, each in a folder of its own, and knows which weights each starts from."""

    def __init__(self, args: Namespace, split: Split, seed: int):
        from tfsep.training.config import TrainingConfig

        self.args, self.split, self.seed = args, split, seed
        self.folder = args.work / f"seed{seed}"
        self.config = TrainingConfig(
            generator=generator_config(), steps=args.steps, batch=8, crop_frames=64, warmup_steps=50, seed=seed,
            validate_every=args.steps, checkpoint_every=args.steps,
        )  # fmt: skip
        later = args.later
        self.later = replace(self.config, learning_rate=3e-4, steps=later, validate_every=later, checkpoint_every=later)
        self.paired = self._folder(str(split.paired))

    def train(self, arm: str) -> Path:
        """Return the Bundle of an arm, trained if it is not there."""
        best = self.folder / arm / "best"
        if not (best / "bundle.json").is_file():
            getattr(self, f"_train_{arm}")(self.folder / arm)
        return best

    def _run(self, config, out: Path, data: list, initial: Path | None, unpaired: dict | None = None) -> None:
        from tfsep.training.run import TrainingRun

        options = {"unpaired": unpaired} if unpaired else {}
        cache = self.args.cache or self.args.work / "cache"
        TrainingRun(config, data=data, validation=[], out=out, cache=cache, initial=initial, **options).train()

    def _folder(self, source: str, weight: float = 1.0) -> "DataFolder":
        from tfsep.training.data import DataFolder

        return DataFolder(source, weight)

    def _pairs(self) -> list["DataFolder"]:
        """The paired songs, and the unpaired drums and rests as pairs: as often as each other."""
        unpaired = self.split.unpaired
        return [self.paired, self._folder(f"drums:{unpaired['targets']}"), self._folder(f"no-drums:{unpaired['rests']}")]

    def _adversarial(self, steps: int, out: Path, initial: Path, data: list) -> None:
        from tfsep.training.presets import stage2

        config = stage2(replace(self.later, steps=steps), self.args.adversarial)
        config = replace(config, batch=8, learning_rate=self.later.learning_rate, warmup_steps=self.later.warmup_steps)
        config = replace(
            config, adversarial=replace(config.adversarial, unpaired_batch=self.args.unpaired_batch, ramp_steps=steps // 4)
        )
        kinds = {"mixtures": "mixtures", "targets": "drums", "rests": "no-drums"}
        unpaired = {role: [self._folder(f"{kinds[role]}:{self.split.unpaired[role]}")] for role in UNPAIRED}
        self._run(config, out, data, initial, unpaired)

    def _train_a(self, out: Path) -> None:
        self._run(self.config, out, [self.paired], None)

    def _train_b(self, out: Path) -> None:
        self._run(self.later, out, [self.paired], self.train("a"))

    def _train_c(self, out: Path) -> None:
        self._adversarial(self.args.later, out, self.train("a"), [self.paired])

    def _train_d(self, out: Path) -> None:
        self._run(self.later, out, self._pairs(), self.train("a"))

    def _train_e(self, out: Path) -> None:
        from tfsep.data.files import audio_files
        from tfsep.separation.separator import Separator
        from tfsep.training.pseudo_labels import pseudo_label

        labels = self.folder / "labels"
        if not labels.is_dir():
            songs = audio_files(self.split.unpaired["mixtures"])
            pseudo_label(Separator.load(self.train("a")), songs, labels, keep=0.5, seconds=5.0, model="a")
        self._run(self.later, out, [self.paired, self._folder(str(labels))], self.train("a"))

    def _train_f(self, out: Path) -> None:
        half = out.with_name("f-first")
        if not (half / "best" / "bundle.json").is_file():
            self._run(replace(self.later, steps=self.args.later // 2), half, self._pairs(), self.train("a"))
        self._adversarial(self.args.later - self.args.later // 2, out, half / "best", self._pairs())


def score(estimate: np.ndarray, drums: np.ndarray, hits: np.ndarray) -> dict[str, float | None]:
    """Return the metrics of one drum stem."""
    from tfsep.evaluation.drums import log_spectral_distance_db, onset_f1, onset_times
    from tfsep.evaluation.metrics import ScoreAccumulator

    sums = ScoreAccumulator()
    sums.add(drums, estimate)
    return {"sdr_db": sums.sdr_db, "onset_f1": onset_f1(hits, onset_times(estimate, 44_100)),
            "lsd_db": log_spectral_distance_db(drums, estimate, 44_100)}  # fmt: skip


def score_all(separate, tests: dict[str, list[Path]]) -> dict[str, dict[str, dict]]:
    """Return metrics by test and song. Args: separate: from a mixture to its drums."""
    from tfsep.audio import Audio
    from tfsep.evaluation.drums import onset_times

    scores: dict[str, dict[str, dict]] = {}
    for name, songs in tests.items():
        for song in songs:
            mixture, drums, hits = test_stems(song)
            mixture, drums = Audio(middle(mixture.samples), 44_100), middle(drums)
            hits = onset_times(drums, 44_100) if hits is None else hits
            scores.setdefault(name, {})[song.name] = score(separate(mixture), drums, hits)
    return scores


def rows_of(scores: Scores, baselines: dict, arms: list[str], tests: list[str]) -> list[tuple[str, ...]]:
    """Return the table, metric by metric: each arm's mean in each test, and its difference from the control."""
    rows = []
    for metric, label in METRICS.items():
        rows.append((f"**{label}**", *("" for _ in tests)))
        for name, values in baselines.items():
            rows.append((name, *(f"{mean_of(values[test].values(), metric):.2f}" for test in tests)))
        rows += [(f"({arm}) {ARMS[arm]}", *(cell(scores, arm, CONTROL, test, metric) for test in tests)) for arm in arms]
    return rows


def main() -> int:
    args = parse()
    about = machine()
    from tfsep.evaluation.drums import check_onsets
    from tfsep.separation.separator import Separator

    check_onsets()
    split = split_songs(
        args.songs, args.work / "data", family=args.family, paired=args.paired, unpaired=args.unpaired, tests=args.tests,
        real=args.real, seed=0,
    )  # fmt: skip
    arms = [arm for arm in ARMS if arm in args.arms or arm in ("a", CONTROL)]
    done = StoredScores(args.work / "scores.json", {"baselines": {}, "arms": {}})
    stored = done.values
    if not stored["baselines"]:
        stored["baselines"]["mixture"] = score_all(lambda mixture: mixture.samples, split.tests)
    for seed in range(args.seeds):
        trainer = Arms(args, split, seed)
        for arm in arms:
            by_arm = stored["arms"].setdefault(str(seed), {})
            if arm not in by_arm:
                start_s = time.perf_counter()
                bundle = trainer.train(arm)
                trained_s = time.perf_counter() - start_s
                separator = Separator.load(bundle)
                by_arm[arm] = score_all(lambda mixture: separator.separate(mixture, ["drums"])["drums"].samples, split.tests)  # noqa: B023
                done.save()
                mean = {test: round(mean_of(songs.values(), "sdr_db"), 2) for test, songs in by_arm[arm].items()}
                print(f"seed {seed} arm {arm}: {trained_s:.0f} s, drums SDR {mean}", file=sys.stderr, flush=True)
    scores = {seed: stored["arms"][str(seed)] for seed in range(args.seeds)}
    tests = list(split.tests)
    columns = ("", *(f"{test} ({len(songs)})" for test, songs in split.tests.items()))
    rows = rows_of(scores, stored["baselines"], arms, tests)
    notes = (
        f"{args.paired} songs of the family {args.family} with multitracks; drums, music without drums and mixtures of {args.unpaired} "
        f"songs each of other families; tests of {args.tests} songs each that nothing was learnt from.",
        f"{args.seeds} seeds; {args.steps} steps of stage 1, then {args.later} more of each other arm at the same learning rate, "
        f"batches of 8 crops of 1.5 s and, where adversarial ({args.adversarial}), {args.unpaired_batch} unpaired of each kind.",
        f"In brackets: the mean difference from ({CONTROL}) on the same songs, and its 95 % bootstrap interval over seeds and songs. "
        "LSD: log-spectral distance, lower is better. Real songs: "
        f"{EXCERPT_S:g} s from the middle; their hits are onsets of the drum stem.",
    )
    if args.plot:
        others = [arm for arm in arms if arm != CONTROL]
        panels = {
            label: {test: [interval(differences(scores, arm, CONTROL, test, metric)) for arm in others] for test in tests}
            for metric, label in METRICS.items()
        }
        plot_differences(args.plot, panels, [f"({arm}) {ARMS[arm]}" for arm in others], f"({CONTROL})")
    table = Table(title="Unpaired recordings, adversarial training and its controls", columns=columns, rows=rows, notes=notes)
    publish(args, table, about, {"scores": stored["arms"], "baselines": stored["baselines"]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
