"""Separation as the sound comes in: the time that a hop takes on one thread, beside its own duration; delay and memory."""

import os
import sys
import time
from pathlib import Path

import numpy as np
from harness import RATE_HZ, Table, benchmark_parser, machine, positive, publish, song_blocks, verdict

from tfsep.errors import TfsepError
from tfsep.separation.live import LiveSeparator

SHARE_LIMIT = 0.25  # of a hop's duration
LATENCY_LIMIT_MS = 23.0
GROWTH_LIMIT_MB = 1.0  # the system gives memory in pages, and counts some late
WARM_HOPS = 500  # not counted: what is allocated once is allocated then


def hops(seconds: float, samples: int) -> list[np.ndarray]:
    """Return a synthetic song cut into hops; less than a hop at its end is left out."""
    song = np.concatenate(list(song_blocks(seconds)))
    return [song[start : start + samples] for start in range(0, len(song) - samples + 1, samples)]


def resident_mb() -> float | None:
    """Return the memory of this process in MB (1e6 bytes); None where the system has no /proc."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if statm.is_file() else None


def main() -> int:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument(
        "--model", required=True, type=Path, metavar="FILE", help="a streaming .tflite, as tfsep-export writes it"
    )
    parser.add_argument("--seconds", type=positive, default=60.0, metavar="S", help="length of the song")
    args = parser.parse_args()
    about = machine()
    try:
        live = LiveSeparator.load(args.model)
    except TfsepError as error:
        parser.error(str(error))
    if live.sample_rate_hz != RATE_HZ:
        parser.error(f"--model {args.model}: works at {live.sample_rate_hz} Hz, the song has {RATE_HZ} Hz")
    taken = live.contract.spec.hop_samples * live.contract.spec.frames
    song, hop_s = hops(args.seconds, taken), taken / RATE_HZ
    spent_s, spent_cpu_s = np.zeros(len(song)), np.zeros(len(song))
    for block in song[:WARM_HOPS]:
        live.process(block)
    before_mb = resident_mb()
    for index, block in enumerate(song):
        start_s, start_cpu_s = time.perf_counter(), time.thread_time()
        live.process(block)
        spent_s[index], spent_cpu_s[index] = time.perf_counter() - start_s, time.thread_time() - start_cpu_s
    after_mb = resident_mb()
    share, cpu_share = spent_s / hop_s, spent_cpu_s / hop_s
    late = int((share > 1).sum())
    latency_ms = 1000 * live.latency_samples / RATE_HZ
    found = {
        "median": float(np.median(share)),
        "99th percentile": float(np.percentile(share, 99)),
        "maximum": float(share.max()),
        "median, processor time": float(np.median(cpu_share)),
        "99th percentile, processor time": float(np.percentile(cpu_share, 99)),
        "maximum, processor time": float(cpu_share.max()),
    }
    limits = {"median": SHARE_LIMIT, "median, processor time": SHARE_LIMIT}
    rows = [
        (
            f"a hop of {1000 * hop_s:.2f} ms: {name}",
            f"{100 * value:.1f} %",
            verdict(100 * value, 100 * limits[name], at_most=True) if name in limits else "",
        )
        for name, value in found.items()
    ]
    rows.append((f"hops of {len(song)} that took longer than they last", str(late), ""))
    rows.append(
        (
            "delay, the wait for a whole hop included",
            f"{latency_ms:.2f} ms",
            verdict(latency_ms, LATENCY_LIMIT_MS, at_most=True),
        )
    )
    growth_mb = None if before_mb is None else after_mb - before_mb
    if growth_mb is not None:
        rows.append(("memory that was added", f"{growth_mb:.2f} MB", verdict(growth_mb, GROWTH_LIMIT_MB, at_most=True)))
    table = Table(
        title="Separation as the sound comes in",
        columns=("", "", "limit"),
        rows=rows,
        notes=(
            f"`LiveSeparator` in one thread, {live.contract.name}, blocks of a hop, {args.seconds:g} s of a synthetic song in stereo: "
            "transform, model, masks and inverse of all stems. Shares are of the hop's own duration.",
            "Processor time is what the thread itself took; wall-clock time also counts what else the machine did.",
        ),
    )
    publish(args, table, about, {"shares": found, "late": late, "latency_ms": latency_ms, "growth_mb": growth_mb})
    missed = found["median"] > SHARE_LIMIT or latency_ms > LATENCY_LIMIT_MS or (growth_mb or 0) > GROWTH_LIMIT_MB
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
