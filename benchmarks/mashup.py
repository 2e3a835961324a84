"""Beats, keys, alignment and stretching of `tfsep mashup` on rendered songs, whose beats, keys and drum hits are known."""

import json
import sys
import tempfile
import time
from itertools import permutations
from pathlib import Path

import numpy as np
from harness import Table, benchmark_parser, count, machine, publish, tfsep_command, verdict, write_song
from separation_memory import peak_mb

from tfsep.audio import Audio
from tfsep.creative.mashup.deck import Deck, load_deck
from tfsep.creative.mashup.key import Key, distance
from tfsep.creative.mashup.mix import bring_together
from tfsep.creative.mashup.piecewise import PiecewiseLinear
from tfsep.creative.mashup.settings import DECKS, MashupSettings
from tfsep.creative.mashup.store import StemStore
from tfsep.creative.mashup.stretch import Stretcher, Transient
from tfsep.errors import TfsepError
from tfsep.separation.separator import Separator

F1_LIMIT, ALIGNMENT_LIMIT_MS = 0.9, 15.0
FOUND_F1 = 0.8  # below that the beats of a song are not found: at double time it is 0.67
SPEED_LIMIT, MEMORY_LIMIT_MB = 5.0, 1000.0
_RATE_HZ = 44_100
_SPEEDS = (0.92, 1.08)
_HITS = ("kick", "snare")


def truth_of(song: Path) -> dict:
    return json.loads((song / "song.json").read_text("utf-8"))


def listen(song: Path, name: str, separator: Separator, folder: Path) -> Deck | None:
    """Return a song on a deck, None if it cannot be used."""
    store = StemStore(folder, MashupSettings().stems_of(name), 2)
    try:
        return load_deck(
            name,
            song / "mixture.flac",
            separator,
            store,
            sample_rate_hz=_RATE_HZ,
            hint_bpm=None,
            progress=lambda share: None,
        )
    except TfsepError as error:
        print(f"{song.name}: {error}", file=sys.stderr)
        store.close()
        return None


def score_beats(deck: Deck, truth: dict) -> dict[str, float]:
    import mir_eval

    ratio = deck.beats.bpm / truth["tempo_bpm"]
    key = Key(truth["key"], truth["mode"])
    return {
        "beat F1": mir_eval.beat.f_measure(np.array(truth["beats_s"]), deck.beats.beats_s),
        "downbeat F1": mir_eval.beat.f_measure(np.array(truth["downbeats_s"]), deck.beats.bar_lines_s()),
        "tempo within 1 %": float(abs(ratio - 1) < 0.01),
        "tempo half or double": float(min(abs(ratio - 0.5) / 0.5, abs(ratio - 2) / 2) < 0.01),
        "key exact": float(deck.key is not None and (deck.key.tonic, deck.key.mode) == (key.tonic, key.mode)),
        "key with the same notes": float(deck.key is not None and distance(deck.key, key) == 0),
        "key at most a fifth off": float(deck.key is not None and distance(deck.key, key) <= 1),
    }


def beat_errors_ms(deck: Deck, truth: dict) -> np.ndarray:
    """Return how far each beat of a deck is from the nearest true one."""
    return 1000 * np.abs(deck.beats.beats_s[:, None] - np.array(truth["beats_s"])).min(axis=1)


def score_librosa(song: Path, truth: dict) -> dict[str, float]:
    import librosa
    import mir_eval

    sound = Audio.read(song / "mixture.flac", sample_rate_hz=22_050, channels=1).samples[:, 0]
    tempo, beats_s = librosa.beat.beat_track(y=sound, sr=22_050, units="time", trim=False)
    return {
        "beat F1": mir_eval.beat.f_measure(np.array(truth["beats_s"]), beats_s),
        "tempo within 4 %": float(abs(float(np.atleast_1d(tempo)[0]) / truth["tempo_bpm"] - 1) < 0.04),
    }


def alignment_errors_ms(decks: tuple[Deck, Deck], truths: tuple[dict, dict]) -> np.ndarray | None:
    """Return how far true beats of B fall from true beats of A in the mash-up; halves of the beats of A count where B has more."""
    try:
        _, played = bring_together(decks, MashupSettings())
    except TfsepError as error:
        print(f"{decks[0].path} and {decks[1].path}: {error}", file=sys.stderr)
        return None
    placed = []
    for one, truth in zip(played, truths, strict=True):
        beats_s = np.array(truth["beats_s"])
        inside = beats_s[(beats_s >= one.beats_s[0] - 0.1) & (beats_s <= one.beats_s[-1] + 0.1)]
        placed.append(PiecewiseLinear(one.beats_s, one.output_s)(inside))
    a_s, b_s = placed
    if len(a_s) < 2 or not len(b_s):
        return None
    if np.median(np.diff(b_s)) < 0.7 * np.median(np.diff(a_s)):
        a_s = np.sort(np.concatenate([a_s, (a_s[1:] + a_s[:-1]) / 2]))
    return 1000 * np.abs(b_s[:, None] - a_s).min(axis=1)


class Whole:
    """A stem in memory, as a `StemSource`."""

    def __init__(self, samples: np.ndarray):
        self._samples, self.stems, self.channels = samples[:, None, :], 1, samples.shape[1]

    def read(self, start: int, count: int) -> np.ndarray:
        """See `StemSource`."""
        before, after = max(0, -start), max(0, start + count - len(self._samples))
        inside = self._samples[max(0, start) : max(0, start + count)]
        return np.pad(inside, ((before, after), (0, 0), (0, 0)))[:count]


def sharpness_db(samples: np.ndarray, hits_s: np.ndarray) -> float:
    """Return the median step of level at hits: of the 10 ms from the loudest rise on against the 10 ms before it."""
    power = (samples.astype(np.float64) ** 2).sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    size = _RATE_HZ // 100
    steps = []
    for hit_s in hits_s:
        at = np.arange(round((hit_s - 0.015) * _RATE_HZ), round((hit_s + 0.015) * _RATE_HZ), 22)
        at = at[(at >= size) & (at + size < len(sums))]
        if len(at):
            steps.append(np.max(10 * np.log10((sums[at + size] - sums[at] + 1e-9) / (sums[at] - sums[at - size] + 1e-9))))
    return float(np.median(steps)) if steps else np.nan


def score_stretch(song: Path, truth: dict) -> dict[str, float] | None:
    """Return the sharpness of a drum stem's kicks and snares before and after stretching, by us and by a peer."""
    hits_s = np.array(sorted({hit["time_s"] for hit in truth["hits"] if hit["drum"] in _HITS}))
    hits_s = hits_s[np.diff(hits_s, prepend=-1.0) > 0.1]
    if len(hits_s) < 8 or not (song / "drums.flac").is_file():
        return None
    drums = Audio.read(song / "drums.flac", sample_rate_hz=_RATE_HZ, channels=2).samples
    result = {"before": sharpness_db(drums, hits_s)}
    ways: dict[str, list[float]] = {"tfsep": [], "tfsep without transients": [], "python-stretch": []}
    for speed in _SPEEDS:
        samples = round(len(drums) / speed)
        to_source = PiecewiseLinear(np.array([0.0, samples]), np.array([0.0, len(drums)]))
        at = [Transient(hit_s * _RATE_HZ, 1.0) for hit_s in hits_s]
        for way, transients in (("tfsep", at), ("tfsep without transients", [])):
            blocks = Stretcher(Whole(drums), _RATE_HZ, to_source, transients).blocks(0, samples)
            ways[way].append(sharpness_db(np.concatenate(list(blocks))[:, 0], hits_s / speed))
        peer = stretched_by_peer(drums, speed)
        ways["python-stretch"].append(np.nan if peer is None else sharpness_db(peer, hits_s / speed))
    return result | {way: float(np.mean(values)) for way, values in ways.items()}


def stretched_by_peer(samples: np.ndarray, speed: float) -> np.ndarray | None:
    """Return what signalsmith-stretch makes of it, `(samples, channels)`; None if it is not installed."""
    try:
        from python_stretch import Signalsmith
    except ModuleNotFoundError:
        return None
    stretcher = Signalsmith.Stretch()
    stretcher.preset(samples.shape[1], _RATE_HZ)
    stretcher.timeFactor = speed
    return stretcher.process(np.ascontiguousarray(samples.T)).T


def whole_command(minutes: float, model: str) -> tuple[float, float]:
    """Return the speed, in times real time of the result, and the peak memory in MB of the command on two long songs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in DECKS:
            write_song(folder / f"{name}.flac", minutes * 60)
        command = [*tfsep_command(), "mashup", str(folder / "A.flac"), str(folder / "B.flac"), "--out", str(folder / "out")]
        # the songs are alike: another tempo makes both be stretched
        command += ["--model", model, "--tempo-a", "120", "--tempo-b", "120", "--bpm", "126", "--format", "flac"]
        start_s = time.perf_counter()
        peak = peak_mb(command)
        spent_s = time.perf_counter() - start_s
        made_s = Audio.read(next((folder / "out").rglob("mix.flac"))).duration_s
    return made_s / spent_s, peak


def beat_rows(beats: list[dict[str, float]], errors_ms: list[np.ndarray]) -> list[tuple[str, str, str]]:
    """Return the rows on beats, tempi and keys of the songs that could be used."""
    rows = [(f"{name}, {len(beats)} songs", f"{mean_of(beats, name):.3f}", "") for name in beats[0]]
    rows[0] = (*rows[0][:2], verdict(mean_of(beats, "beat F1"), F1_LIMIT, at_most=False))
    good = [error for score, error in zip(beats, errors_ms, strict=True) if score["beat F1"] > F1_LIMIT]
    rows.append((f"songs with a beat F1 above {F1_LIMIT}", f"{len(good)} of {len(beats)}", ""))
    if good:
        median, most = np.percentile(np.concatenate(good), [50, 95])
        rows.append(("distance of a beat from the true one, median / 95 %, in these, ms", f"{median:.1f} / {most:.1f}", ""))
    return rows


def alignment_rows(errors: list[np.ndarray], of: str) -> list[tuple[str, str, str]]:
    """Return the rows on how far beats fall from each other in mash-ups, which are `of` some songs."""
    pooled, within = np.concatenate(errors), np.mean([np.median(error) <= ALIGNMENT_LIMIT_MS for error in errors])
    median, most = np.percentile(pooled, [50, 95])
    return [
        (f"alignment error, {len(errors)} pairs of {of}: median of all beats, ms", f"{median:.1f}", ""),
        (f"alignment error, pairs of {of}: 95 % of all beats, ms", f"{most:.1f}", ""),
        (f"pairs of {of} with a median error of at most {ALIGNMENT_LIMIT_MS:g} ms", f"{within:.2f}", ""),
    ]


def mean_of(scores: list[dict[str, float]], name: str) -> float:
    return float(np.nanmean([score[name] for score in scores])) if scores else float("nan")


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR", help="folder of rendered songs")
    parser.add_argument(
        "--count", type=count, default=24, metavar="N", help="songs, spread evenly; all ordered pairs are aligned"
    )
    parser.add_argument(
        "--minutes", type=float, default=10.0, metavar="M", help="length of the songs for speed and memory; 0 for none"
    )
    args = parser.parse_args()
    folders = sorted(path.parent for path in args.songs.glob("*/song.json"))
    folders = [folders[i] for i in np.unique(np.linspace(0, len(folders) - 1, min(args.count, len(folders))).astype(int))]
    about, separator = machine(), Separator.load(args.model, threads=2)
    truths = [truth_of(folder) for folder in folders]
    with tempfile.TemporaryDirectory() as temporary:
        decks = {name: [listen(folder, name, separator, Path(temporary)) for folder in folders] for name in DECKS}
        scored = {i: score_beats(deck, truths[i]) for i, deck in enumerate(decks["B"]) if deck}
        beat_errors = [beat_errors_ms(decks["B"][i], truths[i]) for i in scored]
        errors = {
            (i, j): error
            for i, j in permutations(range(len(folders)), 2)
            if decks["A"][i]
            and decks["B"][j]
            and (error := alignment_errors_ms((decks["A"][i], decks["B"][j]), (truths[i], truths[j]))) is not None
        }
        for deck in [*decks["A"], *decks["B"]]:
            if deck:
                deck.store.close()
    peers = [score_librosa(folder, truth) for folder, truth in zip(folders, truths, strict=True)]
    stretches = [score for folder, truth in zip(folders, truths, strict=True) if (score := score_stretch(folder, truth))]
    beats = list(scored.values())
    rows = beat_rows(beats, beat_errors)
    rows += [(f"librosa: {name}", f"{mean_of(peers, name):.3f}", "") for name in peers[0]]
    peers_good = sum(score["beat F1"] > F1_LIMIT for score in peers)
    rows.append((f"librosa: songs with a beat F1 above {F1_LIMIT}", f"{peers_good} of {len(peers)}", ""))
    found = {i for i, score in scored.items() if score["beat F1"] >= FOUND_F1}
    of_found = [error for pair, error in errors.items() if found.issuperset(pair)]
    whole_ms = float(np.median(np.concatenate(list(errors.values()))))
    alignment = alignment_rows(list(errors.values()), "all songs")
    rows.append((*alignment[0][:2], verdict(whole_ms, ALIGNMENT_LIMIT_MS, at_most=True)))
    rows += alignment[1:]
    rows += alignment_rows(of_found, f"the {len(found)} songs with a beat F1 of {FOUND_F1} and more") if of_found else []
    rows += [
        (f"step at kicks and snares, {name}, dB", f"{mean_of(stretches, name):.1f}", "") for name in (stretches or [{}])[0]
    ]
    values = {
        "beats": beats,
        "librosa": peers,
        "alignment_ms": whole_ms,
        "pairs": [[folders[i].name, folders[j].name, float(np.median(error))] for (i, j), error in errors.items()],
        "stretch": stretches,
    }
    met = mean_of(beats, "beat F1") >= F1_LIMIT and whole_ms <= ALIGNMENT_LIMIT_MS
    if args.minutes:
        speed, peak = whole_command(args.minutes, args.model)
        rows.append((f"{args.minutes:g} min, times real time", f"{speed:.1f}", verdict(speed, SPEED_LIMIT, at_most=False)))
        rows.append((f"{args.minutes:g} min, peak MB", f"{peak:.0f}", verdict(peak, MEMORY_LIMIT_MB, at_most=True)))
        values |= {"times_real_time": speed, "peak_mb": peak}
        met = met and speed >= SPEED_LIMIT and peak <= MEMORY_LIMIT_MB
    notes = (
        "Songs are heard as mixtures and taken apart by the model; beats count as found within 70 ms.",
        f"Drum stems were stretched to speeds {' and '.join(map(str, _SPEEDS))}.",
    )
    publish(args, Table(title="Mash-ups", columns=("", "value", "limit"), rows=rows, notes=notes), about, values)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
