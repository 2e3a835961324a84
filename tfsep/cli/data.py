"""`tfsep data`: check multitracks that people send, take them into a catalogue, and query it."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfsep.data.catalogue.check import CheckReport
    from tfsep.data.catalogue.selection import Selection

EPILOG = """A contribution is a folder with contribution.json and SONG/{mixture,drums,bass,other,vocals}.flac or another readable
format; docs/contributions.md describes it and every check. Training reads a catalogue as `--data catalogue:FILE`."""


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command and its own commands to `tfsep`."""
    parser = subparsers.add_parser("data", help="check and file contributed multitracks", description=__doc__, epilog=EPILOG)
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="check a contribution; changes nothing; exit code 1 if it is refused")
    check.add_argument("folder", type=Path, metavar="DIR", help="folder that somebody sent")
    check.add_argument("--catalogue", type=Path, metavar="DB", help="also look for duplicates in this catalogue")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the report to this file")
    check.set_defaults(run=run_check)
    add = commands.add_parser("add", help="check a contribution and copy it into a catalogue, all of it or nothing")
    add.add_argument("folder", type=Path, metavar="DIR", help="folder that somebody sent")
    add.add_argument("--catalogue", type=Path, required=True, metavar="DB", help="SQLite file; made if it is not there")
    add.add_argument("--to", type=Path, metavar="STORE", help="folder for the songs (default: songs, beside DB)")
    add.set_defaults(run=run_add)
    listing = commands.add_parser("list", help="list the songs of a catalogue")
    listing.add_argument("--json", action="store_true", help="print everything as JSON")
    listing.set_defaults(run=run_list)
    export = commands.add_parser("export", help="copy songs out of a catalogue, with their credits")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    export.add_argument("--link", action="store_true", help="make hard links in place of copies")
    export.set_defaults(run=run_export)
    for command in (listing, export):
        command.add_argument("--catalogue", type=Path, required=True, metavar="DB", help="SQLite file")
        command.add_argument("--genre", action="append", default=[], metavar="G", help="songs of this genre; again for another")
        command.add_argument("--licence", action="append", default=[], metavar="L", help="under this licence (SPDX)")
        command.add_argument("--contributor", action="append", default=[], metavar="C", help="from this contributor")


def run_check(args: argparse.Namespace) -> int:
    """Check; returns 0, or 1 if the contribution is refused. Errors are raised as `tfsep.errors`."""
    from tfsep.audio.atomic import AtomicFile
    from tfsep.data.catalogue.check import check_contribution
    from tfsep.data.catalogue.filing import write_json

    if args.json:
        AtomicFile(args.json).discard()  # before the work rather than after it
    with _progress("checking") as show:
        report = check_contribution(args.folder, catalogue=args.catalogue, on_progress=show)
    if args.json:
        write_json(args.json, report.to_json())
    _print_findings(report)
    print(f"{args.folder}: {'accepted' if report.accepted else 'refused'}, {_counts(report)}")
    return 0 if report.accepted else 1


def run_add(args: argparse.Namespace) -> int:
    """Add; returns 0, or 1 if the contribution is refused. Errors are raised as `tfsep.errors`."""
    from tfsep.data.catalogue.filing import add_contribution

    with _progress("adding") as show:
        filing = add_contribution(args.folder, catalogue=args.catalogue, store=args.to, on_progress=show)
    _print_findings(filing.report)
    if not filing.songs:
        print(f"{args.folder}: refused, {_counts(filing.report)}; nothing was changed")
        return 1
    print(f"{args.folder}: added to {args.catalogue} as {filing.songs[0].contribution}, {_counts(filing.report)}")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """List; returns 0. Errors are raised as `tfsep.errors`."""
    import json

    from tfsep.data.catalogue.catalogue import Catalogue

    with Catalogue(args.catalogue) as catalogue:
        songs = catalogue.songs(_selection(args))
    if args.json:
        print(json.dumps([song.to_json() for song in songs], indent=1, ensure_ascii=False))
        return 0
    for song in songs:
        print(
            f"{song.contribution}/{song.name}: {song.artist} - {song.title}, {song.genre}, {song.duration_s:.0f} s, "
            f"{song.licence}, from {song.contributor}, {song.added[:10]}"
        )
    print(f"{_songs(len(songs))}, {sum(song.duration_s for song in songs) / 60:.1f} minutes")
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Export; returns 0. Errors are raised as `tfsep.errors`."""
    from tfsep.data.catalogue.export import CREDITS, export_songs

    songs = export_songs(args.catalogue, args.out, _selection(args), link=args.link)
    print(f"{args.out}: {_songs(len(songs))}, {sum(song.duration_s for song in songs) / 60:.1f} minutes; credits in {CREDITS}")
    return 0


def _selection(args: argparse.Namespace) -> "Selection":
    from tfsep.data.catalogue.selection import Selection

    return Selection(genre=tuple(args.genre), licence=tuple(args.licence), contributor=tuple(args.contributor))


def _print_findings(report: "CheckReport") -> None:
    for finding in report.findings:
        print(finding.line)


def _counts(report: "CheckReport") -> str:
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    minutes = sum(song.duration_s for song in report.measurements.values()) / 60
    told = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    return f"{_songs(len(report.songs))}, {minutes:.1f} minutes, {told}"


def _songs(count: int) -> str:
    return f"{count} song{'' if count == 1 else 's'}"


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Give a function that shows how far the work is, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        TextColumn("{task.fields[song]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(what, total=None, song="")

        def show(done: int, total: int, song: str) -> None:
            bar.update(task, completed=done, total=total, song=song)

        yield show
