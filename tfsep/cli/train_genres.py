"""`tfsep train-genres`: train the small network that tells a song's genre family, which chooses among expert models."""

import argparse
import os
from importlib.util import find_spec
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("train-genres", help="train a genre classifier", description=__doc__)
    parser.add_argument(
        "--data", required=True, nargs="+", metavar="[KIND:]DIR", help="songs whose genre song.json, tags or folders tell"
    )
    parser.add_argument(
        "--validation",
        nargs="*",
        default=[],
        metavar="[KIND:]DIR",
        help="songs to score; they, and songs of their artists, are never trained on",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help="folder for the classifier and its report")
    parser.add_argument("--epochs", type=int, metavar="N")
    parser.add_argument("--seed", type=int, metavar="K")
    parser.add_argument("--percussive", action="store_true", help="let it hear the percussive part by itself as well")
    parser.add_argument("--name", default="genre", help="of the classifier (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded audio is kept (default: ~/.cache/tfsep)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, score, write `RUN/best` and `RUN/report.md`."""
    from tfsep.audio.atomic import write_error
    from tfsep.errors import DataError, MissingExtraError, UsageError
    from tfsep.training.genre_report import check_matplotlib, write_genre_report

    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if not find_spec(os.environ["KERAS_BACKEND"]):
        raise MissingExtraError(os.environ["KERAS_BACKEND"], "train", "training")
    check_matplotlib()
    from tfsep.contract_genre import GenreContract
    from tfsep.data.genres import FAMILIES
    from tfsep.training.genre import GenreTrainingConfig, score_songs, train_genre_classifier
    from tfsep.training.genre_data import apart, read_songs

    given = {name: getattr(args, name) for name in ("epochs", "seed") if getattr(args, name) is not None}
    try:
        config = GenreTrainingConfig(**given)
    except ValueError as error:
        raise UsageError(str(error)) from None
    contract, cache = (
        GenreContract(families=FAMILIES, name=args.name, percussive=args.percussive),
        args.cache or Path.home() / ".cache" / "tfsep",
    )

    def tell(line: str) -> None:
        print(line, flush=True)

    validation = {text: read_songs(text, cache, contract, on_skip=tell) for text in args.validation}
    held_out = [song for songs in validation.values() for song in songs]
    read = [song for text in args.data for song in read_songs(text, cache, contract, on_skip=tell)]
    songs = apart(read, held_out)
    if len(songs) < len(read):
        tell(f"{len(read) - len(songs)} songs are held out, or by an artist of whom a song is")
    if not songs:
        raise DataError("--data: all songs are held out, or by artists of whom a song is: add others")
    families = {song.family for song in songs}
    unknown = sorted({song.family for song in held_out} - families)
    if unknown:
        raise DataError(
            f"--validation: holds songs of the families {', '.join(unknown)}, --data of {', '.join(sorted(families))} only: add songs "
            "of those families to --data, or take them out of --validation"
        )
    try:
        args.out.mkdir(parents=True, exist_ok=True)  # before hours of training
    except OSError as error:
        raise write_error(args.out / "best", error) from None
    record = {"data": [Path(text).name for text in args.data], "validation": [Path(text).name for text in args.validation]}
    bundle, scores = train_genre_classifier(config, contract, songs, record=record, tell=tell)
    bundle.write(args.out / "best")
    scores |= {text: score_songs(bundle, songs) for text, songs in validation.items()}
    write_genre_report(args.out, scores, bundle.contract.training)
    for name, each in scores.items():
        tell(f"{name}: {each.accuracy:.1%} of {each.songs} songs right, calibration error {each.calibration_error:.3f}")
    print(args.out / "best")
    return 0
