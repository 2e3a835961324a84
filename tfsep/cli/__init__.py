"""The command line: one module a command, each with `add_parser(subparsers)` and `run(args) -> int`."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import tfsep
from tfsep.cli.outcome import exit_code

COMMANDS = (
    "separate",
    "info",
    "render",
    "train",
    "train-genres",
    "train-drum-samples",
    "genre",
    "train-drums",
    "pack",
    "pseudo-label",
    "evaluate",
    "data",
    "mashup",
    "enhance",
    "train-enhance",
    "drums",
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `tfsep` with all its commands; imports nothing heavy."""
    parser = argparse.ArgumentParser(prog="tfsep", description="Take finished songs apart into drums, bass, vocals and other.")
    parser.add_argument("--version", action="version", version=f"tfsep {tfsep.__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"tfsep.cli.{name.replace('-', '_')}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns: 0 when all went well, 1 when something failed, 2 when the command line cannot be followed, 130 after Ctrl-C.
    """
    args = build_parser().parse_args(argv)
    return exit_code(lambda: args.run(args), program="tfsep", debug=args.debug)


if __name__ == "__main__":
    sys.exit(main())
