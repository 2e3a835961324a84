"""`tfsep train`: stage 1, supervised on multitracks."""

import argparse
import os
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("train", help="train a model on multitracks", description=__doc__)
    parser.add_argument(
        "--data", required=True, nargs="+", metavar="DIR[@WEIGHT]", help="folders of songs, SONG/drums.flac ..."
    )
    parser.add_argument(
        "--validation", nargs="*", default=[], type=Path, metavar="DIR", help="songs to score, never trained on"
    )
    parser.add_argument("--exclude", nargs="*", default=[], metavar="SONG", help="names of song folders to leave out of --data")
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder of the run; one that exists is resumed")
    parser.add_argument("--preset", default="default", help="architecture (default: %(default)s)")
    parser.add_argument("--config", type=Path, metavar="FILE.json", help="a training configuration instead of --preset")
    parser.add_argument("--init", metavar="BUNDLE", help="start from this model: a folder, or the name of one that ships")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--batch", type=int, metavar="N", help="crops a step")
    parser.add_argument("--learning-rate", type=float, metavar="X")
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--validate-every", type=int, metavar="N", help="steps from one validation to the next")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: ~/.cache/tfsep)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train; print where the best model is."""
    import json
    from dataclasses import replace

    from tfsep.errors import MissingExtraError, UsageError

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import tensorflow  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("tensorflow", "train", "training") from None
    from tfsep.models.presets import preset
    from tfsep.separation.locate import find_bundle
    from tfsep.training.config import TrainingConfig
    from tfsep.training.data import DataFolder
    from tfsep.training.run import TrainingRun

    changes = {
        name: getattr(args, name)
        for name in ("steps", "batch", "learning_rate", "precision", "seed", "validate_every")
        if getattr(args, name) is not None
    }
    try:
        if args.config:
            config = TrainingConfig.from_json(json.loads(args.config.read_text(encoding="utf-8")))
        else:
            config = TrainingConfig(generator=preset(args.preset))
        config = replace(config, **changes)
    except OSError as error:
        raise UsageError(f"--config {args.config}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"--config {args.config}: {error}" if args.config else str(error)) from None
    training = TrainingRun(
        config,
        data=[DataFolder.parse(text) for text in args.data],
        validation=args.validation,
        out=args.out,
        cache=args.cache or Path.home() / ".cache" / "tfsep",
        exclude=args.exclude,
        initial=find_bundle(args.init) if args.init else None,
    )
    best = training.train()
    print(f"{args.out / 'best'}: mean validation SDR {best:.2f} dB" if args.validation else f"{args.out / 'best'}")
    return 0
