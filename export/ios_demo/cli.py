"""`tfsep-export ios-demo`: make, or check, the folder of models, clips and golden vectors that the iPad demo is built on."""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from tfsep.cli.outcome import exit_code
from tfsep.errors import UsageError

COMMAND = "ios-demo"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `tfsep-export ios-demo`."""
    parser = argparse.ArgumentParser(prog=f"tfsep-export {COMMAND}", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("ios_demo_assets"), metavar="DIR", help="(default: %(default)s)")
    parser.add_argument(
        "--model",
        default="default",
        metavar="BUNDLE",
        help="a model folder, a run's folder or a shipped model (default: %(default)s)",
    )
    parser.add_argument("--live", default="live", metavar="BUNDLE", help="a streaming model, as --model (default: %(default)s)")
    parser.add_argument(
        "--genre",
        default="genre",
        metavar="BUNDLE",
        help="a genre classifier for the router, as --model (default: %(default)s)",
    )
    parser.add_argument(
        "--songs",
        nargs="+",
        default=[],
        metavar="SONG[@S]",
        help="folders of stems or files; the clip starts S seconds in, or mid-song",
    )
    parser.add_argument("--seconds", type=float, default=8.0, metavar="S", help="of each clip (default: %(default)g)")
    parser.add_argument("--licence", metavar="SPDX", help="of all songs, unless song.json or SONG.json beside them says it")
    parser.add_argument("--credit", metavar="WHO", help="whom to credit for all songs")
    parser.add_argument("--source", metavar="WHERE", help="where the songs are from (default: their names)")
    parser.add_argument("--all", action="store_true", help="also models too large for git: fp16, and from sound to sound")
    parser.add_argument("--check", action="store_true", help="compare the folder with its manifest and change nothing")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str]) -> int:
    """Make or check the folder. Returns: 0, 1 for a failure, 2 for a usage error, 130 after Ctrl-C."""
    args = build_parser().parse_args(argv)
    return exit_code(
        lambda: _check(args.out) if args.check else _make(args),
        program=f"tfsep-export {COMMAND}",
        debug=args.debug,
        kept="the folder is as it was",
    )


def _check(out: Path) -> int:
    from .manifest import check_manifest

    entries = check_manifest(out)
    print(f"{out}: {len(entries)} files, {sum(entry['bytes'] for entry in entries) / 1e6:.2f} MB, all as they were made")
    return 0


def _make(args: argparse.Namespace) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TQDM_DISABLE", "1")  # coremltools' progress bars
    from tfsep.separation.locate import find_bundle
    from tfsep.separation.router_table import AUTO, RoutingTable, find_table
    from tfsep.training.genre_bundle import GenreBundle

    from ..genre_graph import find_genre_bundle
    from .songs import demo_songs

    if not args.songs:
        raise UsageError("--songs: name songs for the clips, SONG ...; the first also gives the golden vectors")
    songs = demo_songs(args.songs, licence=args.licence, credit=args.credit, source=args.source)
    folder, live_folder, classifier = find_bundle(args.model), find_bundle(args.live), find_genre_bundle(args.genre)
    if classifier is None:
        raise UsageError(f"--genre {args.genre}: is no genre classifier: use a folder that tfsep train-genres wrote")
    from tfsep.bundle import Bundle

    from .build import Demo, make_demo

    demo = Demo(
        bundle=Bundle.load(folder),
        live=Bundle.load(live_folder),
        classifier=GenreBundle.load(classifier),
        routing=RoutingTable.read(find_table(AUTO)),
        songs=songs,
        seconds=args.seconds,
        all_models=args.all,
        command=_told(args),
    )
    make_demo(demo, args.out, tell=lambda line: print(line, flush=True))
    return 0


def _told(args: argparse.Namespace) -> str:
    """Return the command without the folders of whoever ran it."""
    songs = [Path(song).name for song in args.songs]
    words = ["tfsep-export", COMMAND, "--out", args.out.resolve().name, "--model", Path(args.model).name]
    words += ["--live", Path(args.live).name, "--genre", Path(args.genre).name, "--songs", *songs]
    words += ["--seconds", f"{args.seconds:g}"]
    for name in ("licence", "credit", "source"):
        if value := getattr(args, name):
            words += [f"--{name}", value]
    return shlex.join([*words, "--all"] if args.all else words)
