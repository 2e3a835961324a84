"""`tfsep pseudo-label`: make multitracks to learn from out of finished songs, where a model is sure of what it hears."""

import argparse
import sys
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser(
        "pseudo-label", help="make training songs of finished ones, where a model is sure", description=__doc__
    )
    parser.add_argument("songs", nargs="+", type=Path, metavar="SONG", help="files, or folders of them")
    parser.add_argument("--model", default="default", metavar="PATH", help="model, by name or path (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for the excerpts")
    parser.add_argument(
        "--keep", type=float, default=0.5, metavar="SHARE", help="of the surest excerpts (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="of each excerpt (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads of the model (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the excerpts; returns 1 if a song was skipped."""
    from tfsep.data.files import audio_files
    from tfsep.separation.separator import Separator
    from tfsep.training.pseudo_labels import pseudo_label

    songs = [file for song in args.songs for file in (audio_files(song) if song.is_dir() else [song])]
    separator = Separator.load(args.model, threads=args.threads)
    done = pseudo_label(separator, songs, args.out, keep=args.keep, seconds=args.seconds, model=args.model)
    for line in done.skipped:
        print(f"tfsep: {line}", file=sys.stderr)
    print(f"{args.out}: {len(done.kept)} of {done.considered} excerpts of {args.seconds:g} s")
    return int(bool(done.skipped))
