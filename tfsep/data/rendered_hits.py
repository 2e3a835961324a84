"""The drum hits of rendered songs, as a transcriber is to find them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.contract_drums import CLASSES
from tfsep.data.stem_names import read_object
from tfsep.errors import DataError

# Classes of `tfsep.data.render.score.DRUM_CLASSES` that are one class here: crash and ride.
CLASS_OF_RENDERED = {name: name for name in CLASSES if name != "cymbal"} | {"crash": "cymbal", "ride": "cymbal"}


@dataclass(frozen=True, eq=False)
class HitTable:
    """Hits in the order of time: `times_s` float64, `classes` int (indices into `CLASSES`), `velocities` float64, all `(hits,)`."""

    times_s: np.ndarray
    classes: np.ndarray
    velocities: np.ndarray

    def of_class(self, index: int) -> np.ndarray:
        """Return the times of the hits of a class, in seconds."""
        return self.times_s[self.classes == index]


@dataclass(frozen=True)
class RenderedSong:
    """A song of `tfsep render` whose every hit is known."""

    folder: Path
    hits: HitTable

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def read_rendered_songs(folder: Path) -> tuple[list[RenderedSong], int]:
    """Return the songs in a folder that `tfsep render` wrote, sorted, and how many were left out: those with a drum loop.

    The hits in a loop are not known.

    Raises: DataError if there is none, or a song's description does not hold what it should.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder: name one that tfsep render wrote")
    songs, loops = [], 0
    for path in sorted(folder.glob("*/song.json")):
        record = read_object(path)
        if record.get("loop") is not None:
            loops += 1
            continue
        songs.append(RenderedSong(path.parent, _table(record.get("hits"), path)))
    if not songs:
        raise DataError(
            f"{folder}: holds no song of tfsep render, SONG/song.json, whose every hit is known: name another folder"
        )
    return songs, loops


def _table(hits: object, path: Path) -> HitTable:
    try:
        rows = sorted(
            (float(hit["time_s"]), CLASSES.index(CLASS_OF_RENDERED[hit["drum"]]), float(hit["velocity"])) for hit in hits
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: its hits cannot be read ({error!r}): render the song again") from None
    columns = np.array(rows, float).reshape(-1, 3).T
    return HitTable(columns[0], columns[1].astype(int), columns[2])
