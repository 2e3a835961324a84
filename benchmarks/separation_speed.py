"""Speed of separation: tfsep beside demucs and openunmix, the same song, the same cores, in one run."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from harness import (
    RATE_HZ,
    Table,
    benchmark_parser,
    count,
    machine,
    positive,
    publish,
    song_blocks,
    tfsep_command,
    timed_run,
    verdict,
)

if TYPE_CHECKING:
    from tfsep.separation.separator import Separator

PEERS = ("htdemucs", "umxl", "umxhq")
LIMIT = 20.0  # times as fast as each peer
PAUSE_S = 0.5  # lets the threads of the one measured before go to sleep


class Peer:
    """A peer's process, which waits without using the processor until it is asked."""

    def __init__(self, name: str, python: str, threads: int, song: Path):
        worker = str(Path(__file__).with_name("peer_worker.py"))
        self.name = name
        self._process = subprocess.Popen(
            [python, worker, name, str(threads), str(song)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        described = self._answer()
        self.about, self.parameters = described["about"], described["parameters"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()

    def run(self) -> float:
        """Return the seconds that one separation took."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()["seconds"]

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: its process ended with exit code {self._process.wait()}; its words are above")
        return json.loads(line)


def parse() -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--song", type=Path, metavar="FILE", help="song to separate, else a synthetic one")
    parser.add_argument("--seconds", type=positive, default=60.0, metavar="S", help="of the song, from its start")
    parser.add_argument(
        "--peers-python", metavar="PY", help="Python of the environment with demucs and openunmix, else tfsep alone"
    )
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=["htdemucs", "umxl"], help="which peers")
    parser.add_argument("--threads", type=count, default=2, metavar="N", help="for each; all are bound to as many cores")
    parser.add_argument("--repeats", type=count, default=3, metavar="N", help="of each, in turn")
    args = parser.parse_args()
    if args.peers_python and not Path(args.peers_python).is_file():
        parser.error(f"--peers-python {args.peers_python}: there is no such file; benchmarks/README.md says how to make it")
    if args.song and not args.song.is_file():
        parser.error(f"--song {args.song}: there is no such file")
    return args


def bind(cores: int) -> str:
    """Keep this process and those that it starts to `cores` cores, where the system can; return a note on it."""
    if not hasattr(os, "sched_setaffinity"):
        return f"Not bound to {cores} cores (this system has no way to): threads besides the model's may have used others."
    available = sorted(os.sched_getaffinity(0))
    if len(available) < cores:
        raise SystemExit(f"--threads {cores}: only {len(available)} cores are available: use at most {len(available)}")
    os.sched_setaffinity(0, available[:cores])
    return f"All processes bound to the same {cores} cores; tfsep and the peers with {cores} threads each."


def read_song(args: argparse.Namespace) -> np.ndarray:
    """Return float32 `(samples, 2)` at `RATE_HZ`."""
    from tfsep.audio import Audio
    from tfsep.errors import TfsepError

    if not args.song:
        return np.concatenate(list(song_blocks(args.seconds)))
    try:
        return Audio.read(args.song, sample_rate_hz=RATE_HZ, channels=2).samples[: round(args.seconds * RATE_HZ)]
    except TfsepError as error:
        raise SystemExit(f"--song {error}") from None


def load(args: argparse.Namespace) -> "Separator":
    """Return the loaded model. Raises: SystemExit if there is none."""
    from tfsep.errors import TfsepError
    from tfsep.separation.separator import Separator

    try:
        return Separator.load(args.model, threads=args.threads)
    except TfsepError as error:
        raise SystemExit(f"--model: {error}") from None


def measure(
    args: argparse.Namespace, folder: Path, samples: np.ndarray, separator: "Separator", peers: list[Peer]
) -> dict[str, list[float]]:
    """Return the seconds of each, one after the other in each repeat, so that a slow spell of the machine hits all."""
    from tfsep.audio import Audio

    song, wav = Audio(samples, RATE_HZ), folder / "song.wav"
    song.write(wav, subtype="pcm_16")
    options = ["--out", str(folder / "stems"), "--model", args.model, "--threads", str(args.threads), "--overwrite"]
    command = [*tfsep_command(), "separate", str(wav), *options]

    def in_process() -> float:
        start_s = time.perf_counter()
        separator.separate(song)
        return time.perf_counter() - start_s

    runs: dict[str, Callable[[], float]] = {"command": lambda: timed_run(command), "in process": in_process}
    runs |= {peer.name: peer.run for peer in peers}
    separator.separate(Audio(samples[: 10 * RATE_HZ], RATE_HZ))  # warm, as the peers are
    spent_s: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, run in runs.items():
            time.sleep(PAUSE_S)
            spent_s[name].append(run())
            print(f"{name}: {spent_s[name][-1]:.2f} s", file=sys.stderr)
    return spent_s


def main() -> int:
    args = parse()
    about, bound = machine(), bind(args.threads)
    samples, separator = read_song(args), load(args)
    song_s = len(samples) / RATE_HZ
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        peer_song = folder / "song.npy"
        np.save(peer_song, np.ascontiguousarray(samples.T))
        with ExitStack() as stack:
            names = args.peers if args.peers_python else []
            started = (Peer(name, args.peers_python, args.threads, peer_song) for name in names)
            peers = [stack.enter_context(peer) for peer in started]  # each is warm before the next one starts
            spent_s = measure(args, folder, samples, separator, peers)
    speed = {name: song_s / statistics.median(values) for name, values in spent_s.items()}
    rows, ratios = [], {}
    labels = {"command": "`tfsep separate`, whole command", "in process": "`tfsep.Separator`, in process"}
    for name, values in spent_s.items():
        ratio = {way: speed[way] / speed[name] for way in labels} if name not in labels else {}
        ratios |= {name: ratio} if ratio else {}
        cells = [f"{ratio[way]:.1f} ({verdict(ratio[way], LIMIT, at_most=False)})" if ratio else "" for way in labels]
        seconds = f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        rows.append((labels.get(name, name), seconds, f"{speed[name]:.2f}", *cells))
    notes = [
        f"{'A recording' if args.song else 'A synthetic song'} of {song_s:.0f} s, 44.1 kHz stereo, to four stems; median (range) of "
        f"{args.repeats} repeats, in turn. {bound}",
        "The command starts a process, loads the model, decodes a wav file and writes four. In process is what the peers do: "
        "model loaded and warm, samples in, stems out in memory; against the command that favours the peers.",
        "Peers have random weights, which cost what trained ones do.",
        *(f"{peer.name}: {peer.about}; {peer.parameters / 1e6:.1f} M parameters." for peer in peers),
    ]
    columns = ("", "seconds", "audio s per s", "`tfsep separate` is faster by", "`Separator` is faster by")
    table = Table(title="Speed of separation", columns=columns, rows=rows, notes=tuple(notes))
    publish(
        args, table, about, {"song_s": song_s, "threads": args.threads, "seconds": spent_s, "speed": speed, "ratios": ratios}
    )
    return int(any(ratio["command"] < LIMIT for ratio in ratios.values()))


if __name__ == "__main__":
    sys.exit(main())
