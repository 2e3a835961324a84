"""Drums separated, and then played anew: how near each is to the clean stem, on rendered songs. Needs no extra."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from harness import Table, benchmark_parser, machine, publish

from tfsep.audio import Audio
from tfsep.creative.drums.hits import CLASSES, Hit, in_order
from tfsep.creative.drums.replace import ReplacementCount, chooser, replace_hits
from tfsep.creative.drums.song_kit import HeldStem, song_kit
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.data.rendered_hits import RenderedSong, read_rendered_songs
from tfsep.separation.locate import find_contract
from tfsep.separation.router_table import find_table
from tfsep.separation.separator import Separator

AMOUNTS = (0.3, 0.6, 1.0)
HIGH_HZ = 5000.0
FLOOR_DB = -60.0  # under the loudest bin, or the loudest 10 ms, of the clean stem
WINDOW_S = 0.01  # before and after an onset, whose levels are compared


def true_hits(song: RenderedSong) -> list[Hit]:
    """Return the hits that the renderer played."""
    table = song.hits
    return in_order([Hit(t, CLASSES[c], v) for t, c, v in zip(table.times_s, table.classes, table.velocities, strict=True)])


def heard_hits(stem: Audio, transcriber: DrumTranscriber) -> list[Hit]:
    """Return the hits that the transcriber finds in a stem."""
    stream = transcriber.stream(stem.sample_rate_hz)
    return in_order([*stream.push(stem.samples), *stream.finish()])


def sdr_db(clean: np.ndarray, found: np.ndarray) -> float:
    """Return 10 log10 of the energy of the clean stem over that of the difference."""
    return 10 * float(np.log10(np.sum(clean**2, dtype=np.float64) / max(np.sum((clean - found) ** 2, dtype=np.float64), 1e-12)))


def levels_db(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Return the spectrum above `HIGH_HZ` in dB, mono, `(frames, bins)`."""
    mono = np.pad(sound.mean(axis=1), 1024)
    frames = np.lib.stride_tricks.sliding_window_view(mono, 2048)[::512] * np.hanning(2048).astype(np.float32)
    first = int(HIGH_HZ / rate_hz * 2048)
    return 20 * np.log10(np.maximum(np.abs(np.fft.rfft(frames)[:, first:]), 1e-9))


def high_distance_db(clean: np.ndarray, found: np.ndarray, rate_hz: int) -> float:
    """Return the mean distance of the spectra above `HIGH_HZ` where either is above the floor."""
    one, other = levels_db(clean, rate_hz), levels_db(found, rate_hz)
    floor = one.max() + FLOOR_DB
    there = (one > floor) | (other > floor)
    return float(np.abs(np.maximum(one, floor) - np.maximum(other, floor))[there].mean())


def rises_db(sound: np.ndarray, hits: list[Hit], rate_hz: int, floor: float) -> np.ndarray:
    """Return by how much the emphasised level rises at each hit, dB, where it is above a floor."""
    power = np.diff(sound.mean(axis=1), prepend=0) ** 2
    sums = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    width = round(WINDOW_S * rate_hz)
    at = np.array([round(hit.time_s * rate_hz) for hit in hits])
    at = at[(at > width) & (at < len(sound) - width)]
    return 10 * np.log10((sums[at + width] - sums[at] + floor) / (sums[at] - sums[at - width] + floor))


def loudest(sound: np.ndarray, rate_hz: int) -> float:
    """Return the greatest emphasised energy of `WINDOW_S`."""
    sums = np.cumsum(np.diff(sound.mean(axis=1), prepend=0) ** 2, dtype=np.float64)
    width = round(WINDOW_S * rate_hz)
    return float((sums[width:] - sums[:-width]).max())


def scores(clean: np.ndarray, found: np.ndarray, hits: list[Hit], rate_hz: int) -> dict[str, float]:
    """Return all measures of one stem."""
    floor = loudest(clean, rate_hz) * 10 ** (FLOOR_DB / 10)
    wanted, is_there = (rises_db(sound, hits, rate_hz, floor) for sound in (clean, found))
    return {
        "sdr_db": sdr_db(clean, found),
        "high_distance_db": high_distance_db(clean, found, rate_hz),
        "rise_error_db": float(np.abs(is_there - wanted).mean()),
        "rise_lost_db": float((wanted - is_there).mean()),
    }


def separated(song: Path, kept: Path | None, separator: Separator, model: str) -> Audio:
    """Return the drums that `separator`, which is `model`, takes out of a song; from the folder `kept` if they are there."""
    mixture = song / "mixture.flac"
    path = kept / f"{song.name}.{_key(mixture, separator, model)}.wav" if kept else None
    if path and path.is_file():
        return Audio.read(path, channels=2)
    drums = separator.separate(Audio.read(mixture, channels=2), ["drums"])["drums"]
    if path:
        kept.mkdir(parents=True, exist_ok=True)
        drums.write(path, "float32")
    return drums


def _key(mixture: Path, separator: Separator, model: str) -> str:
    """Return what tells the drums of a mixture by a model from others: the mixture's file, and the model's with its description."""
    files = [path.resolve() for path in (mixture, find_table(model) or find_contract(model)[0])]
    stamps = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    described = json.dumps([separator.contract.to_json(), stamps], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR", help="folder of rendered songs")
    parser.add_argument(
        "--replace", nargs="+", default=["generated", "nearest"], metavar="WHAT", help="or folders of one-shots"
    )
    parser.add_argument("--stems", type=Path, metavar="DIR", help="where separated drums are kept from run to run")
    parser.add_argument("--transcribe", action="store_true", help="play the hits that the transcriber finds, not the true ones")
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="songs at most")
    args = parser.parse_args()
    about, separator = machine(), Separator.load(args.model)
    transcriber = DrumTranscriber.load() if args.transcribe else None
    songs, _ = read_rendered_songs(args.songs)
    found: dict[str, list[dict[str, float]]] = {}
    counts = {what: ReplacementCount() for what in args.replace}
    for song in songs[: args.limit]:
        hits = true_hits(song)
        if not hits:
            continue
        clean = Audio.read(song.folder / "drums.flac", channels=2)
        stem = separated(song.folder, args.stems, separator, args.model)
        played = heard_hits(stem, transcriber) if transcriber else hits
        rate_hz, held = clean.sample_rate_hz, HeldStem(stem.samples, stem.sample_rate_hz)
        found.setdefault("separated", []).append(scores(clean.samples, stem.samples, hits, rate_hz))
        for what in args.replace:
            choose, _ = chooser(what, rate_hz)
            kit = song_kit(held, played, choose)
            whole = np.concatenate(list(replace_hits(held, played, kit, 1.0, count=counts[what])))
            for amount in AMOUNTS:
                mixed = stem.samples + amount * (whole - stem.samples)
                found.setdefault(f"{what} {amount:g}", []).append(scores(clean.samples, mixed, hits, rate_hz))
        print(song.name, {name: {k: round(v, 2) for k, v in each[-1].items()} for name, each in found.items()}, file=sys.stderr)
    means = {name: {key: float(np.mean([each[key] for each in values])) for key in values[0]} for name, values in found.items()}
    rows = [
        (name, *(f"{mean[key]:.2f}" for key in ("sdr_db", "high_distance_db", "rise_error_db", "rise_lost_db")))
        for name, mean in means.items()
    ]
    notes = [
        f"{what}: {each.replaced} hits played anew, {each.badly_fitted} kept for a bad fit, {each.without_sample} without a sample"
        for what, each in counts.items()
    ]
    columns = ("drums", "SDR dB", "distance above 5 kHz, dB", "onset rise, error dB", "onset rise lost, dB")
    title = f"Drums played anew, {len(found['separated'])} rendered songs, {'transcribed' if transcriber else 'true'} hits"
    publish(args, Table(title=title, columns=columns, rows=rows, notes=tuple(notes)), about, {"songs": found, "means": means})
    return 0


if __name__ == "__main__":
    sys.exit(main())
