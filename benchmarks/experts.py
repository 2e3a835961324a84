"""Whether experts for genre families beat one model of the same total size: small generators, the same data, the same steps.

All start from the weights of a general model of their seed and size, and train for as many steps more: the general model on all
families, each expert on its own. So an expert's weights have been trained as often as those of the general model of the same
total size, and that model has cost as much to train as all experts together.

python benchmarks/experts.py --songs LEARNT --tests HELDOUT --work WORK
"""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from adversarial import generator_config
from comparison import RATE_HZ, Scores, StoredScores, cell, differences, interval, middle, song_stems
from harness import Table, count, experiment_parser, machine, publish

from tfsep.audio import Audio
from tfsep.data.genres import FAMILIES, FAMILY_TITLES, family_of
from tfsep.evaluation.metrics import ScoreAccumulator

if TYPE_CHECKING:
    from tfsep.models.config import GeneratorConfig
    from tfsep.separation.runtime import Runtime

GENERAL, LARGE = "general", "large"
ARMS = {
    GENERAL: "general model",
    LARGE: "general model of the same total size as all experts",
    "true": "experts, the song's own family",
    "hard": "experts, chosen by the classifier",
    "soft": "experts, blended by the classifier",
    "wrong": "experts, another family's",
}
REAL, RENDERED = "real songs", "all rendered songs"
METRIC = "sdr_db"


@dataclass(frozen=True)
class Test:
    """A song that nothing was learnt from; `group` is the column it counts in, its family or "real songs"."""

    folder: Path
    family: str
    group: str


def parse() -> Namespace:
    parser = experiment_parser(__doc__.split("\n\n")[0])
    parser.add_argument(
        "--tests", type=Path, required=True, metavar="DIR", help="others, which neither models nor classifier have learnt from"
    )
    parser.add_argument("--real-family", default="electronic", choices=FAMILIES, help="of the real multitracks")
    parser.add_argument("--classifier", default="genre", metavar="M", help="genre classifier")
    parser.add_argument("--steps", type=count, default=300, metavar="N", help="of the general models on all families")
    parser.add_argument("--later", type=count, default=200, metavar="N", help="steps of each model after it")
    parser.add_argument("--most", type=count, default=60, metavar="N", help="songs of each family to learn from, at most")
    parser.add_argument("--least", type=count, default=20, metavar="N", help="songs that a family needs to take part")
    parser.add_argument("--tests-each", type=count, default=12, metavar="N", help="songs of each family to test, at most")
    return parser.parse_args()


def songs_by_family(folder: Path) -> dict[str, list[Path]]:
    """Return the songs that have drums, by family, in the order of their names."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/song.json")):
        said = json.loads(path.read_text())
        family = family_of(said["genre"])
        if family and "drums" not in said["silent_stems"]:
            found.setdefault(family, []).append(path.parent)
    return found


def link_families(args: Namespace) -> dict[str, Path]:
    """Link the songs of each family that has enough below a folder of its own. Raises: SystemExit if fewer than two have."""
    by_family = songs_by_family(args.songs)
    folders = {}
    for family in FAMILIES:
        songs = by_family.get(family, [])
        if len(songs) < args.least:
            continue
        folders[family] = args.work / "data" / family
        folders[family].mkdir(parents=True, exist_ok=True)
        for place in filter(Path.is_symlink, list(folders[family].iterdir())):
            place.unlink()  # an earlier run may have had other songs
        for index in np.random.default_rng(0).permutation(len(songs))[: args.most]:
            (folders[family] / songs[index].name).symlink_to(songs[index].resolve())
    if len(folders) < 2:
        raise SystemExit(
            f"--songs {args.songs}: fewer than two families have {args.least} songs: render more, or lower --least"
        )
    return folders


def find_tests(args: Namespace, families: Sequence[str]) -> list[Test]:
    """Return the songs to test on. Raises: SystemExit if a family has none, or a song is learnt from as well."""
    by_family = songs_by_family(args.tests)
    missing = [family for family in families if family not in by_family]
    if missing:
        raise SystemExit(f"--tests {args.tests}: holds no song of {', '.join(missing)}: add some")
    tests = []
    for family in families:
        chosen = np.random.default_rng(1).permutation(len(by_family[family]))[: args.tests_each]
        tests += [Test(by_family[family][index], family, family) for index in sorted(chosen)]
    learnt = {song.resolve() for songs in songs_by_family(args.songs).values() for song in songs}
    both = [test.folder.name for test in tests if test.folder.resolve() in learnt]
    if both:
        raise SystemExit(f"--tests {args.tests}: {', '.join(both[:3])} are in --songs as well: keep them apart")
    return tests + [Test(song, args.real_family, REAL) for song in args.real]


def large_config(small: "GeneratorConfig", times: int) -> "GeneratorConfig":
    """Return the wider generator whose number of parameters is nearest to `times` that of the small one."""
    from tfsep.models.cost import generator_cost

    wanted = times * generator_cost(small).parameters

    def wider(scale: float) -> "GeneratorConfig":
        return replace(small, widths=tuple(8 * round(width * scale / 8) for width in small.widths))

    scales = np.arange(1.0, times + 1, 0.25)
    found = {wider(scale).widths: wider(scale) for scale in scales}
    return min(found.values(), key=lambda config: abs(generator_cost(config).parameters - wanted))


class Models:
    """Trains the models of one seed, each in a folder of its own."""

    def __init__(self, args: Namespace, folders: Mapping[str, Path], seed: int):
        from tfsep.training.config import TrainingConfig

        self.folders, self.folder, self.cache = folders, args.work / f"seed{seed}", args.cache or args.work / "cache"
        self.sizes = {GENERAL: generator_config(), LARGE: large_config(generator_config(), len(folders))}
        self.first = TrainingConfig(
            steps=args.steps, batch=8, crop_frames=64, warmup_steps=50, seed=seed, validate_every=args.steps,
            checkpoint_every=min(100, args.steps),
        )  # fmt: skip
        later = args.later
        self.later = replace(
            self.first, learning_rate=3e-4, steps=later, validate_every=later, checkpoint_every=min(100, later)
        )

    def train(self, name: str) -> Path:
        """Return the Bundle of "general", "large" or a family's expert, trained if it is not there."""
        size = LARGE if name == LARGE else GENERAL
        every = list(self.folders.values())
        start = self._run(f"{size}-start", replace(self.first, generator=self.sizes[size]), every, None)
        data = every if name in (GENERAL, LARGE) else [self.folders[name]]
        return self._run(name, replace(self.later, generator=self.sizes[size]), data, start)

    def _run(self, name: str, config, data: list[Path], initial: Path | None) -> Path:
        from tfsep.training.data import DataFolder
        from tfsep.training.run import TrainingRun

        out = self.folder / name
        if not (out / "best" / "bundle.json").is_file():
            pools = [DataFolder(str(folder)) for folder in data]
            TrainingRun(config, data=pools, validation=[], out=out, cache=self.cache, initial=initial).train()
        return out / "best"


def mixture_and_drums(test: Test) -> tuple[Audio, np.ndarray]:
    """Return a test's mixture and drums, of long songs a minute from the middle."""
    stems = song_stems(test.folder)
    return Audio(middle(np.sum(list(stems.values()), axis=0, dtype=np.float32)), RATE_HZ), middle(stems["drums"])


def drums_sdr_db(runtime: "Runtime", mixture: Audio, drums: np.ndarray) -> float:
    """Return the SDR in dB of the drums that a model finds."""
    from tfsep.separation.separator import Separator

    sums = ScoreAccumulator()
    sums.add(drums, Separator(runtime).separate(mixture, ["drums"])["drums"].samples)
    return sums.sdr_db


class Scoring:
    """Scores the models of one seed on tests, those alone that are not in the stored scores."""

    def __init__(self, models: Models, seed: int, stored: StoredScores):
        from tfsep.separation.router_table import RoutingTable

        self.models, self.seed, self.stored = models, seed, stored
        self.families = list(models.folders)
        self.table = RoutingTable(general=GENERAL, experts={family: family for family in self.families})
        self.runtimes: dict[str, Runtime] = {}

    def score(self, number: int, test: Test) -> None:
        """Score every arm on the test of this number."""
        arms = self.stored.values["arms"].setdefault(str(self.seed), {})
        if any(test.folder.name in arms.get(arm, {}).get(test.group, {}) for arm in ARMS):
            return
        mixture, drums = mixture_and_drums(test)
        once: dict[tuple, float] = {}
        for arm, shares in self._shares(number, test).items():
            key = tuple(sorted(shares.items()))
            if key not in once:
                once[key] = drums_sdr_db(self._runtime(key), mixture, drums)
            arms.setdefault(arm, {}).setdefault(test.group, {})[test.folder.name] = {METRIC: once[key]}
        self.stored.save()

    def _shares(self, number: int, test: Test) -> dict[str, Mapping[str, float]]:
        """Return by arm the weight of each model."""
        from tfsep.separation.router import choose
        from tfsep.separation.router_table import HARD, SOFT

        others = [family for family in self.families if family != test.family]
        heard = self.stored.values["heard"][test.folder.name]
        shares = {GENERAL: {GENERAL: 1.0}, LARGE: {LARGE: 1.0}, "true": {test.family: 1.0},
                  "wrong": {others[(number + self.seed) % len(others)]: 1.0}}  # fmt: skip
        return shares | {mode: choose(replace(self.table, mode=mode), heard).weights for mode in (HARD, SOFT)}

    def _runtime(self, shares: tuple[tuple[str, float], ...]) -> "Runtime":
        from tfsep.separation.router import BlendedRuntime
        from tfsep.separation.runtime import load_runtime

        for model, _ in shares:
            if model not in self.runtimes:
                self.runtimes[model] = load_runtime(self.models.train(model))
        return BlendedRuntime([(self.runtimes[model], share) for model, share in shares])


def with_all_rendered(scores: Scores) -> Scores:
    """Return the scores with one more test, all rendered songs together."""
    return {
        seed: {
            arm: {
                RENDERED: {name: song for group, songs in tests.items() if group != REAL for name, song in songs.items()},
                **tests,
            }
            for arm, tests in arms.items()
        }
        for seed, arms in scores.items()
    }


def rows_of(scores: Scores, groups: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the table: each arm's mean in each group, its difference from the general model and from the large one."""
    rows = []
    for arm, title in ARMS.items():
        against_large = "" if arm == LARGE else cell(scores, arm, LARGE, RENDERED, METRIC).partition(" ")[2].strip("()")
        rows.append((title, *(cell(scores, arm, GENERAL, group, METRIC) for group in (RENDERED, *groups)), against_large))
    return rows


def winners(scores: Scores, families: Sequence[str]) -> list[str]:
    """Return the families whose expert is better than both general models beyond chance."""

    def wins(family: str, control: str) -> bool:
        return interval(differences(scores, "true", control, family, METRIC))[1] > 0

    return [family for family in families if wins(family, GENERAL) and wins(family, LARGE)]


def accuracy(tests: Sequence[Test], heard: Mapping[str, dict[str, float] | None]) -> float:
    """Return the share of the rendered tests whose likeliest family is right."""
    right = [next(iter(heard[test.folder.name] or {}), None) == test.family for test in tests if test.group != REAL]
    return float(np.mean(right))


def open_scores(args: Namespace) -> StoredScores:
    """Return what was found so far. Raises: SystemExit if it was found with other settings."""
    settings = {name: getattr(args, name) for name in ("steps", "later", "most", "classifier")}
    path = args.work / "scores.json"
    found = StoredScores(path, {"settings": settings, "heard": {}, "arms": {}})
    if found.values.get("settings") != settings:
        raise SystemExit(f"{path}: was made with other --steps, --later, --most or --classifier: use those, or another --work")
    found.save()  # models are kept from here on too
    return found


def main() -> int:
    args = parse()
    about = machine()
    from tfsep.models.cost import generator_cost
    from tfsep.separation.genre import GenreClassifier

    stored = open_scores(args)
    folders = link_families(args)
    tests = find_tests(args, list(folders))
    if args.real and args.real_family not in folders:
        raise SystemExit(f"--real-family {args.real_family}: has no expert, use {', '.join(folders)}")
    classifier, heard = GenreClassifier.load(args.classifier), stored.values["heard"]
    for test in tests:
        if test.folder.name not in heard:
            heard[test.folder.name] = classifier.probabilities(mixture_and_drums(test)[0])
    for seed in range(args.seeds):
        start_s = time.perf_counter()
        models = Models(args, folders, seed)
        for name in (GENERAL, LARGE, *folders):
            models.train(name)
        trained_s = time.perf_counter() - start_s
        scoring = Scoring(models, seed, stored)
        for number, test in enumerate(tests):
            scoring.score(number, test)
        spent_s = time.perf_counter() - start_s
        print(f"seed {seed}: {trained_s:.0f} s to train, {spent_s - trained_s:.0f} s to score", file=sys.stderr, flush=True)
    scores = with_all_rendered({str(seed): stored.values["arms"][str(seed)] for seed in range(args.seeds)})
    groups = list(dict.fromkeys(test.group for test in tests))
    counted = {group: sum(test.group == group for test in tests) for group in groups}
    rendered = len(tests) - counted.get(REAL, 0)
    columns = ("drums SDR, dB", f"{RENDERED} ({rendered})",
               *(f"{FAMILY_TITLES.get(group, group)} ({number})" for group, number in counted.items()),
               "all, against the same total size")  # fmt: skip
    sizes = {name: generator_cost(config).parameters for name, config in models.sizes.items()}
    better = winners(scores, list(folders))
    notes = (
        f"{args.seeds} seeds; {args.steps} steps on all families, then {args.later} more of each model, batches of 8 crops of 1.5 s; "
        f"at most {args.most} songs of each family. Parameters: {sizes[GENERAL]:,} each, {sizes[LARGE]:,} the large one, "
        f"{len(folders) * sizes[GENERAL]:,} all {len(folders)} experts.",
        "In brackets the mean difference from the general model on the same songs and its 95 % bootstrap interval over seeds and "
        "songs; in the last column from the large one.",
        f"The classifier is right about {accuracy(tests, heard):.0%} of the rendered tests.",
        f"Experts better than both general models beyond chance: {', '.join(better) or 'none'}.",
    )
    table = Table(title="Experts for genre families", columns=columns, rows=rows_of(scores, groups), notes=notes)
    publish(args, table, about, {"scores": stored.values["arms"], "heard": heard, "winners": better})
    return 0


if __name__ == "__main__":
    sys.exit(main())
