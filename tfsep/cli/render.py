"""`tfsep render`: make multitrack songs for training out of samples, notes and synthesisers."""

import argparse
import os
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("render", help="make multitrack songs for training", description=__doc__)
    parser.add_argument("--material", type=Path, required=True, metavar="DIR", help="folder of samples with manifest.csv")
    parser.add_argument("--songs", type=int, required=True, metavar="N", help="how many songs")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="length of each song (default: 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="song i depends on K and i alone (default: 0)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the songs; done ones are skipped")
    parser.add_argument("--genres", default="", metavar="A,B", help="genres to draw from (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (default: all cores)")
    parser.add_argument("--grade-b", action="store_true", help="also use material whose licence rests on a collector's word")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Render; returns 0. Errors are raised as `tfsep.errors`."""
    from tfsep.errors import MissingExtraError

    try:
        import mido  # noqa: F401
        import scipy  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name, "render", "tfsep render") from None
    import time

    from tfsep.data.render.render import RenderConfig, render_with_progress

    config = RenderConfig(
        material=args.material,
        out=args.out,
        songs=args.songs,
        seconds=args.seconds,
        seed=args.seed,
        genres=tuple(name for name in args.genres.split(",") if name),
        jobs=args.jobs,
        grade_b=args.grade_b,
    )
    start_s = time.monotonic()
    songs = render_with_progress(config)
    spent_s = time.monotonic() - start_s
    new = sum(not song.skipped for song in songs)
    speed = f"{new} songs of {config.seconds:g} s in {spent_s:.1f} s, {new * config.seconds / spent_s:.0f} times real time"
    print(f"{speed}; {len(songs) - new} were there already; in {config.out}")
    return 0
