"""`tfsep train`: stage 1, supervised on multitracks; stage 2, adversarial, also with recordings that have no multitrack."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfsep.training.config import TrainingConfig

UNPAIRED = {
    "mixtures": ("--unpaired-mix", "finished songs"),
    "targets": ("--unpaired-drums", "drums alone"),
    "rests": ("--unpaired-rest", "music without drums"),
}


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("train", help="train a model on multitracks", description=__doc__)
    parser.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="[KIND:]DIR[@WEIGHT]",
        help="folders of songs, SONG/drums.flac ...; or of another kind, such as musdb18-train:DIR (docs/data.md)",
    )
    parser.add_argument(
        "--validation", nargs="*", default=[], type=Path, metavar="DIR", help="songs to score, never trained on"
    )
    parser.add_argument("--exclude", nargs="*", default=[], metavar="SONG", help="names of song folders to leave out of --data")
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder of the run; one that exists is resumed")
    parser.add_argument("--preset", help="architecture (default: that of --init, else default)")
    parser.add_argument("--stems", metavar="A,B", help="what to separate, such as drums,accompaniment (default: the preset's)")
    parser.add_argument("--config", type=Path, metavar="FILE.json", help="a training configuration instead of --preset")
    parser.add_argument("--init", metavar="BUNDLE", help="start from this model: a folder, or the name of one that ships")
    parser.add_argument(
        "--adversarial",
        nargs="?",
        const="modern",
        metavar="PRESET",
        help="stage 2, from the weights of --init: modern (the default) or dssgan, the reference's",
    )
    for role, (option, holds) in UNPAIRED.items():
        parser.add_argument(
            option, nargs="+", default=[], dest=role, metavar="DIR[@WEIGHT]", help=f"for --adversarial: folders of {holds}"
        )
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--batch", type=int, metavar="N", help="crops a step")
    parser.add_argument("--learning-rate", type=float, metavar="X")
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--validate-every", type=int, metavar="N", help="steps from one validation to the next")
    parser.add_argument(
        "--distribute",
        metavar="KIND",
        help="mirrored: over all GPUs here; workers: over the machines in TF_CONFIG (docs/adversarial.md)",
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: ~/.cache/tfsep)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train; print where the best model is."""
    from tfsep.errors import MissingExtraError

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    backend = os.environ["KERAS_BACKEND"]
    if not find_spec(backend):
        raise MissingExtraError(backend, "train", "training")
    from tfsep.separation.locate import find_bundle
    from tfsep.training.data import DataFolder
    from tfsep.training.distribution import Distribution
    from tfsep.training.run import TrainingRun

    kinds = {"mixtures": "mixtures", "targets": "drums", "rests": "no-drums"}
    unpaired = {role: [DataFolder.parse(text, kind=kinds[role]) for text in getattr(args, role)] for role in UNPAIRED}
    distribution = Distribution(args.distribute)
    initial = find_bundle(args.init) if args.init else None
    config = _config(args, initial)
    _check_stage(args, adversarial=config.adversarial is not None)
    training = TrainingRun(
        config,
        data=[DataFolder.parse(text) for text in args.data],
        validation=args.validation,
        out=args.out,
        cache=args.cache or Path.home() / ".cache" / "tfsep",
        exclude=args.exclude,
        initial=initial,
        unpaired={role: folders for role, folders in unpaired.items() if folders},
        distribution=distribution,
    )
    best = training.train()
    if not distribution.chief:
        return 0
    print(f"{args.out / 'best'}: mean validation SDR {best:.2f} dB" if args.validation else f"{args.out / 'best'}")
    return 0


def _check_stage(args: argparse.Namespace, *, adversarial: bool) -> None:
    from tfsep.errors import UsageError

    given = [option for role, (option, _) in UNPAIRED.items() if getattr(args, role)]
    if adversarial and len(given) < len(UNPAIRED):
        missing = ", ".join(option for option, _ in UNPAIRED.values() if option not in given)
        raise UsageError(f"--adversarial takes recordings of three kinds: {missing} is missing: name folders of them")
    if given and not adversarial:
        raise UsageError(
            f"{', '.join(given)}: these are for --adversarial; to train on them as pairs, use --data drums:DIR no-drums:DIR"
        )
    if adversarial and not args.init and not (args.out / "last.npz").is_file():
        raise UsageError("--adversarial goes on from the weights of stage 1: name its run with --init RUN")


def _config(args: argparse.Namespace, initial: Path | None) -> "TrainingConfig":
    """Return what the options ask for, over a file's or a preset's settings."""
    import json
    from dataclasses import replace

    from tfsep.bundle import read_about
    from tfsep.errors import UsageError
    from tfsep.training.config import TrainingConfig
    from tfsep.training.presets import stage1, stage1_of, stage2

    changes = {
        name: getattr(args, name)
        for name in ("steps", "batch", "learning_rate", "precision", "seed", "validate_every")
        if getattr(args, name) is not None
    }
    try:
        if args.config:
            config = TrainingConfig.from_json(json.loads(args.config.read_text(encoding="utf-8")))
        elif initial and not args.preset:
            config = stage1_of(read_about(initial).config)
        else:
            config = stage1(args.preset or "default", stems=_stems(args))
        if args.stems and config.generator.stems != _stems(args):
            raise UsageError(f"--stems {args.stems}: the model that is asked for separates {', '.join(config.generator.stems)}")
        if args.adversarial:
            config = stage2(config, args.adversarial)
        return replace(config, **changes)
    except OSError as error:
        raise UsageError(f"--config {args.config}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"--config {args.config}: {error}" if args.config else str(error)) from None


def _stems(args: argparse.Namespace) -> tuple[str, ...] | None:
    return tuple(args.stems.split(",")) if args.stems else None
