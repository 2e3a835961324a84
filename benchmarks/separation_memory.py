"""Peak memory of `tfsep separate` on a short and a long song."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import Table, benchmark_parser, check, count, machine, positive, publish, tfsep_command, verdict, write_song

LIMIT_MB = 600.0
DIFFERENCE_LIMIT_MB = 50.0
# A process of its own, small and with one child: the peak that the system keeps for "children" is then that of the command, and not of this
# script, whose own memory a child starts with.
WATCH = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"code": done.returncode, "said": done.stderr, "peak": peak}))
"""


def peak_mb(command: list[str]) -> float:
    """Return the peak resident memory of a command in MB (1e6 bytes). Raises: SystemExit if it failed."""
    watched = subprocess.run([sys.executable, "-c", WATCH, *command], stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(watched.stdout)
    check(command, result["code"], result["said"])
    return result["peak"] / 1e6


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--minutes", type=positive, nargs="+", default=[3.0, 60.0], metavar="M", help="lengths of the songs")
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="of tfsep")
    parser.add_argument("--stems", metavar="A,B", help="only these stems, to save disk (default: all)")
    parser.add_argument("--format", default="flac", choices=("wav", "flac", "mp3"), help="of the stems")
    args = parser.parse_args()
    if sys.platform == "win32":
        parser.error("Windows does not tell the peak memory of a command: run this on Linux or macOS")
    about, peaks, rows = machine(), [], []
    for minutes in args.minutes:
        with tempfile.TemporaryDirectory() as temporary:
            song = Path(temporary) / "song.flac"
            write_song(song, minutes * 60)
            command = [*tfsep_command(), "separate", str(song), "--out", str(song.parent / "stems"), "--model", args.model]
            command += ["--format", args.format, "--threads", str(args.threads)]
            command += ["--stems", args.stems] if args.stems else []
            start_s = time.perf_counter()
            peaks.append(peak_mb(command))
            spent_s = time.perf_counter() - start_s
        print(f"{minutes:g} min: {peaks[-1]:.0f} MB, {spent_s:.0f} s", file=sys.stderr)
        speed = f"{minutes * 60 / spent_s:.1f}"
        rows.append((f"song of {minutes:g} min", f"{peaks[-1]:.0f}", verdict(peaks[-1], LIMIT_MB, at_most=True), speed))
    difference = max(peaks) - min(peaks)
    if len(peaks) > 1:
        rows.append(("difference", f"{difference:.0f}", verdict(difference, DIFFERENCE_LIMIT_MB, at_most=True), ""))
    table = Table(
        title="Peak memory of separation",
        columns=("", "peak MB", "limit", "audio s per s"),
        rows=rows,
        notes=(
            f"Peak resident memory (ru_maxrss, 1 MB = 1e6 bytes) of the whole process `tfsep separate --threads {args.threads}`; "
            f"a synthetic 44.1 kHz stereo flac to {args.stems or 'all'} stems as {args.format}.",
        ),
    )
    publish(args, table, about, {"minutes": args.minutes, "peak_mb": peaks, "difference_mb": difference})
    return int(max(peaks) > LIMIT_MB or difference > DIFFERENCE_LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
