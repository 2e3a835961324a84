"""`tfsep train-drum-samples`: train the generator of single drum hits that `tfsep drums --replace generated` plays."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("train-drum-samples", help="train a generator of drum hits", description=__doc__)
    parser.add_argument(
        "--material",
        required=True,
        type=Path,
        metavar="DIR",
        help="one-shots and their manifest.csv, as tfsep render takes them",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder for the sampler; a run in it goes on")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--adversarial-from", type=int, metavar="N", help="step at which the critic begins")
    parser.add_argument("--batch", type=int, metavar="N")
    parser.add_argument("--steps-per-chunk", type=int, metavar="N", help="until the next 56 new hits")
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that make hits (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and write `RUN/best`."""
    from tfsep.errors import MissingExtraError, UsageError

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for package in (os.environ["KERAS_BACKEND"], "scipy", "soundfile"):
        if not find_spec(package):
            raise MissingExtraError(package, "train", "training")
    if args.workers < 1:
        raise UsageError(f"--workers {args.workers}: use 1 or more")
    from tfsep.data.drum_shots import DrumShots, training_kits
    from tfsep.data.render.material import Material
    from tfsep.training.drum_sampler import DrumSamplerConfig
    from tfsep.training.drum_sampler_run import train_drum_sampler

    names = ("steps", "adversarial_from", "batch", "steps_per_chunk", "precision", "seed")
    try:
        config = DrumSamplerConfig(**{name: getattr(args, name) for name in names if getattr(args, name) is not None})
    except ValueError as error:
        raise UsageError(str(error)) from None
    material = Material.load(args.material)
    DrumShots(material, training_kits(material))  # what is wrong with it is better known before workers start

    def tell(line: str) -> None:
        print(line, flush=True)

    train_drum_sampler(config, args.material, args.out, workers=args.workers, tell=tell)
    print(args.out / "best")
    return 0
