"""Start-up: `tfsep --help`, and a short song from a new process to its first stem."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import (
    Table,
    benchmark_parser,
    check,
    count,
    machine,
    positive,
    publish,
    spread,
    tfsep_command,
    timed_run,
    verdict,
    write_song,
)

HELP_LIMIT_S = 0.3
STEM_LIMIT_S = 2.0
POLL_S = 0.002


def to_stems(command: list[str], folder: Path, stems_said: Path) -> tuple[float, float]:
    """Run a separation; return the seconds until a stem stood under its name in `folder`, and until the command's end."""
    start_s = time.perf_counter()
    first_s = None
    with open(stems_said, "w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            if first_s is None and any(folder.glob("*/*.wav")):
                first_s = time.perf_counter() - start_s
            time.sleep(POLL_S)
        end_s = time.perf_counter() - start_s
        said.seek(0)
        check(command, process.returncode, said.read())
    return (end_s if first_s is None else first_s), end_s


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--repeats", type=count, default=10, metavar="N", help="of each, in turn")
    parser.add_argument("--seconds", type=positive, default=10.0, metavar="S", help="length of the song")
    args = parser.parse_args()
    about = machine()
    names = ("`python -c pass`", "`tfsep --help`", "`tfsep separate`: first stem", "`tfsep separate`: end")
    values: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        song = Path(temporary) / "song.wav"
        write_song(song, args.seconds)
        for repeat in range(args.repeats):
            stems = Path(temporary) / f"stems{repeat}"
            command = [*tfsep_command(), "separate", str(song), "--out", str(stems), "--model", args.model]
            bare_s = timed_run([sys.executable, "-c", "pass"])
            help_s = timed_run([*tfsep_command(), "--help"])
            first_s, end_s = to_stems(command, stems, Path(temporary) / "said")
            for name, value in zip(names, (bare_s, help_s, first_s, end_s), strict=True):
                values[name].append(value)
    limits = {names[1]: HELP_LIMIT_S, names[2]: STEM_LIMIT_S}
    medians = {name: statistics.median(seconds) for name, seconds in values.items()}
    rows = [
        (name, spread(seconds, 3), verdict(medians[name], limits[name], at_most=True) if name in limits else "")
        for name, seconds in values.items()
    ]
    table = Table(
        title="Start-up",
        columns=("", "seconds", "limit"),
        rows=rows,
        notes=(
            f"Median (range) of {args.repeats} repeats, in turn; each a new process, with the files in the system's cache after the first.",
            f"A synthetic wav of {args.seconds:g} s to four wav stems. Stems appear under their names together, when all are complete.",
        ),
    )
    publish(args, table, about, {"seconds": values, "medians": medians})
    return int(any(medians[name] > limit for name, limit in limits.items()))


if __name__ == "__main__":
    sys.exit(main())
