"""`tfsep pack`: put songs into shards of records, for training on more than fits into memory or on a disk."""

import argparse
import os
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("pack", help="put songs into sharded records for training", description=__doc__)
    todo = parser.add_mutually_exclusive_group(required=True)
    todo.add_argument("--data", nargs="+", metavar="[KIND:]DIR", help="sources of songs, as those of tfsep train")
    todo.add_argument("--check", metavar="DIR", help="instead: read the records in DIR and compare their hashes with the index")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the records; an interrupted packing goes on")
    parser.add_argument("--exclude", nargs="*", default=[], metavar="SONG", help="names of songs to leave out")
    parser.add_argument("--rate", type=int, metavar="HZ", help="sample rate (default: 44100)")
    parser.add_argument("--channels", type=int, metavar="N", help="(default: 2)")
    parser.add_argument("--codec", metavar="C", help="flac, a third of the size, or pcm, less work (default: flac)")
    parser.add_argument("--segment", type=float, metavar="S", help="seconds of a segment, about (default: 8)")
    parser.add_argument("--shard-mb", type=float, metavar="MB", help="size of a shard, about (default: 64)")
    parser.add_argument(
        "--group-mb", type=float, metavar="MB", help="decoded audio held in memory and shuffled (default: 2000)"
    )
    parser.add_argument("--seed", type=int, metavar="K", help="of the order of songs and segments (default: 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="threads (default: all cores)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pack or check; returns 0. Errors are raised as `tfsep.errors`."""
    from tfsep.errors import MissingExtraError, UsageError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if args.data and not args.out:
        raise UsageError("--out is missing: give a folder for the records")
    if args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: use 1 or more")
    try:
        import tensorflow  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("tensorflow", "train", "tfsep pack") from None
    return _check(args.check) if args.check else _pack(args)


def _pack(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from tfsep.data.records.spec import RecordSpec
    from tfsep.data.records.writing import write_records
    from tfsep.data.registry import open_source, source_names
    from tfsep.errors import UsageError

    given = {
        "sample_rate_hz": args.rate,
        "channels": args.channels,
        "codec": args.codec,
        "segment_s": args.segment,
        "shard_mb": args.shard_mb,
        "group_mb": args.group_mb,
        "seed": args.seed,
    }
    try:
        spec = RecordSpec(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise UsageError(str(error)) from None
    if args.exclude:
        unknown = sorted(set(args.exclude).difference(*map(source_names, args.data)))
        if unknown:
            raise UsageError(f"--exclude {' '.join(unknown)}: no song of that name in the data; use names of songs or folders")
    tracks = [track for text in args.data for track in open_source(text, exclude=frozenset(args.exclude)).tracks()]
    console = Console()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("packing", total=len(tracks))
        index = write_records(
            tracks,
            args.out,
            spec=spec,
            threads=args.jobs,
            advance=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for song in index.skipped:
        print(f"{song.name} is skipped: {song.reason}")
    skipped = f"; {len(index.skipped)} songs skipped" if index.skipped else ""
    print(
        f"{args.out}: {len(index.songs)} songs, {index.hours:.2f} hours, {index.segments} segments in {len(index.shards)} shards, "
        f"{index.size / 1e6:.1f} MB{skipped}"
    )
    return 0


def _check(location: str) -> int:
    from tfsep.data.records.index import check_hashes, read_index
    from tfsep.data.records.location import check_location

    folder = check_location(location)
    index = read_index(folder)
    whole = sum(1 for _ in check_hashes(folder, index.shards))
    print(f"{location}: {whole} shards, {index.size / 1e6:.1f} MB, all as the index says")
    return 0
