"""`tfsep separate`: take songs apart into drums, bass, vocals and other."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfsep.separation.job import SeparationJob

_MOST_THREADS = 4  # more cost memory and bring little: reading, transforming and writing are one thread's work


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("separate", help="take songs apart into stems", description=__doc__)
    parser.add_argument(
        "songs", nargs="+", metavar="SONG", help="audio file, folder (with its subfolders) or pattern such as 'a/*.mp3'"
    )
    parser.add_argument("--out", type=Path, default=Path("stems"), metavar="DIR", help="folder for the stems (default: stems)")
    parser.add_argument("--stems", metavar="A,B", help="only these stems, for example drums,vocals (default: all)")
    parser.add_argument(
        "--two-stems", metavar="STEM", help="this stem and the rest of the song, for example drums and no_drums"
    )
    parser.add_argument("--format", default="wav", metavar="F", help="wav (default), flac, mp3 or stem.mp4 (for DJ programs)")
    parser.add_argument("--subtype", metavar="T", help="pcm_16, pcm_24 or float32 (default: as the song)")
    parser.add_argument("--codec", metavar="C", help="of stem.mp4: aac (default) or alac (lossless)")
    parser.add_argument(
        "--model",
        default="default",
        metavar="M",
        help="name, .tflite file or folder of a model; auto, or a routing.json, chooses by genre; hpss finds drums by median "
        "filters alone (default: default)",
    )
    parser.add_argument("--genre", metavar="G", help="of the songs, for --model auto (default: hear each song)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="songs at once, each in its own process (default: 1)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help=f"threads in all (default: all cores, at most {_MOST_THREADS})"
    )
    parser.add_argument(
        "--enhance", action="store_true", help="fill the holes that masks leave; the stems do not sum to the song then"
    )
    parser.add_argument("--overwrite", action="store_true", help="separate again what is there already")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Separate; returns 0, or 1 if a song failed. What concerns the whole command is raised as `tfsep.errors`."""
    from tfsep.separation.batch import run_batch
    from tfsep.separation.report import BatchReport
    from tfsep.separation.songs import find_songs

    job = _job(args)
    songs, problems = find_songs(args.songs, job.out)
    with BatchReport(songs) as report:
        for problem in problems:
            report.problem(problem)
        results = run_batch(songs, job, args.jobs, report) if songs else []
    report.summary(results, job.out)
    return 1 if problems or any(result.status == "failed" for result in results) else 0


def _job(args: argparse.Namespace) -> "SeparationJob":
    from tfsep.separation.job import SeparationJob

    kind = SeparationJob
    if args.enhance:
        from tfsep.creative.enhance.stems import EnhancingJob

        kind = EnhancingJob
    return kind(
        out=args.out,
        model=args.model,
        genre=args.genre,
        stems=None if args.stems is None else tuple(name.strip() for name in args.stems.split(",") if name.strip()),
        two_stems=args.two_stems,
        format=args.format.lower().removeprefix("."),
        subtype=args.subtype,
        codec=args.codec,
        threads=min(_MOST_THREADS, os.cpu_count() or 1) if args.threads is None else args.threads,
        overwrite=args.overwrite,
        debug=args.debug,
    )
