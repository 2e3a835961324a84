"""What the benchmarks share: the command under test, a synthetic song, the machine, and how results are published."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RATE_HZ = 44_100
_BARS = 8  # different seconds of music that the synthetic song is put together from


@dataclass(frozen=True, kw_only=True)
class Table:
    """A result to be read: `rows` of text under `columns`, `notes` that say how it was measured."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"### {self.title}", "", "| " + " | ".join(self.columns) + " |"]
        lines.append("|" + "|".join("---" if column == 0 else "---:" for column in range(len(self.columns))) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"


def benchmark_parser(description: str, *, model: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options that the benchmarks share.

    Args:
        model: whether the benchmark runs a model.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    if model:
        parser.add_argument("--model", default="default", metavar="M", help="name, .tflite file or folder of a model")
    parser.add_argument("--json", type=Path, metavar="F", help="also write the numbers to this file")
    parser.add_argument("--markdown", type=Path, metavar="F", help="also write the table to this file")
    return parser


def experiment_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of the benchmarks that train models on rendered songs and score them."""
    parser = benchmark_parser(description, model=False)
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR", help="songs from tfsep render, to learn from")
    parser.add_argument("--real", type=Path, nargs="*", default=[], metavar="SONG", help="real multitracks to score as well")
    parser.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="where runs and scores lie; done ones are not repeated"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded songs are kept, else WORK/cache")
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="runs of each model")
    return parser


def positive(text: str) -> float:
    """Read an option's number above 0. Raises: argparse.ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: use a number above 0")
    return value


def count(text: str) -> int:
    """Read an option's whole number of 1 or more. Raises: argparse.ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: use a whole number of 1 or more")
    return int(text)


def machine() -> dict[str, Any]:
    """Return what the numbers depend on; call it before measuring, as `load` tells whether anything else was running."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")] if (
        cpuinfo.is_file()
    ) else []  # fmt: skip
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "tfsep": version("tfsep"),
        "numpy": np.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def publish(args: argparse.Namespace, table: Table, about: dict[str, Any], values: dict[str, Any]) -> None:
    """Print the table, and write it and the numbers to the files that `args` asks for.

    Args:
        about: from `machine`.
        values: JSON values.
    """
    line = "{cpu}, {cores} cores, {system}, Python {python}, tfsep {tfsep}; load before the run {load}; {date}".format(**about)
    text = Table(title=table.title, columns=table.columns, rows=table.rows, notes=(*table.notes, line)).markdown()
    print(text, end="")
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")
    if args.json:
        args.json.write_text(
            json.dumps({"benchmark": table.title, "machine": about, **values}, indent=2) + "\n", encoding="utf-8"
        )


def verdict(value: float, limit: float, *, at_most: bool) -> str:
    """Return a limit and whether it is met, for a table."""
    met = value <= limit if at_most else value >= limit
    return f"{'at most' if at_most else 'at least'} {limit:g}: {'met' if met else 'missed'}"


def spread(values: Sequence[float], digits: int) -> str:
    """Return median and range, for a table."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def tfsep_command() -> list[str]:
    """Return the installed `tfsep` of this Python. Raises: SystemExit if there is none."""
    script = Path(sys.executable).with_name("tfsep")
    if not script.is_file():
        raise SystemExit(f"{script}: tfsep is not installed for this Python: run  pip install -e '.[dev]'  in the checkout")
    return [str(script)]


def timed_run(command: Sequence[str]) -> float:
    """Return the seconds that a command took. Raises: SystemExit with its last words if it failed."""
    start_s = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    spent_s = time.perf_counter() - start_s
    check(command, done.returncode, done.stderr)
    return spent_s


def check(command: Sequence[str], code: int, said: str) -> None:
    """Raise SystemExit with what a command said if its exit code is not 0."""
    if code:
        raise SystemExit(f"{' '.join(command)}\nfailed with exit code {code}: {said.strip()[-2000:]}")


def song_blocks(seconds: float, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield a synthetic song: drum-like bursts of noise, a bass tone and a chord, a little noise all over.

    Yields: float32 `(samples, 2)` at `RATE_HZ`, a second each, the last one shorter.
    """
    rng = np.random.default_rng(seed)
    time_s = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    bars = []
    for _ in range(_BARS):
        since_hit_s = np.mod(time_s, 0.25)
        burst = rng.standard_normal((RATE_HZ, 2)).astype(np.float32) * np.exp(-40 * since_hit_s)[:, None]
        root_hz = 55 * 2 ** (rng.integers(0, 12) / 12)
        tones = sum(
            level * np.sin(2 * np.pi * root_hz * ratio * time_s + rng.uniform(0, 6))
            for ratio, level in ((1, 0.2), (4, 0.06), (5, 0.05), (6, 0.05))
        )
        noise = rng.standard_normal((RATE_HZ, 2)) * 0.003
        bars.append((0.12 * burst + tones[:, None] * rng.uniform(0.7, 1, 2) + noise).astype(np.float32))
    left = round(seconds * RATE_HZ)
    while left > 0:
        yield bars[rng.integers(_BARS)][:left]
        left -= RATE_HZ


def write_song(path: Path, seconds: float, seed: int = 0) -> None:
    """Write a synthetic song, 16-bit stereo at `RATE_HZ`, in blocks."""
    from tfsep.audio import open_writer

    with open_writer(path, sample_rate_hz=RATE_HZ, channels=2, subtype="pcm_16") as writer:
        for block in song_blocks(seconds, seed):
            writer.write(block)
