"""The songs of a catalogue for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsep.data.catalogue.catalogue import FiledSong, select_songs
from tfsep.data.catalogue.selection import Selection
from tfsep.data.files import FileTrack, Part
from tfsep.errors import DataError

DEFAULT_NAME = "catalogue.sqlite"


@dataclass(frozen=True, kw_only=True)
class CatalogueSource:
    """The songs of a catalogue; a `StemSource`.

    Args:
        root: the SQLite file, or the folder that holds it as `catalogue.sqlite`; `?genre=house&genre=techno` after it, likewise
            with `licence` and `contributor`, takes these songs alone.
        exclude: names of songs (their folders) and contributions to leave out.
        selection: takes these songs alone as well, where `root` does not say which.
    """

    root: Path
    exclude: frozenset[str] = frozenset()
    selection: Selection | None = None
    paired: bool = True

    def tracks(self) -> Sequence[FileTrack]:
        """Return one track for each song, sorted by name.

        Raises: DataError if there is no such catalogue, or no song in it that is wanted.
        """
        songs = self._songs()
        kept = [song for song in songs if not self.exclude & {song.contribution, *_names(song)}]
        if not kept:
            raise DataError(f"{self.root}: all of its {len(songs)} songs are excluded or held out for validation: add others")
        return sorted(map(_track, kept), key=lambda track: track.name)

    def names(self) -> frozenset[str]:
        """Return the names of the songs, for another source to do without them. Raises: as `tracks`."""
        return frozenset().union(*map(_names, self._songs()))

    def _songs(self) -> list[FiledSong]:
        path, selection = self._place()
        if path.is_dir():
            if not (path / DEFAULT_NAME).is_file():
                raise DataError(f"{path}: holds no {DEFAULT_NAME}: name the catalogue itself")
            path /= DEFAULT_NAME
        return select_songs(path, selection)

    def _place(self) -> tuple[Path, Selection]:
        path, mark, query = str(self.root).rpartition("?")
        if not mark:
            return self.root, self.selection or Selection()
        return Path(path), Selection.parse(query)


def _track(song: FiledSong) -> FileTrack:
    parts = tuple(Part(stem=file.part, path=song.folder / file.name) for file in song.stems)
    return FileTrack(name=f"{song.contribution}/{song.name}", genre=song.genre or None, parts=parts)


def _names(song: FiledSong) -> frozenset[str]:
    """Return what a song is called; not its contribution's name, which would take out songs that are not meant."""
    return frozenset((song.name, f"{song.contribution}/{song.name}"))
