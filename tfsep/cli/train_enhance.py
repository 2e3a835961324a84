"""`tfsep train-enhance`: train the network that restores the highs of narrow recordings."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("train-enhance", help="train a super-resolution network", description=__doc__)
    parser.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="[KIND:]DIR",
        help="full-band songs; each source is heard as often as the others",
    )
    parser.add_argument("--exclude", nargs="*", default=[], metavar="SONG", help="songs of --data to leave out")
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder of the run; an interrupted one goes on")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--critic-from", type=int, metavar="N", help="step from which the critic takes part")
    parser.add_argument("--no-critic", action="store_true", help="train without a critic, as a control")
    parser.add_argument("--learning-rate", type=float, metavar="R")
    parser.add_argument("--degraded", type=int, metavar="N", help="examples of degraded sound")
    parser.add_argument("--separated", type=int, metavar="N", help="examples of separated stems, whose masks leave holes")
    parser.add_argument("--model", default="default", metavar="M", help="that separates them (default: %(default)s)")
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--name", default="enhance", help="of the network (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: ~/.cache/tfsep)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepare the examples, train, write `RUN/best`."""
    from tfsep.errors import DataError, MissingExtraError, UsageError

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not find_spec(os.environ["KERAS_BACKEND"]):
        raise MissingExtraError(os.environ["KERAS_BACKEND"], "train", "training")
    from rich.console import Console
    from rich.progress import Progress

    from tfsep.contract_enhance import EnhanceContract
    from tfsep.creative.enhance.examples import ExampleConfig, prepare_examples
    from tfsep.data.loading import load_tracks
    from tfsep.data.registry import open_source, source_names
    from tfsep.separation.separator import Separator
    from tfsep.training.enhance_config import EnhanceTrainingConfig
    from tfsep.training.enhance_run import EnhanceRun

    def given(*names: str) -> dict:
        return {name: getattr(args, name) for name in names if getattr(args, name) is not None}

    def tell(line: str) -> None:
        print(line, flush=True)

    control = {"adversarial_weight": 0.0, "feature_matching_weight": 0.0} if args.no_critic else {}
    try:
        config = EnhanceTrainingConfig(**given("steps", "critic_from", "learning_rate", "seed"), **control)
        wanted = ExampleConfig(**given("degraded", "separated", "seed"))
    except ValueError as error:
        raise UsageError(str(error)) from None
    if wanted.degraded + wanted.separated <= config.set_aside:
        raise UsageError(
            f"--degraded {wanted.degraded} --separated {wanted.separated}: {config.set_aside} examples or more are set aside to score "
            "with: use more than that in all"
        )
    contract, cache = EnhanceContract(name=args.name), args.cache or Path.home() / ".cache" / "tfsep"
    exclude = frozenset(args.exclude)
    # a slip of the pen would train on what must not be trained on
    if exclude and (unknown := sorted(exclude.difference(*map(source_names, args.data)))):
        raise UsageError(f"--exclude {' '.join(unknown)}: no song of that name in the data; use names of songs or folders")
    sources = [
        load_tracks(
            open_source(text, exclude=exclude), cache, sample_rate_hz=contract.spec.sample_rate_hz, channels=2, on_skip=tell
        ).tracks
        for text in args.data
    ]
    if config.set_aside and len({track.key for source in sources for track in source}) < 2:
        raise DataError("--data: holds one recording, and some are set aside to score with: add others")
    separator = Separator.load(args.model) if wanted.separated else None
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("preparing examples", total=wanted.degraded + wanted.separated)
        examples = prepare_examples(
            sources,
            args.out / "examples",
            wanted,
            contract,
            separator=separator,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )
    tell(f"{len(examples)} examples of {examples.degraded.shape[1]} frames")
    record = {
        "data": [Path(text).name for text in args.data],
        "songs": [len(source) for source in sources],
        "exclude": sorted(exclude),
        "examples": len(examples),
        "separated": wanted.separated,
        "separator": separator.contract.name if separator else None,
    }
    best = EnhanceRun(args.out, config, contract, examples, record=record, tell=tell).train()
    print(best)
    return 0
