"""What it costs not to have heard a song's genre or its drum kit: models trained with and without them, on the same songs."""

import csv
import hashlib
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from adversarial import generator_config, score_all
from comparison import StoredScores, interval
from harness import Table, benchmark_parser, check, count, machine, positive, publish, tfsep_command, verdict

from tfsep.audio import Audio

if TYPE_CHECKING:
    from tfsep.separation.separator import Separator

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
LIMIT_DB = 2.0
TRAININGS = {"narrow": "one family, heard kits", "wide": "all families, all kits"}
TESTS = {
    "heard": "heard family, heard kits",
    "kits": "heard family, unheard kits",
    "genres": "unheard families, heard kits",
    "both": "unheard families, unheard kits",
}


def unheard(kit: str) -> bool:
    """Tell whether a kit, named by its folder, is one of the third that the narrow model does not hear."""
    return hashlib.sha256(kit.encode()).digest()[0] % 3 == 0


def part_of_material(material: Path, out: Path, *, kits_unheard: bool) -> None:
    """Link the material with one part of the drum kits alone; loops belong to the kit of their folder."""
    with open(material / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [
        row for row in rows if not row["role"].startswith("drums/") or unheard(Path(row["path"]).parent.name) == kits_unheard
    ]
    out.mkdir(parents=True, exist_ok=True)
    for row in kept:
        place = out / row["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to((material / row["path"]).resolve())
    with open(out / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(kept)


def render(args: Namespace) -> None:
    """Render what the models learn from, and the tests, of seeds of their own."""
    from tfsep.data.render.genres import GENRES

    data = args.work / "data"
    materials = {"heard": args.work / "heard_kits", "unheard": args.work / "unheard_kits", "all": args.material}
    for name in ("heard", "unheard"):
        if not (materials[name] / "manifest.csv").is_file():
            part_of_material(args.material, materials[name], kits_unheard=name == "unheard")
    mine = ",".join(name for name, genre in GENRES.items() if genre.family == args.family)
    others = ",".join(name for name, genre in GENRES.items() if genre.family != args.family)
    sets = {
        "narrow": ("heard", mine, args.songs, 1),
        "wide": ("all", f"{mine},{others}", args.songs, 2),
        "heard": ("heard", mine, args.tests, 3),
        "kits": ("unheard", mine, args.tests, 4),
        "genres": ("heard", others, args.tests, 5),
        "both": ("unheard", others, args.tests, 6),
    }
    for name, (material, genres, songs, seed) in sets.items():
        command = [
            *tfsep_command(),
            "render",
            "--material",
            str(materials[material]),
            "--genres",
            genres,
            "--songs",
            str(songs),
        ]
        command += ["--seconds", "16", "--seed", str(seed), "--out", str(data / name)]
        done = subprocess.run(command, capture_output=True, text=True)
        check(command, done.returncode, done.stderr)


def train(args: Namespace, training: str, seed: int) -> Path:
    """Return the Bundle of one model, trained if it is not there."""
    from tfsep.training.config import TrainingConfig
    from tfsep.training.data import DataFolder
    from tfsep.training.run import TrainingRun

    out = args.work / f"seed{seed}" / training
    if not (out / "best" / "bundle.json").is_file():
        config = TrainingConfig(generator=generator_config(), batch=8, crop_frames=64, warmup_steps=50)
        config = replace(config, steps=args.steps, seed=seed, validate_every=args.steps, checkpoint_every=args.steps)
        data = [DataFolder(str(args.work / "data" / training))]
        TrainingRun(config, data=data, validation=[], out=out, cache=args.work / "cache").train()
    return out / "best"


def drums_by(separator: "Separator") -> Callable[[Audio], np.ndarray]:
    """Return what takes the drums out of a mixture."""
    return lambda mixture: separator.separate(mixture, ["drums"])["drums"].samples


def sdr(scores: dict, test: str) -> np.ndarray:
    """Return drums SDR of each song of a test, NaN where its drums are silent."""
    return np.array([np.nan if song["sdr_db"] is None else song["sdr_db"] for song in scores[test].values()])


def rows_of(scores: dict[str, dict[str, dict]], mixture: dict) -> tuple[list[tuple[str, ...]], dict[str, float]]:
    """Return the table, test by test, and the mean cost of each test in dB."""
    rows, costs = [], {}
    for test, label in TESTS.items():
        by_training = {name: np.stack([sdr(by_seed[name], test) for by_seed in scores.values()]) for name in TRAININGS}
        known = np.isfinite(by_training["narrow"]).all(axis=0)
        cost, low, high = interval((by_training["wide"] - by_training["narrow"])[:, known])
        costs[test] = cost
        means = [f"{values[:, known].mean():.2f}" for values in (sdr(mixture, test)[None], *by_training.values())]
        rows.append((f"{label} ({known.sum()})", *means, f"{cost:+.2f} ({low:+.2f} to {high:+.2f})"))
    return rows, costs


def parse() -> Namespace:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--material", type=Path, required=True, metavar="DIR", help="what `tfsep render` takes")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="data, models and scores; what is done is kept")
    parser.add_argument("--family", default="electronic", help="the family that the narrow model hears")
    parser.add_argument("--songs", type=count, default=120, metavar="N", help="of 16 s, to train each model")
    parser.add_argument("--tests", type=count, default=24, metavar="N", help="songs of each test")
    parser.add_argument("--steps", type=count, default=300, metavar="N")
    parser.add_argument("--seeds", type=count, default=3, metavar="N")
    parser.add_argument("--limit", type=positive, default=LIMIT_DB, metavar="DB", help="that not having heard may cost")
    return parser.parse_args()


def main() -> int:
    args = parse()
    about = machine()
    from tfsep.separation.separator import Separator

    settings = {name: getattr(args, name) for name in ("family", "songs", "tests", "steps")}
    path = args.work / "scores.json"
    done = StoredScores(path, {"settings": settings, "seeds": {}})
    stored = done.values
    if stored["settings"] != settings:
        raise SystemExit(f"{path}: was made with other settings, {stored['settings']}: use those, or another --work")
    render(args)
    tests = {test: sorted(path.parent for path in (args.work / "data" / test).glob("*/song.json")) for test in TESTS}
    if "mixture" not in stored:
        stored["mixture"] = score_all(lambda mixture: mixture.samples, tests)
        done.save()
    for seed in range(args.seeds):
        for training in TRAININGS:
            by_training = stored["seeds"].setdefault(str(seed), {})
            if training not in by_training:
                drums = drums_by(Separator.load(train(args, training, seed)))
                by_training[training] = score_all(drums, tests)
                done.save()
                print(f"seed {seed}, {training}: done", file=sys.stderr, flush=True)
    scores = {seed: stored["seeds"][seed] for seed in map(str, range(args.seeds))}
    rows, costs = rows_of(scores, stored["mixture"])
    table = Table(
        title="Drums SDR in dB of songs whose genre or kit was not heard",
        columns=("test (songs)", "mixture", *(f"trained on {label}" for label in TRAININGS.values()), "not heard costs"),
        rows=rows,
        notes=(
            f"Rendered songs of 16 s; both models learnt from {args.songs} songs, {args.steps} steps, {args.seeds} seeds. A third of "
            "the kits, by their folder's name, is unheard by the narrow model; the wide one heard all kits and families, in other songs.",
            "Last column: mean of the wide model's SDR less the narrow one's on the same songs; 95 % bootstrap over seeds and songs.",
            f"Neither genre nor kit heard costs {costs['both']:.2f} dB ({verdict(costs['both'], args.limit, at_most=True)}).",
        ),
    )
    publish(args, table, about, {"scores": stored, "cost_db": costs})
    return 0 if costs["both"] <= args.limit else 1


if __name__ == "__main__":
    sys.exit(main())
