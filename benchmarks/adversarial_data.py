"""The data of the adversarial experiment: rendered songs, cut up into what is paired, unpaired and held out, by links."""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from comparison import song_stems

from tfsep.audio import Audio
from tfsep.data.genres import family_of

UNPAIRED = ("mixtures", "targets", "rests")


@dataclass(frozen=True, kw_only=True)
class Split:
    """Folders, each for one use.

    Attributes:
        paired: songs of the paired family, with their stems.
        unpaired: by role, recordings of the other families, each from songs of its own.
        tests: songs that nothing is learnt from: `paired family`, `other families` and, if there are any, `real songs`.
    """

    paired: Path
    unpaired: dict[str, Path]
    tests: dict[str, list[Path]]


def split_songs(
    songs: Path, out: Path, *, family: str, paired: int, unpaired: int, tests: int, real: list[Path], seed: int
) -> Split:
    """Choose songs by genre family and link them, or what of them is used, below `out`.

    Args:
        songs: what `tfsep render` wrote.
        family: of the songs that have multitracks, one of `tfsep.data.genres.FAMILIES`.
        paired, unpaired, tests: how many songs for the pairs, for each unpaired role, and for each test.
    Raises: SystemExit if there are too few songs.
    """
    about = {path.parent: json.loads(path.read_text()) for path in sorted(songs.glob("*/song.json"))}
    about = {song: said for song, said in about.items() if not {"drums"} & set(said["silent_stems"])}
    mine = [song for song, said in about.items() if family_of(said["genre"]) == family]
    others = [song for song, said in about.items() if family_of(said["genre"]) != family]
    random.Random(seed).shuffle(mine)
    random.Random(seed + 1).shuffle(others)
    wanted = (paired + tests, len(UNPAIRED) * unpaired + tests)
    if len(mine) < wanted[0] or len(others) < wanted[1]:
        raise SystemExit(
            f"--songs {songs}: {len(mine)} songs of the family {family!r} and {len(others)} others; {wanted[0]} and {wanted[1]} are "
            "needed: render more, or use fewer"
        )
    shutil.rmtree(out, ignore_errors=True)
    folders = {}
    for song in mine[tests : tests + paired]:
        _link(song, out / "paired" / song.name)
    for number, role in enumerate(UNPAIRED):
        folders[role] = out / role
        start = tests + number * unpaired
        for song in others[start : start + unpaired]:
            _write_unpaired(song, role, folders[role] / f"{song.name}.flac")
    sets = {"paired family": sorted(mine[:tests]), "other families": sorted(others[:tests])}
    return Split(paired=out / "paired", unpaired=folders, tests=sets | ({"real songs": real} if real else {}))


def _link(song: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(song.resolve())


def _write_unpaired(song: Path, role: str, path: Path) -> None:
    if role == "mixtures":
        _link(song / "mixture.flac", path)
    elif role == "targets":
        _link(song / "drums.flac", path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        stems = [Audio.read(song / f"{stem}.flac") for stem in ("bass", "other", "vocals")]
        rest = np.sum([stem.samples for stem in stems], axis=0, dtype=np.float32)
        Audio(rest / max(1.0, float(np.abs(rest).max())), stems[0].sample_rate_hz).write(path, subtype="pcm_16")


def test_stems(song: Path) -> tuple[Audio, np.ndarray, np.ndarray | None]:
    """Return a test song's mixture and drums, float32 `(samples, 2)`, and the times of its hits in seconds if they are known."""
    stems = song_stems(song)
    mixture = np.sum(list(stems.values()), axis=0, dtype=np.float32)
    described = song / "song.json"
    hits = json.loads(described.read_text()).get("hits") if described.is_file() else None
    times = np.array([hit["time_s"] for hit in hits]) if hits is not None else None
    return Audio(mixture, 44_100), stems["drums"], times
