"""`tfsep mashup`: the drums of one record under the vocals and instruments of another."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from tfsep.creative.mashup import Mashup, MashupSettings

_STEMS = ("drums", "bass", "other", "vocals")
EPILOG = """Stems that no option names come from the deck of --rest; without any of these options the drums are those of A and
the rest that of B."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "mashup", help="play stems of one song with stems of another", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("a", type=Path, metavar="A", help="song on deck A, whose tempo holds")
    parser.add_argument("b", type=Path, metavar="B", help="song on deck B")
    for stem in _STEMS:
        parser.add_argument(f"--{stem}", metavar="DECK", help=f"the deck that {stem} come from: A, B or none")
    parser.add_argument("--rest", metavar="DECK", help="the deck that all other stems come from")
    parser.add_argument(
        "--stretch", default="B", metavar="DECK", help="the deck that is brought to the other's tempo (default: B)"
    )
    parser.add_argument("--bpm", type=float, metavar="N", help="bring both decks to this tempo")
    parser.add_argument(
        "--key-shift", default="0", metavar="N", help="semitones for the stretched deck, -2 to 2, or auto (default: 0)"
    )
    parser.add_argument("--bars", type=int, metavar="N", help="length of the mash-up (default: as long as both songs play)")
    for deck in "ab":
        parser.add_argument(
            f"--start-{deck}", type=int, metavar="BAR", help=f"first bar of deck {deck.upper()} (default: the best)"
        )
    for deck in "ab":
        parser.add_argument(
            f"--tempo-{deck}", type=float, metavar="N", help=f"tempo of deck {deck.upper()}, if it is not found"
        )
    parser.add_argument("--out", type=Path, default=Path("mashups"), metavar="DIR", help="folder (default: mashups)")
    parser.add_argument("--format", default="wav", metavar="F", help="of mix and stems: wav (default), flac or mp3")
    parser.add_argument("--plot", type=Path, metavar="F.png", help="draw both decks, their beats and the alignment")
    parser.add_argument("--report", action="store_true", help="write an HTML page with players and pictures beside the files")
    parser.add_argument("--model", default="default", metavar="M", help="as of tfsep separate (default: default)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="of the model (default: 2)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the mash-up; returns 0. Errors are raised as `tfsep.errors`."""
    from rich.console import Console
    from rich.progress import Progress

    from tfsep.creative.mashup import mash_up
    from tfsep.creative.mashup.files import mashup_folder
    from tfsep.separation.separator import Separator

    settings = _settings(args)
    page = mashup_folder(args.out, args.a, args.b) / "report.html"
    if args.plot:
        from tfsep.creative.mashup.plot import check_plot, write_plot

        check_plot(args.plot, overwrite=args.overwrite)
    if args.report:
        from tfsep.creative.mashup.page import write_mashup_page
        from tfsep.creative.report import check_report

        check_report(page, "mashup", overwrite=args.overwrite)
    separator = Separator.load(args.model, threads=args.threads)
    console = Console(stderr=True, highlight=False, markup=False)
    # off a terminal it would leave an empty line in a log
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {}

        def show(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=1.0)
            bars.update(tasks[what], completed=share)

        mashup = mash_up(
            args.a,
            args.b,
            args.out,
            settings,
            separator=separator,
            format=args.format.lower().removeprefix("."),
            overwrite=args.overwrite,
            progress=show,
        )
    for note in mashup.notes:
        console.print(f"tfsep: {note}", soft_wrap=True)
    _print(mashup, Console(highlight=False, markup=False))
    if args.plot:  # last: if it fails, the mash-up is there and told of
        write_plot(args.plot, mashup)
    if args.report:
        write_mashup_page(page, mashup)
    return 0


def _settings(args: argparse.Namespace) -> "MashupSettings":
    from tfsep.creative.mashup import MashupSettings
    from tfsep.errors import UsageError

    chosen = {stem: getattr(args, stem) for stem in _STEMS if getattr(args, stem) is not None}
    if args.rest is None and chosen:
        missing = [stem for stem in _STEMS if stem not in chosen]
        if missing:
            raise UsageError(f"{', '.join(missing)}: say which deck they come from, for example with --rest B")
    rest = {} if args.rest is None else {stem: args.rest for stem in _STEMS if stem not in chosen}
    try:
        key_shift = args.key_shift if args.key_shift == "auto" else int(args.key_shift)
    except ValueError:
        raise UsageError(f"--key-shift {args.key_shift}: use auto or -2 to 2 semitones") from None
    decks = {stem: deck.lower() if deck.lower() == "none" else deck.upper() for stem, deck in (rest | chosen).items()}
    return MashupSettings(
        **decks,
        stretch=args.stretch.upper(),
        bpm=args.bpm,
        key_shift=key_shift,
        start_a=args.start_a,
        start_b=args.start_b,
        bars=args.bars,
        tempo_a=args.tempo_a,
        tempo_b=args.tempo_b,
    )


def _print(mashup: "Mashup", console: "Console") -> None:
    for played in mashup.decks:
        deck = played.deck
        parts = [
            f"{deck.beats.bpm:.1f} BPM, {deck.key or 'no key'}",
            f"bars {played.start_bar + 1} to {played.start_bar + mashup.alignment.bars} of {played.beats.bars}",
            f"at {100 * played.speed:.1f} % speed",
        ]
        parts += [f"{played.semitones:+d} semitones"] if played.semitones else []
        console.print(f"deck {deck.name}: {deck.path.name}: {', '.join(parts)}", soft_wrap=True)
    limited = f", limited by up to {mashup.limited_db:.1f} dB" if mashup.limited_db > 0.05 else ""
    bars = f"{mashup.alignment.bars} bars"
    folder = mashup.files["mix"].parent
    console.print(f"{bars}, {mashup.duration_s:.1f} s at {mashup.bpm:.1f} BPM{limited}, in {folder}", soft_wrap=True)
