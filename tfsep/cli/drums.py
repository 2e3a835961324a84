"""`tfsep drums`: find every drum hit of a song, and play the drums anew."""

import argparse
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from tfsep.creative.drums.files import HitFiles
    from tfsep.creative.drums.page import DrumsPage
    from tfsep.creative.drums.song import SongHits
    from tfsep.creative.drums.transcriber import DrumTranscriber
    from tfsep.separation.separator import Separator


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("drums", help="find the drum hits of a song", description=__doc__)
    parser.add_argument("song", type=Path, metavar="SONG", help="audio file")
    parser.add_argument("--out", type=Path, default=Path("drums"), metavar="DIR", help="folder for the files (default: drums)")
    parser.add_argument("--stem", action="store_true", help="SONG is a drum stem already")
    parser.add_argument("--midi", action="store_true", help="write a General MIDI file as well")
    parser.add_argument("--model", default="default", metavar="M", help="as of tfsep separate (default: default)")
    parser.add_argument(
        "--transcriber", default="drums", metavar="T", help="a file that tfsep-export made (default: the one that ships)"
    )
    parser.add_argument(
        "--replace",
        metavar="WHAT",
        help="also write the drum stem with its hits played anew: generated, nearest (the song's own cleanest hits) or a folder of samples",
    )
    parser.add_argument("--amount", type=float, default=0.3, metavar="A", help="of --replace, 0 to 1 (default: %(default)s)")
    parser.add_argument(
        "--report", action="store_true", help="write an HTML page as well, with players and the hits drawn on the drum stem"
    )
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of the model (default: 2)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Find the hits and write them; returns 0. Errors are raised as `tfsep.errors`."""
    from rich.console import Console

    from tfsep.creative.drums.files import PAGE_FILE, REPLACED_FILE, STEM_FILE, HitFiles
    from tfsep.creative.drums.replace import check_amount
    from tfsep.creative.drums.replaced_file import ReplacedFile
    from tfsep.creative.drums.transcriber import DrumTranscriber
    from tfsep.separation.separator import Separator

    others = [
        *([REPLACED_FILE] if args.replace is not None else []),
        *([STEM_FILE] if args.report and not args.stem else []),
        *([PAGE_FILE] if args.report else []),
    ]
    files = HitFiles(args.out, args.song, midi=args.midi, others=others, overwrite=args.overwrite)
    check_amount(args.amount)
    transcriber = DrumTranscriber.load(args.transcriber)
    separator = None if args.stem else Separator.load(args.model, threads=args.threads)
    console = Console(stderr=True, highlight=False, markup=False)
    models = [*([] if args.stem else [args.model]), args.transcriber]
    notes, hooks = [], []
    with ExitStack() as stack:
        stack.enter_context(files)
        page = replaced = None
        if args.replace is not None:
            path = files.staged / REPLACED_FILE
            replaced = stack.enter_context(ReplacedFile(args.song, path, what=args.replace, amount=args.amount))
            hooks.append(replaced.take)
        if args.report:
            page = _page(args, files, stack)
            hooks.append(page.take)

        def on_drums(block: "np.ndarray") -> None:
            for hook in hooks:
                hook(block)

        found = _find(args.song, transcriber, separator, console, on_drums=on_drums)
        files.write(found, models=models)
        if replaced:
            notes = [*replaced.notes, f"{files.paths[REPLACED_FILE]}: {replaced.write(found.hits).summary}"]
        if page:
            page.write(found, replaced=replaced is not None)
    for note in (*found.notes, *notes):
        console.print(f"tfsep: {note}", soft_wrap=True)
    Console(highlight=False, markup=False).print(f"{_summary(found)}, in {files.folder}", soft_wrap=True)
    return 0


def _page(args: argparse.Namespace, files: "HitFiles", stack: ExitStack) -> "DrumsPage":
    from tfsep.creative.drums.page import DrumsPage

    return stack.enter_context(DrumsPage(args.song, files.staged, files.folder, separated=not args.stem))


def _find(
    song: Path, transcriber: "DrumTranscriber", separator: "Separator | None", console: "Console", **hooks: Any
) -> "SongHits":
    from rich.progress import Progress

    from tfsep.creative.drums.song import find_hits

    # off a terminal it would leave an empty line in a log
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("listening", total=1.0)
        return find_hits(
            song,
            transcriber=transcriber,
            separator=separator,
            progress=lambda share: bars.update(task, completed=share),
            **hooks,
        )


def _summary(found: "SongHits") -> str:
    from tfsep.creative.drums.hits import CLASSES

    if not found.hits:
        return f"{found.song.name}: no drum hits found"
    counts = Counter(hit.drum for hit in found.hits)
    listed = ", ".join(f"{counts[drum]} {drum}" for drum in CLASSES if counts[drum])
    return f"{found.song.name}: {len(found.hits)} hits: {listed}"
