"""The command line: one module a command, each with `add_parser(subparsers)` and `run(args) -> int`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import tfsep
from tfsep.errors import TfsepError

COMMANDS = (
    "separate",
    "info",
    "render",
    "train",
    "train-genres",
    "genre",
    "pack",
    "pseudo-label",
    "evaluate",
    "data",
    "mashup",
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
    try:
        return args.run(args)
    except TfsepError as error:
        if args.debug:
            raise
        print(f"tfsep: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("tfsep: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `tfsep info | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
