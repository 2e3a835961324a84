"""`tfsep-export BUNDLE`: turn a trained model into files that run without Keras."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.cli.outcome import exit_code
from tfsep.errors import UsageError

from .ios_demo import cli as ios_demo

if TYPE_CHECKING:
    from tfsep.bundle import Bundle

    from .artefact import Exported
    from .format import Options
    from .graph import Graph

ALL = "all"
PRECISIONS = (
    "fp32, fp16, int8; litert also int8-full and int16x8, with --representative; coreml also palette8, palette6 and, with "
    "--risky, palette4; or all"
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `tfsep-export`."""
    parser = argparse.ArgumentParser(
        prog="tfsep-export",
        description=__doc__,
        epilog=f"tfsep-export {ios_demo.COMMAND} --help: the folder of models, clips and golden vectors for apps",
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="a model folder, a run's folder, or the name of a model that ships")
    parser.add_argument("--to", default="litert", metavar="F,...", help="litert, onnx, coreml (default: %(default)s)")
    parser.add_argument("--precision", default="fp16", metavar="P,...", help=f"{PRECISIONS} (default: %(default)s)")
    parser.add_argument(
        "--waveform", action="store_true", help="also files from sound to sound, transform and masks inside (litert, onnx)"
    )
    parser.add_argument(
        "--block-frames", type=int, default=1, metavar="N", help="of a call, for models of kind live (default: %(default)s)"
    )
    parser.add_argument(
        "--representative", type=Path, nargs="+", default=[], metavar="SONG", help="songs that set the ranges of integers"
    )
    parser.add_argument("--risky", action="store_true", help="also precisions that fail on some devices")
    parser.add_argument(
        "--report", action="store_true", help="separate songs with every file and with Keras; write report.md and report.html"
    )
    parser.add_argument(
        "--songs", type=Path, nargs="+", default=[], metavar="DIR", help="for the report: multitracks never trained on"
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="of the middle of each song (default: all of it)")
    parser.add_argument("--name", default="model", help="of the files (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("exported"), metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Export; print each file with its size and its distance from Keras.

    Returns: 0, 1 for a failure, 2 for a usage error, 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] == ios_demo.COMMAND:
        return ios_demo.main(argv[1:])
    args = build_parser().parse_args(argv)
    return exit_code(lambda: run(args), program="tfsep-export", debug=args.debug)


@dataclass(frozen=True)
class Task:
    """One file to be written."""

    to: str
    precision: str
    path: Path
    waveform: bool = False

    def named(self, part: str) -> "Task":
        """Return the task of a model that consists of several: `part` in place of the first word of the file's name."""
        return replace(self, path=self.path.with_name(re.sub(r"^[^-.]*", part, self.path.name)))


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TQDM_DISABLE", "1")  # coremltools' progress bars
    from tfsep.separation.locate import find_bundle

    from .format import Options

    tasks = _tasks(args)
    _check_report(args)
    options = Options(risky=args.risky, representative=tuple(args.representative))
    from .drum_graph import drum_graph_of, find_drum_bundle
    from .drum_sampler_graph import find_sampler_bundle, sampler_graphs_of
    from .enhance_graph import enhance_graph_of, find_enhance_bundle
    from .genre_graph import find_genre_bundle, genre_graph_of

    if folder := find_genre_bundle(args.bundle):
        _check_listener(args, "tells genres")
        return _export_listener(genre_graph_of(folder), tasks, options)
    if folder := find_drum_bundle(args.bundle):
        _check_listener(args, "finds drum hits")
        return _export_listener(drum_graph_of(folder), tasks, options)
    if folder := find_enhance_bundle(args.bundle):
        _check_listener(args, "restores highs")
        return _export_listener(enhance_graph_of(folder), tasks, options)
    if folder := find_sampler_bundle(args.bundle):
        _check_listener(args, "makes drum hits")
        for part, graph in sampler_graphs_of(folder).items():
            _export_listener(graph, [task.named(part) for task in tasks], options)
        return 0
    folder = find_bundle(args.bundle)
    from tfsep.bundle import Bundle

    from .artefact import write_artefact
    from .formats import FORMATS
    from .live import check_live, model_graph
    from .parity import Reference
    from .waveform import waveform_graph

    bundle = Bundle.load(folder)
    precisions = [task.precision for task in tasks]
    check_live(bundle.config, waveform=args.waveform, precisions=precisions, block_frames=args.block_frames)
    written = []
    for waveform, build in ((False, partial(model_graph, block_frames=args.block_frames)), (True, waveform_graph)):
        group = [task for task in tasks if task.waveform is waveform]
        graph = build(bundle) if group else None
        reference = Reference(graph) if group else None
        for task in group:
            exported = write_artefact(graph, reference, task.path, FORMATS[task.to], task.precision, options)
            _show(exported)
            written.append((task.to, exported))
    if args.report:
        _report(args, bundle, folder, written)
    return 0


def _check_listener(args: argparse.Namespace, does: str) -> None:
    """Raise UsageError for what is there for models that separate alone."""
    if args.waveform or args.report or args.representative:
        raise UsageError(f"{args.bundle}: {does}; --waveform, --report and --representative are for models that separate")


def _export_listener(graph: "Graph", tasks: list[Task], options: "Options") -> int:
    """Write the files of a network that tells something about music."""
    from .artefact import write_artefact
    from .formats import FORMATS
    from .parity import Reference

    reference = Reference(graph)
    for task in tasks:
        _show(write_artefact(graph, reference, task.path, FORMATS[task.to], task.precision, options))
    return 0


def _check_report(args: argparse.Namespace) -> None:
    """Raise UsageError or DataError, before anything is written, for a report that cannot be made."""
    if not args.report:
        if args.songs or args.seconds is not None:
            raise UsageError("--songs, --seconds: are for --report, add it")
        return
    if not args.songs:
        raise UsageError("--report: name songs to measure on, --songs DIR ...; they must not have been trained on")
    if args.seconds is not None and not 0 < args.seconds < float("inf"):
        raise UsageError(f"--seconds {args.seconds:g}: use a number above 0")
    from tfsep.evaluation.dataset import find_songs

    find_songs(args.songs)


def _show(exported: "Exported") -> None:
    parity = exported.parity
    print(
        f"{exported.path}  {exported.megabytes:.2f} MB  {parity.worst_db:.1f} dB from Keras, "
        f"{max(0.0, parity.sdr_loss_db):.3f} dB SDR lost on test music"
    )
    print(f"  {exported.census.summary()}")
    for warning in exported.census.warnings:
        print(f"  warning: {warning}")


def _report(args: argparse.Namespace, bundle: "Bundle", folder: Path, written: list[tuple[str, "Exported"]]) -> None:
    from .costs import collect
    from .report import write_report

    rows = collect(bundle, folder, written, args.songs, seconds=args.seconds, tell=lambda line: print(f"  {line}", flush=True))
    what = "whole" if args.seconds is None else f"the middle {args.seconds:g} s of each"
    about = [f"Model: {bundle.name}. Songs: {', '.join(path.name for path in args.songs)}; {what}."]
    for path in write_report(args.out, rows, about):
        print(path)


def _tasks(args: argparse.Namespace) -> list[Task]:
    """Return what is to be written. Raises: UsageError before anything is, for a name or combination that there is not."""
    from .formats import check_combination
    from .to_coreml import RISKY
    from .to_litert import INTEGER

    if not args.name or Path(args.name).name != args.name or args.name.startswith("."):
        raise UsageError(f"--name {args.name!r}: use the name of a file without a folder")
    formats, precisions = _listed(args.to, "--to"), _listed(args.precision, "--precision")
    tasks = []
    for waveform in (False, True) if args.waveform else (False,):
        for to in formats:
            for precision in _offered(to, waveform, args) if precisions == [ALL] else precisions:
                chosen = check_combination(to, precision, waveform=waveform)
                if precision in INTEGER and not args.representative:
                    raise UsageError(f"--precision {precision}: name songs for its ranges, --representative SONG ...")
                if precision in RISKY and not args.risky:
                    raise UsageError(f"--precision {precision}: {RISKY[precision]}; add --risky to export it all the same")
                name = f"{args.name}-wave" if waveform else args.name
                name = name if len(precisions) == 1 and precisions != [ALL] else f"{name}-{precision}"
                tasks.append(Task(to, precision, args.out / f"{name}{chosen.suffix}", waveform))
    return tasks


def _offered(to: str, waveform: bool, args: argparse.Namespace) -> list[str]:
    """Return all precisions of a format that these arguments allow."""
    from .formats import FORMATS, check_format
    from .to_coreml import RISKY
    from .to_litert import INTEGER

    check_format(to)
    offered = FORMATS[to].waveform_precisions if waveform else FORMATS[to].precisions
    left_out = {*(() if args.representative else INTEGER), *(() if args.risky else RISKY)}
    return [precision for precision in offered if precision not in left_out]


def _listed(text: str, option: str) -> list[str]:
    values = list(dict.fromkeys(value.strip() for value in text.split(",") if value.strip()))
    if not values:
        raise UsageError(f"{option} {text!r}: name at least one")
    return values


if __name__ == "__main__":
    sys.exit(main())
