"""`tfsep enhance`: restore the highs that a low bit rate, a filter or a low sample rate has taken."""

import argparse
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("enhance", help="restore the highs of a narrow recording", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="audio file")
    parser.add_argument(
        "--out", type=Path, metavar="F", help="result: .wav, .flac or .mp3 (default: FILE.enhanced.flac or .wav, beside FILE)"
    )
    parser.add_argument(
        "--cutoff", type=float, metavar="HZ", help="restore above this frequency (default: find where FILE ends)"
    )
    parser.add_argument(
        "--model", default="enhance", metavar="M", help="enhance, or a .tflite or .onnx file (default: enhance)"
    )
    parser.add_argument(
        "--report", action="store_true", help="write an HTML page beside the result, with players and spectrograms"
    )
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of the model (default: 2)")
    parser.add_argument("--overwrite", action="store_true", help="replace the result if it is there already")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore; returns 0, also where there is nothing to restore. Errors are raised as `tfsep.errors`."""
    from rich.console import Console
    from rich.progress import Progress

    from tfsep.creative.enhance import Enhancer, enhance_file

    page = None
    if args.report:
        from tfsep.creative.enhance.page import page_path, write_enhanced_page

        page = page_path(args.file, args.out, overwrite=args.overwrite)
    enhancer = Enhancer.load(args.model, threads=args.threads)
    console = Console(stderr=True, highlight=False, markup=False)
    # off a terminal it would leave an empty line in a log
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {}

        def show(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=1.0)
            bars.update(tasks[what], completed=share)

        result = enhance_file(
            args.file,
            args.out,
            enhancer=enhancer,
            cutoff_hz=args.cutoff,
            overwrite=args.overwrite,
            progress=show,
        )
    for warning in result.warnings:
        console.print(f"tfsep: {warning}", soft_wrap=True)
    if result.path is None:
        print(f"{args.file}: {result.note}")
    else:
        print(f"{result.path}: restored above {result.cutoff_hz:.0f} Hz")
        if page:
            write_enhanced_page(page, args.file, result)
    return 0
