"""Drum hits found by `tfsep drums`: F1 on rendered songs, whose hits are known, and on real drum stems; speed and memory."""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from harness import Table, benchmark_parser, machine, publish, tfsep_command, verdict, write_song
from separation_memory import peak_mb

from tfsep.audio import Audio
from tfsep.creative.drums.hits import CLASSES, Hit
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.data.rendered_hits import HitTable, RenderedSong, read_rendered_songs
from tfsep.evaluation.drums import onset_times
from tfsep.separation.separator import Separator
from tfsep.training.drum_scores import merged

WINDOWS_S = (0.05, 0.01)
ONSET_LIMIT, LOSS_LIMIT = 0.95, 0.1
CLASS_LIMITS = {"kick": 0.85, "snare": 0.85, "closed_hat": 0.7, "open_hat": 0.7, "cymbal": 0.7}
SPEED_LIMIT, MEMORY_LIMIT_MB = 5.0, 1000.0
ONSETS = "onsets"
Times = dict[str, np.ndarray]  # of each class, and of all of them as `ONSETS`


@dataclass
class Tally:
    """Matched, found and true hits by (what, window), over songs."""

    counts: dict[tuple[str, float], np.ndarray] = field(default_factory=dict)

    def add(self, truth: Times, found: Times) -> None:
        """Match the hits of a song as mir_eval does."""
        from mir_eval.util import match_events

        for what in truth:
            for window_s in WINDOWS_S:
                right = len(match_events(truth[what], found[what], window_s)) if len(truth[what]) and len(found[what]) else 0
                row = np.array([right, len(found[what]), len(truth[what])])
                self.counts[what, window_s] = self.counts.get((what, window_s), 0) + row

    def f1(self, what: str, window_s: float) -> float:
        """Return the F-measure over all songs."""
        right, found, true = self.counts[what, window_s]
        return float(2 * right / (found + true)) if found + true else float("nan")

    def to_json(self) -> dict[str, dict[str, float]]:
        """Return F1 and counts as JSON values."""
        return {
            f"{what} {1000 * window_s:g} ms": dict(
                zip(("f1", "right", "found", "true"), (self.f1(what, window_s), *map(int, row)), strict=True)
            )
            for (what, window_s), row in self.counts.items()
        }


def times_of_table(hits: HitTable) -> Times:
    return {ONSETS: merged(hits.times_s)} | {drum: merged(hits.of_class(i)) for i, drum in enumerate(CLASSES)}


def times_of_hits(hits: list[Hit]) -> Times:
    by_class = {drum: merged(np.array([hit.time_s for hit in hits if hit.drum == drum])) for drum in CLASSES}
    return {ONSETS: merged(np.array([hit.time_s for hit in hits]))} | by_class


def by_librosa(drums: Audio) -> Times:
    return {ONSETS: merged(onset_times(drums.samples, drums.sample_rate_hz))}


def velocity_pairs(hits: list[Hit], truth: HitTable) -> tuple[np.ndarray, np.ndarray]:
    """Return found and true velocities of hits of one class within 50 ms."""
    pairs = []
    for hit in hits:
        same = np.flatnonzero(truth.classes == CLASSES.index(hit.drum))
        if len(same):
            nearest = same[np.abs(truth.times_s[same] - hit.time_s).argmin()]
            if abs(truth.times_s[nearest] - hit.time_s) <= WINDOWS_S[0]:
                pairs.append((hit.velocity, truth.velocities[nearest]))
    return tuple(np.array(pairs).reshape(-1, 2).T)


def score_rendered(
    songs: list[RenderedSong], stem_of: Callable[[RenderedSong], Audio], transcriber: DrumTranscriber
) -> tuple[Tally, Tally, float]:
    """Return the counts of tfsep and of librosa over songs, and the correlation of velocities."""
    ours, peer, pairs = Tally(), Tally(), []
    for song in songs:
        drums, truth = stem_of(song), times_of_table(song.hits)
        hits = transcriber.transcribe(drums)
        ours.add(truth, times_of_hits(hits))
        peer.add({ONSETS: truth[ONSETS]}, by_librosa(drums))
        pairs.append(velocity_pairs(hits, song.hits))
        print(f"{song.name}: {len(hits)} hits of {len(song.hits.times_s)}", file=sys.stderr)
    found, true = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return ours, peer, float(np.corrcoef(found, true)[0, 1])


def separated(mixture: Audio, separator: Separator) -> Audio:
    return separator.separate(mixture, ["drums"])["drums"]


def score_real(folder: Path, separator: Separator, transcriber: DrumTranscriber) -> dict[str, float]:
    """Return F1 within 50 and 10 ms of hits in the drums separated from a song against what is found in its true drum stem."""
    stems = [Audio.read(path, sample_rate_hz=44_100, channels=2) for path in sorted(folder.glob("*.ogg"))]
    length = min(len(stem.samples) for stem in stems)
    clean = Audio.read(folder / "drums.ogg", sample_rate_hz=44_100, channels=2)
    taken = separated(Audio(sum(stem.samples[:length] for stem in stems), 44_100), separator)
    in_clean, in_taken = transcriber.transcribe(clean), transcriber.transcribe(taken)
    clean_librosa = by_librosa(clean)
    result = {}
    for name, reference, found in (
        ("clean stem, against librosa on it", clean_librosa, times_of_hits(in_clean)),
        ("separated, against librosa on the clean stem", clean_librosa, times_of_hits(in_taken)),
        ("librosa on separated, against librosa on the clean stem", clean_librosa, by_librosa(taken)),
        ("separated, against tfsep on the clean stem", times_of_hits(in_clean), times_of_hits(in_taken)),
    ):
        tally = Tally()
        tally.add(reference, found)
        result |= {f"{name}: {what} {1000 * window_s:g} ms": tally.f1(what, window_s) for what, window_s in tally.counts}
    return result


def whole_command(minutes: float, model: str) -> tuple[float, float]:
    """Return the speed, in times real time, and the peak memory in MB of the command on a long song."""
    with tempfile.TemporaryDirectory() as temporary:
        song = Path(temporary) / "song.flac"
        write_song(song, 60 * minutes)
        start_s = time.perf_counter()
        peak = peak_mb([*tfsep_command(), "drums", str(song), "--out", temporary, "--model", model, "--threads", "2"])
        return 60 * minutes / (time.perf_counter() - start_s), peak


def limit_of(what: str, kind: str, ours: dict[str, Tally]) -> str:
    """Return the bar that an F1 within 50 ms is to reach, and whether it does."""
    wide_s = WINDOWS_S[0]
    if kind == "separated":
        return verdict(ours["clean"].f1(what, wide_s) - ours[kind].f1(what, wide_s), LOSS_LIMIT, at_most=True).replace(
            "at most", "loss at most"
        )
    limit = ONSET_LIMIT if what == ONSETS else CLASS_LIMITS.get(what)
    return verdict(ours[kind].f1(what, wide_s), limit, at_most=False) if limit else ""


def main() -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR", help="rendered songs that nothing was trained on")
    parser.add_argument("--real", type=Path, nargs="*", default=[], metavar="DIR", help="multitracks, DIR/drums.ogg and others")
    parser.add_argument("--transcriber", default="drums", metavar="T", help="file of a drum transcriber")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="of the song for speed and memory; 0 for none")
    args = parser.parse_args()
    about, separator = machine(), Separator.load(args.model, threads=2)
    transcriber = DrumTranscriber.load(args.transcriber)
    songs, loops = read_rendered_songs(args.songs)
    stems = {
        "clean": lambda song: Audio.read(song.folder / "drums.flac"),
        "separated": lambda song: separated(Audio.read(song.folder / "mixture.flac"), separator),
    }
    scored = {kind: score_rendered(songs, stem_of, transcriber) for kind, stem_of in stems.items()}
    ours = {kind: tally for kind, (tally, _, _) in scored.items()}
    rows = []
    for kind, (tally, peer, correlation) in scored.items():
        rows += [
            (f"{kind}: {what}", str(tally.counts[what, WINDOWS_S[0]][2]),
             *(f"{tally.f1(what, window_s):.3f}" for window_s in WINDOWS_S), limit_of(what, kind, ours))
            for what in (ONSETS, *CLASSES)
        ]  # fmt: skip
        rows.append((f"{kind}: onsets by librosa", "", *(f"{peer.f1(ONSETS, window_s):.3f}" for window_s in WINDOWS_S), ""))
        rows.append((f"{kind}: correlation of velocities", "", f"{correlation:.2f}", "", ""))
    values = {"songs": len(songs), "loops_left_out": loops}
    values |= {
        kind: {"tfsep": each[0].to_json(), "librosa": each[1].to_json(), "velocity": each[2]} for kind, each in scored.items()
    }
    met = all("missed" not in row[-1] for row in rows)
    for folder in args.real:
        values[folder.name] = score_real(folder, separator, transcriber)
        names = dict.fromkeys(
            name.rpartition(" ")[0].rpartition(" ")[0] for name in values[folder.name] if f": {ONSETS} " in name
        )
        rows += [
            (f"{folder.name}: {name}", "", *(f"{values[folder.name][f'{name} {1000 * window_s:g} ms']:.3f}" for window_s in WINDOWS_S), "")
            for name in names
        ]  # fmt: skip
    if args.minutes:
        speed, peak = whole_command(args.minutes, args.model)
        rows.append(
            (f"{args.minutes:g} min, times real time", "", f"{speed:.1f}", "", verdict(speed, SPEED_LIMIT, at_most=False))
        )
        rows.append((f"{args.minutes:g} min, peak MB", "", f"{peak:.0f}", "", verdict(peak, MEMORY_LIMIT_MB, at_most=True)))
        values |= {"times_real_time": speed, "peak_mb": peak}
        met = met and speed >= SPEED_LIMIT and peak <= MEMORY_LIMIT_MB
    notes = (
        f"F1 by mir_eval's matching, counts summed over {len(songs)} songs ({loops} more have a loop whose hits are not known); "
        "hits of one class within 30 ms count as one, as do onsets of any class.",
        "Separated: the model took the drums out of the mixture. Librosa is `librosa.onset.onset_detect`, hop 256.",
    )
    table = Table(title="Drum hits", columns=("", "hits", "F1 at 50 ms", "F1 at 10 ms", "limit"), rows=rows, notes=notes)
    publish(args, table, about, values)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
