"""`tfsep evaluate`: score models on songs whose stems are known, beside the mixture itself and an HPSS baseline."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from tfsep.evaluation import Evaluation, Outcome

EPILOG = """A song is a folder with files such as drums.wav, bass.flac, other.ogg, vocals.wav and, if it likes, mixture.wav. A
stem without a file is not scored; where the files make up the mixture all the same, its sound lies in other and is scored with
it. The exit code is 1 if any song could not be scored."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "evaluate", help="score models on songs whose stems are known", description=__doc__, epilog=EPILOG
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="PATH",
        help="model, by name or path; again for another to compare; without any the baselines alone are scored",
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", action="extend", required=True, metavar="DIR", help="song folders, or folders of them"
    )
    parser.add_argument("--json", type=Path, metavar="F", help="write all scores to this file")
    parser.add_argument("--report", type=Path, metavar="F.html", help="write tables, box plots and spectrograms to this file")
    parser.add_argument("--bsseval", action="store_true", help="also BSSEval v4 (museval): slow, holds whole songs in memory")
    parser.add_argument(
        "--hits",
        action="store_true",
        help="also onset F1 and, above 8 kHz, log-spectral distance of drums: holds whole songs in memory",
    )
    parser.add_argument("--songs", type=int, metavar="N", help="score N songs, spread evenly over those found")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="songs at once, each in a process (default: 1)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="threads of each model (default: 2)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; returns 0, or 1 if a song failed. Errors are raised as `tfsep.errors`."""
    import json

    from rich.console import Console

    from tfsep.audio.atomic import AtomicFile
    from tfsep.evaluation.figures import check_matplotlib
    from tfsep.evaluation.report import write_report
    from tfsep.evaluation.summary import to_json

    if args.report:
        check_matplotlib()
    for path in (args.json, args.report):
        if path:  # before an hour's work rather than after it
            AtomicFile(path).discard()
    outcome = _evaluate(args)
    if args.json:
        with AtomicFile(args.json) as atomic:
            atomic.file.write((json.dumps(to_json(outcome.evaluation), indent=1) + "\n").encode("utf-8"))
    if args.report:
        write_report(args.report, outcome.evaluation, outcome.pictures)
    _print_scores(outcome.evaluation, Console())
    for path in (args.json, args.report):
        if path:
            print(f"wrote {path}")
    for failure in outcome.evaluation.failures:
        print(f"tfsep: {failure.error}", file=sys.stderr)
    return 1 if outcome.evaluation.failures else 0


def _evaluate(args: argparse.Namespace) -> "Outcome":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from tfsep.evaluation import evaluate

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[song]}"),
    )
    console = Console(stderr=True)
    # off a terminal it would leave an empty line in a log
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("evaluating", total=None, song="")

        def show(done: float, total: int, song: str) -> None:
            progress.update(task, completed=done, total=total, song=song)

        return evaluate(
            args.model,
            args.data,
            songs=args.songs,
            with_bsseval=args.bsseval,
            with_hits=args.hits,
            jobs=args.jobs,
            threads=args.threads,
            command=_command(args),
            on_progress=show,
        )


def _command(args: argparse.Namespace) -> str:
    words = ["tfsep", "evaluate"]
    for model in args.model:
        words += ["--model", model]
    words += ["--data", *map(str, args.data)]
    for name in ("json", "report", "songs"):
        value = getattr(args, name)
        if value is not None:
            words += [f"--{name}", str(value)]
    words += ["--bsseval"] * args.bsseval + ["--hits"] * args.hits + ["--jobs", str(args.jobs), "--threads", str(args.threads)]
    return shlex.join(words)


def _print_scores(evaluation: "Evaluation", console: "Console") -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from tfsep.evaluation import summarise
    from tfsep.evaluation.summary import HIT_METRICS

    rows = summarise(evaluation)
    if not rows:
        return
    songs = len(evaluation.songs)
    title = f"{songs} song{'' if songs == 1 else 's'}, means in dB; gain is over the mixture"
    title += "; F1 of onsets, LSD of drums above 8 kHz" if evaluation.hits else ""
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    headings = ["SDR", "median", "gain", "95 %", "SI-SDR"]
    headings += ["v4: SDR", "ISR", "SIR", "SAR"] if evaluation.bsseval else []
    headings += ["F1", "LSD"] if evaluation.hits else []
    table.add_column("stem", no_wrap=True)
    table.add_column("estimate", overflow="fold", min_width=8)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    before = None
    for row in rows:
        if before not in (None, row.stem):
            table.add_section()
        sdr, si_sdr = row.metrics.get("sdr_db"), row.metrics.get("si_sdr_db")
        cells = [_db(sdr and sdr.mean), _db(sdr and sdr.median), _db(sdr and sdr.gain, sign=True)]
        has_interval = sdr is not None and sdr.gain_low is not None
        cells.append(f"{sdr.gain_low:+.1f} to {sdr.gain_high:+.1f}" if has_interval else "")
        cells.append(_db(si_sdr and si_sdr.mean))
        if evaluation.bsseval:
            found = [row.bsseval.get(name) for name in ("sdr_db", "isr_db", "sir_db", "sar_db")]
            cells += [_db(value and value.mean) for value in found]
        if evaluation.hits:
            found = [row.hits.get(name) for name in HIT_METRICS]
            cells += [_db(value and value.mean) for value in found]
        table.add_row(row.stem if row.stem != before else "", row.estimator, *cells)
        before = row.stem
    console.print(table)
    for song in evaluation.songs:
        for note in song.notes:
            console.print(f"{song.name}: {note}", markup=False, highlight=False)


def _db(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return ""
    return f"{value:+.2f}" if sign else f"{value:.2f}"
