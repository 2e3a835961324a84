"""`tfsep genre`: tell the genre family of songs, as `tfsep separate --model auto` hears them."""

import argparse
import sys


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("genre", help="tell the genre family of songs", description=__doc__)
    parser.add_argument("songs", nargs="+", metavar="SONG", help="audio file")
    parser.add_argument(
        "--model", default="genre", metavar="M", help="a file that tfsep-export made (default: the one that ships)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print an object of probabilities for each song, null where it is silent"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a line for each song; returns 0, or 1 if one cannot be read."""
    import json

    from tfsep.errors import AudioError
    from tfsep.separation.genre import GenreClassifier

    classifier, found, failed = GenreClassifier.load(args.model), {}, False
    for song in args.songs:
        try:
            probabilities = classifier.probabilities(song)
        except AudioError as error:
            print(f"tfsep: {error}", file=sys.stderr)
            failed = True
            continue
        found[song] = probabilities
        if not args.json:
            listed = "nothing to hear" if probabilities is None else "  ".join(f"{k} {p:.0%}" for k, p in probabilities.items())
            print(f"{song}: {listed}")
    if args.json:
        print(json.dumps(found, indent=2))
    return 1 if failed else 0
