"""Which songs a search trains and scores on: those of one genre family, or all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsep.data.genres import FAMILIES, family_of, genre_of
from tfsep.data.registry import DEFAULT_KIND, open_source, split_kind
from tfsep.data.source import Track
from tfsep.errors import DataError, UsageError
from tfsep.training.data import RECORDS, DataFolder

from .settings import GENERAL


@dataclass(frozen=True)
class Material:
    """What `TrainingRun` takes.

    Attributes:
        exclude: names of songs of other families.
        validation: folders, a song or many in each.
    """

    data: tuple[DataFolder, ...]
    exclude: tuple[str, ...]
    validation: tuple[Path, ...]


def find_material(data: Sequence[str], validation: Sequence[Path], genre: str) -> Material:
    """Return the songs of a family, or of all for `general`; nothing is decoded yet.

    Raises: UsageError for a family that there is not, or for sources whose songs have no genre; DataError for folders that hold
        no songs, or none of the family.
    """
    folders = tuple(DataFolder.parse(text) for text in data)
    for folder in validation:
        open_source(str(folder)).tracks()
    if genre == GENERAL:
        return Material(folders, (), tuple(validation))
    if genre not in FAMILIES:
        raise UsageError(f"--genre {genre}: use {', '.join(FAMILIES)}, or {GENERAL} for songs of all genres")
    kept, names, exclude = [], set(), set()
    for folder in folders:
        if folder.source.startswith(RECORDS):
            raise UsageError(f"--data {folder.source}: records are not sorted by genre: use the folders they were made from")
        tracks = open_source(folder.source).tracks()
        mine = {_song_name(track) for track in tracks if _is_of(track, genre)}
        if mine:
            kept.append(folder)
            names |= mine
            exclude |= {_song_name(track) for track in tracks if not _is_of(track, genre)}
    if not kept:
        raise DataError(f"--data {' '.join(data)}: no song of the family {genre}: {_HINT}")
    if names & exclude:
        both = ", ".join(sorted(names & exclude))
        raise DataError(
            f"--data {' '.join(data)}: {both} is the name of a song of the family {genre} and of one of another: rename one of them, "
            "since songs are left out by name"
        )
    songs = [song for folder in validation for song in _song_folders(folder, genre)]
    if not songs:
        named = " ".join(map(str, validation))
        raise DataError(f"--validation {named}: no song of the family {genre}, so that nothing could be scored: {_HINT}")
    return Material(tuple(kept), tuple(sorted(exclude)), tuple(songs))


_HINT = 'say it in each song.json as "genre", in the files\' tags or by folders named for genres'


def _song_folders(folder: Path, family: str) -> list[Path]:
    kind = split_kind(str(folder))[0]
    if kind != DEFAULT_KIND:
        raise UsageError(f"--validation {folder}: with --genre, use folders of songs, SONG/drums.flac and so on, not {kind}")
    return [track.paths[0].parent for track in open_source(str(folder)).tracks() if _is_of(track, family)]


def _song_name(track: Track) -> str:
    return track.name.rsplit("/", 1)[-1]


def _is_of(track: Track, family: str) -> bool:
    return family_of(genre_of(track)) == family
