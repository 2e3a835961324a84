"""`tfsep enhance` on songs it was not trained on: log-spectral distance by cutoff and codec, stems, speed and memory."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from enhance_controls import ReplicationRuntime
from harness import Table, benchmark_parser, count, machine, positive, publish, song_blocks, tfsep_command, verdict
from separation_memory import peak_mb

from tfsep.audio import Audio, Resampler, open_writer
from tfsep.creative.enhance import Enhancer
from tfsep.creative.enhance.degrade import Degradation
from tfsep.creative.enhance.distance import log_spectral_distance_db
from tfsep.creative.enhance.stems import EnhancingSeparator
from tfsep.data.cache import CachedTrack
from tfsep.data.loading import load_tracks
from tfsep.data.registry import open_source
from tfsep.evaluation.metrics import ScoreAccumulator
from tfsep.separation.separator import Separator

RATE_HZ = 44_100
NARROW_HZ = 16_000  # sample rate of the song whose cost is measured
CONDITIONS = (
    *(Degradation("brickwall", hz) for hz in (4000.0, 8000.0, 11_000.0, 16_000.0)),
    Degradation("8-bit", 4000.0),
    Degradation("mp3", 64_000.0),
    Degradation("mp3", 96_000.0),
    Degradation("aac", 64_000.0),
)
STEMS_FROM_HZ = 5000.0
SPEED_LIMIT, MEMORY_LIMIT_MB = 5.0, 1000.0


def excerpts(tracks: Sequence[CachedTrack], seconds: float) -> list[dict[str, np.ndarray]]:
    """Return the middle of each track, by stem, float32 `(samples, channels)`."""
    result = []
    for track in tracks:
        samples = min(track.length, round(seconds * RATE_HZ))
        start = (track.length - samples) // 2
        result.append({stem: track.read(stem, track.stems, start, samples) for stem in track.stems})
    return result


def conditions_table(songs: list[np.ndarray], ways: dict[str, Enhancer]) -> tuple[list[tuple[str, ...]], dict]:
    """Return a row for each condition: the distance of all bins, and of those above the cutoff, of the input and of each way."""
    rows, values = [], {}
    for condition in CONDITIONS:
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ("input", *ways)}
        missed = 0
        for song in songs:
            narrow = Audio(condition.apply(song, RATE_HZ), RATE_HZ)
            some = next(iter(ways.values()))
            bandwidth = some.bandwidth(narrow)
            if not some.restorable(bandwidth):
                missed += 1
                continue
            for name, estimate in (
                ("input", narrow),
                *((name, way.enhance(narrow, cutoff_hz=bandwidth.cutoff_hz)) for name, way in ways.items()),
            ):
                whole, high = (
                    log_spectral_distance_db(song, estimate.samples, some.contract.spec, from_hz=from_hz)
                    for from_hz in (0.0, bandwidth.cutoff_hz)
                )
                if whole is not None:
                    found[name].append((whole, high))
        unit = "Hz" if condition.amount < 20_000 else "bit/s"
        title = f"{condition.kind} {condition.amount:g} {unit}"
        means = {
            name: np.mean(pairs, axis=0).round(2).tolist() if pairs else [float("nan")] * 2 for name, pairs in found.items()
        }
        values[title] = {"missed": missed, **means}
        print(title, values[title], file=sys.stderr, flush=True)
        cells = [f"{means[name][which]:.2f}" for which in (0, 1) for name in found]
        rows.append((title, str(len(songs) - missed), *cells))
    return rows, values


def stems_table(songs: list[dict[str, np.ndarray]], model: str, enhancer: Enhancer) -> tuple[list[tuple[str, ...]], dict]:
    """Return a row for each stem: distance above 5 kHz and SDR, as separated and enhanced."""
    plain = Separator.load(model)
    enhancing, residual = EnhancingSeparator(plain, enhancer), plain.residual_stem
    scores: dict[str, list[tuple[float, ...]]] = {}
    for song in songs:
        mixture = Audio(np.sum(list(song.values()), axis=0), RATE_HZ)
        found = [separator.separate(mixture) for separator in (plain, enhancing)]
        for stem, true in song.items():
            if stem == residual or stem not in plain.stems:
                continue
            pair: list[float | None] = []
            for separated in found:
                estimate, sums = separated[stem].samples, ScoreAccumulator()
                sums.add(true, estimate)
                spec = enhancer.contract.spec
                pair += [log_spectral_distance_db(true, estimate, spec, from_hz=STEMS_FROM_HZ), sums.sdr_db]
            if None not in pair:
                scores.setdefault(stem, []).append(tuple(pair))
    rows, values = [], {}
    for stem, each in sorted(scores.items()):
        values[stem] = np.mean(each, axis=0).round(3).tolist()
        distance, sdr, enhanced_distance, enhanced_sdr = values[stem]
        rows.append((stem, str(len(each)), *(f"{value:.2f}" for value in (distance, enhanced_distance, sdr, enhanced_sdr))))
    return rows, values


def cost(model: str, minutes: float) -> tuple[float, float]:
    """Return seconds of sound a second, and the peak memory in MB, of `tfsep enhance` on a synthetic song that ends at 8 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write_narrow_song(song, minutes * 60)
        command = [*tfsep_command(), "enhance", str(song), "--model", model]
        start_s = time.perf_counter()
        peak = peak_mb(command)
        return minutes * 60 / (time.perf_counter() - start_s), peak


def write_narrow_song(path: Path, seconds: float) -> None:
    down, up = Resampler(RATE_HZ, NARROW_HZ, 2), Resampler(NARROW_HZ, RATE_HZ, 2)
    with open_writer(path, sample_rate_hz=RATE_HZ, channels=2, subtype="pcm_16") as writer:
        for block in song_blocks(seconds):
            writer.write(up.process(down.process(block)))
        writer.write(up.process(down.flush()))
        writer.write(up.flush())


def read(sources: Sequence[str], names: Sequence[str], cache: Path, most: int) -> list[CachedTrack]:
    tracks = [
        track
        for text in sources
        for track in load_tracks(open_source(text), cache, sample_rate_hz=RATE_HZ, channels=2).tracks
        if not names or track.name in names
    ]
    return tracks[:most]


def parser() -> argparse.ArgumentParser:
    result = benchmark_parser(__doc__)
    result.add_argument("--network", default="enhance", metavar="M", help="as --model of tfsep enhance")
    result.add_argument("--songs", nargs="*", default=[], metavar="[KIND:]DIR", help="songs never trained on")
    result.add_argument("--only", nargs="*", default=[], metavar="SONG", help="names of songs to take")
    result.add_argument("--most", type=count, default=100, metavar="N", help="songs")
    result.add_argument("--seconds", type=positive, default=10.0, metavar="S", help="of the middle of each song")
    result.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "tfsep", metavar="DIR", help="decoded audio")
    result.add_argument("--minutes", type=positive, default=10.0, metavar="M", help="of the song for speed and memory")
    result.add_argument("--part", choices=("sound", "stems", "cost"), required=True, help="what to measure")
    return result


def sound(args: argparse.Namespace) -> tuple[Table, dict]:
    tracks = read(args.songs, args.only, args.cache, args.most)
    songs = [np.sum(list(stems.values()), axis=0) for stems in excerpts(tracks, args.seconds)]
    network = Enhancer.load(args.network)
    ways = {"replication": Enhancer(ReplicationRuntime(network.contract)), "network": network}
    rows, values = conditions_table(songs, ways)
    columns = ("", "songs", *(f"{what}, {name}" for what in ("all", "above") for name in ("input", *ways)))
    notes = (
        f"Log-spectral distance in dB, of all bins and of those above the cutoff that was found; {args.seconds:g} s of each of "
        f"{len(songs)} songs. Songs in which no cutoff was found are left as they are, and out of the means.",
    )
    return Table(title="Super-resolution", columns=columns, rows=rows, notes=notes), values


def stems(args: argparse.Namespace) -> tuple[Table, dict]:
    songs = excerpts(read(args.songs, args.only, args.cache, args.most), args.seconds)
    rows, values = stems_table(songs, args.model, Enhancer.load(args.network))
    columns = ("", "songs", "distance", "distance, enhanced", "SDR", "SDR, enhanced")
    notes = (f"Log-spectral distance above {STEMS_FROM_HZ:g} Hz and SDR, in dB; {args.seconds:g} s of each song.",)
    return Table(title="Stems with and without --enhance", columns=columns, rows=rows, notes=notes), values


def costs(args: argparse.Namespace) -> tuple[Table, dict]:
    speed, peak = cost(args.network, args.minutes)
    rows = [
        ("audio s per s", f"{speed:.1f}", verdict(speed, SPEED_LIMIT, at_most=False)),
        ("peak memory, MB", f"{peak:.0f}", verdict(peak, MEMORY_LIMIT_MB, at_most=True)),
    ]
    notes = (
        f"`tfsep enhance` with 2 threads on a stereo wav of {args.minutes:g} min that ends at 8 kHz, finding that included.",
    )
    table = Table(title="What tfsep enhance costs", columns=("", "found", "limit"), rows=rows, notes=notes)
    return table, {"speed": speed, "peak_mb": peak}


PARTS: dict[str, Callable[[argparse.Namespace], tuple[Table, dict]]] = {"sound": sound, "stems": stems, "cost": costs}


def main() -> int:
    args = parser().parse_args()
    about = machine()
    table, values = PARTS[args.part](args)
    publish(args, table, about, values)
    return int(values.get("speed", SPEED_LIMIT) < SPEED_LIMIT or values.get("peak_mb", 0.0) > MEMORY_LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
