"""Speed of `tfsep render`: seconds of multitrack written per second."""

import argparse
import sys
import tempfile
from pathlib import Path

from harness import Table, benchmark_parser, count, machine, positive, publish, tfsep_command, timed_run, verdict

LIMIT = 20.0  # times real time


def main() -> int:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument(
        "--material", type=Path, required=True, default=argparse.SUPPRESS, metavar="DIR", help="with manifest.csv"
    )
    parser.add_argument("--songs", type=count, default=40, metavar="N")
    parser.add_argument("--seconds", type=positive, default=20.0, metavar="S", help="length of each song")
    parser.add_argument("--seed", type=int, default=0, metavar="K", help="of the songs")
    parser.add_argument("--jobs", type=count, default=2, metavar="N", help="processes")
    args = parser.parse_args()
    from tfsep.audio import read_info

    about = machine()
    with tempfile.TemporaryDirectory() as temporary:
        command = [*tfsep_command(), "render", "--material", str(args.material), "--out", temporary]
        for option in ("songs", "seconds", "seed", "jobs"):
            command += [f"--{option}", str(getattr(args, option))]
        spent_s = timed_run(command)
        written = sorted(Path(temporary).glob("*/mixture.flac"))
        rendered_s = sum(read_info(path).duration_s for path in written)
        megabytes = sum(path.stat().st_size for path in Path(temporary).rglob("*") if path.is_file()) / 1e6
    if len(written) != args.songs:
        raise SystemExit(f"{len(written)} songs were written, {args.songs} were asked for")
    speed = rendered_s / spent_s
    table = Table(
        title="Speed of rendering",
        columns=("songs", "audio s", "MB written", "seconds", "times real time", "limit"),
        rows=[
            (
                str(args.songs),
                f"{rendered_s:.0f}",
                f"{megabytes:.0f}",
                f"{spent_s:.1f}",
                f"{speed:.1f}",
                verdict(speed, LIMIT, at_most=False),
            )
        ],
        notes=(f"The whole command `tfsep render --jobs {args.jobs}`, from its start; a mixture and four stems a song.",),
    )
    publish(args, table, about, {"jobs": args.jobs, "rendered_s": rendered_s, "spent_s": spent_s, "times_real_time": speed})
    return int(speed < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
