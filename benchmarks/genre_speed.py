"""The family of a song: processor time of `tfsep genre` for one file, by format, after the model has been loaded."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness import Table, benchmark_parser, count, machine, positive, publish, spread, verdict, write_song

LIMIT_MS = 50.0
FORMATS = (".wav", ".flac", ".mp3")


def main() -> int:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--model", default="genre", metavar="M", help="name or file of a genre classifier")
    parser.add_argument("--seconds", type=positive, default=240.0, metavar="S", help="length of the synthetic song")
    parser.add_argument("--repeats", type=count, default=15, metavar="N", help="of each file, in turn")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="songs to measure beside the synthetic one")
    args = parser.parse_args()
    about = machine()
    from tfsep.separation.genre import GenreClassifier

    classifier = GenreClassifier.load(args.model)
    with tempfile.TemporaryDirectory() as temporary:
        songs = [Path(temporary) / f"synthetic{suffix}" for suffix in FORMATS]
        for song in songs:
            write_song(song, args.seconds)
        songs += args.files
        spent_ms: dict[Path, list[float]] = {song: [] for song in songs}
        for repeat in range(args.repeats + 1):
            for song in songs:
                start_s = time.process_time()
                classifier.probabilities(song)
                if repeat:  # the first one also imports and reads from disk
                    spent_ms[song].append((time.process_time() - start_s) * 1e3)
    medians = {song.name: statistics.median(times) for song, times in spent_ms.items()}
    table = Table(
        title="The family of a song",
        columns=("file", "processor time, ms", "limit"),
        rows=[
            (song.name, spread(times, 0), verdict(medians[song.name], LIMIT_MS, at_most=True))
            for song, times in spent_ms.items()
        ],
        notes=(
            f"Median (range) of {args.repeats} repeats, in turn, decoding included, in a process that has loaded the model.",
            f"Synthetic: {args.seconds:g} s of 16-bit stereo at 44.1 kHz.",
        ),
    )
    publish(args, table, about, {"milliseconds": {song.name: times for song, times in spent_ms.items()}})
    return int(any(median > LIMIT_MS for median in medians.values()))


if __name__ == "__main__":
    sys.exit(main())
