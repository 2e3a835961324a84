"""`tfsep train-drums`: train the small network that hears the hits in a drum stem."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfsep.data.rendered_hits import RenderedSong


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("train-drums", help="train a drum transcriber", description=__doc__)
    parser.add_argument(
        "--data",
        required=True,
        nargs="+",
        type=Path,
        metavar="DIR",
        help="songs of tfsep render, whose drum stems are learnt from",
    )
    parser.add_argument(
        "--separated",
        nargs="*",
        default=[],
        type=Path,
        metavar="DIR",
        help="songs of tfsep render whose drums are learnt from as the model --model separates them",
    )
    parser.add_argument(
        "--separated-songs", type=int, metavar="N", help="of each folder of --separated, spread evenly (default: all)"
    )
    parser.add_argument("--model", default="default", metavar="M", help="as of tfsep separate (default: default)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of --model (default: 2)")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="RUN",
        help="folder for checkpoints and the transcriber; started again, it goes on",
    )
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--steps", type=int, metavar="N", help="of each round")
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--name", default="drums", help="of the transcriber (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where spectra are kept (default: ~/.cache/tfsep)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, choose, write `RUN/best`."""
    from tfsep.audio.atomic import write_error
    from tfsep.errors import MissingExtraError, UsageError

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not find_spec(os.environ["KERAS_BACKEND"]):
        raise MissingExtraError(os.environ["KERAS_BACKEND"], "train", "training")
    from tfsep.contract_drums import DrumContract
    from tfsep.separation.separator import Separator
    from tfsep.training.drum_data import StemCache
    from tfsep.training.drums import DrumTrainingConfig, train_drum_transcriber

    given = {name: getattr(args, name) for name in ("rounds", "steps", "seed") if getattr(args, name) is not None}
    try:
        config = DrumTrainingConfig(**given)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if args.separated_songs is not None and args.separated_songs < 1:
        raise UsageError(f"--separated-songs {args.separated_songs}: use 1 or more")

    def tell(line: str) -> None:
        print(line, flush=True)

    clean = [song for folder in args.data for song in _songs(folder, None, tell)]
    mixed = [song for folder in args.separated for song in _songs(folder, args.separated_songs, tell)]
    try:
        args.out.mkdir(parents=True, exist_ok=True)  # before hours of training
    except OSError as error:
        raise write_error(args.out / "best", error) from None
    contract = DrumContract(name=args.name)
    cache = StemCache(args.cache or Path.home() / ".cache" / "tfsep" / "drums", contract)
    stems = [cache.clean(song) for song in clean]
    tell(f"{len(stems)} clean drum stems")
    if mixed:
        separator = Separator.load(args.model, threads=args.threads)
        stems += [cache.separated(song, separator) for song in mixed]
        tell(f"{len(mixed)} drum stems separated by {args.model}")
    record = {"data": [path.name for path in args.data], "separated": [path.name for path in args.separated]}
    train_drum_transcriber(config, contract, stems, args.out, record=record, tell=tell)
    print(args.out / "best")
    return 0


def _songs(folder: Path, most: int | None, tell: "Callable[[str], None]") -> "list[RenderedSong]":
    import numpy as np

    from tfsep.data.rendered_hits import read_rendered_songs

    songs, loops = read_rendered_songs(folder)
    if loops:
        tell(f"{folder}: {loops} songs with a drum loop, whose hits are not known, are left out")
    if most is not None and most < len(songs):
        songs = [songs[place] for place in np.linspace(0, len(songs) - 1, most).astype(int)]
    return songs
