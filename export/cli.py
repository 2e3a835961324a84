"""`tfsep-export BUNDLE`: turn a trained model into files that run without Keras."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tfsep.errors import TfsepError, UsageError

FORMATS = ("litert",)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `tfsep-export`."""
    parser = argparse.ArgumentParser(prog="tfsep-export", description=__doc__)
    parser.add_argument("bundle", metavar="BUNDLE", help="a model folder, a run's folder, or the name of a model that ships")
    parser.add_argument("--to", default="litert", metavar="FORMATS", help=f"{', '.join(FORMATS)} (default: %(default)s)")
    parser.add_argument("--precision", default="fp16", metavar="P,...", help="fp32, fp16, int8 (default: %(default)s)")
    parser.add_argument("--name", default="model", help="of the files (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("exported"), metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Export; print each file with its size and its distance from Keras. Returns: 0, 1 for a failure, 2 for a usage error."""
    args = build_parser().parse_args(argv)
    try:
        return run(args)
    except TfsepError as error:
        if args.debug:
            raise
        print(f"tfsep-export: {error}", file=sys.stderr)
        return error.exit_code


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask."""
    unknown = sorted(set(args.to.split(",")) - set(FORMATS))
    if unknown:
        raise UsageError(f"--to {','.join(unknown)}: use {', '.join(FORMATS)}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from tfsep.separation.locate import find_bundle

    folder = find_bundle(args.bundle)
    from tfsep.bundle import Bundle

    from .to_litert import check_precision, export_litert

    precisions = args.precision.split(",")
    for precision in precisions:
        check_precision(precision)
    bundle = Bundle.load(folder)
    for precision in precisions:
        name = args.name if len(precisions) == 1 else f"{args.name}-{precision}"
        exported = export_litert(bundle, args.out / f"{name}.tflite", precision=precision)
        print(f"{exported.path}  {exported.megabytes:.2f} MB  {exported.parity_db:.1f} dB from Keras")
    return 0


if __name__ == "__main__":
    sys.exit(main())
