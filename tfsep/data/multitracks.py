"""Multitracks as they come out of a session: many files a song, each of them put to a stem by its name, and summed."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tfsep.data.files import FileTrack, Part, audio_files, not_excluded, own_names, relative_name, without_suffix
from tfsep.data.stem_names import IGNORED, NameRules, read_object, stem_by_words, words
from tfsep.errors import DataError

RULES = "rules.json"


@dataclass(frozen=True, kw_only=True)
class MultitrackSource:
    """One song for each folder in `root`, or `root` as one song if audio files lie in it; a `StemSource`.

    A song's files may lie in folders of their own. They start together; those that end early are silent from there on. Each
    goes to a stem by the first of these that knows it: `rules.json` of the song, `rules.json` of `root`, the words of its name
    (without what all of the song's names begin with: artist and title), the names of its folders up to the song's, the inmost
    first. Mixtures and clicks are left out. The genre is that of the song's `song.json`, as in song folders.
    """

    root: Path
    exclude: frozenset[str] = frozenset()  # names of song folders
    paired: bool = True

    def names(self) -> frozenset[str]:
        """Return what the recordings are called. Raises: DataError as `tracks`."""
        return own_names(self.root, self._songs())

    def tracks(self) -> Sequence[FileTrack]:
        """Return one track for each song.

        Raises: DataError if there is none, if a song has less than two stems, or, with a list of all of them, if there are
            files whose stem nothing tells.
        """
        shared, songs = NameRules.read(self.root / RULES), self._songs()
        tracks, unknown = [], []
        for song in not_excluded(self.root, list(songs), self.exclude):
            track, missed = self._song(song, songs[song], shared)
            tracks.append(track)
            unknown += missed
        if unknown:
            example = json.dumps({re.escape(Path(unknown[0]).name): "other"})
            raise DataError(
                f"{self.root}: no stem is told by the names of {len(unknown)} of its files: {', '.join(unknown)}: say in "
                f'{self.root / RULES} what they are, such as {example}, or "{IGNORED}" to leave a file out'
            )
        for track in tracks:
            if len(track.stems) < 2:
                raise DataError(
                    f"{self.root}: {track.name}: only {', '.join(track.stems) or 'no stem'} is there; a multitrack has two or more "
                    "stems: add the other files or take the song out"
                )
        return tracks

    def _songs(self) -> dict[Path, list[Path]]:
        """Return each song's files by its folder, in the order of the songs' names."""
        files = audio_files(self.root)
        if any(path.parent == self.root for path in files):
            return {self.root: files}
        songs: dict[Path, list[Path]] = {}
        for path in files:
            songs.setdefault(self.root / path.relative_to(self.root).parts[0], []).append(path)
        return dict(sorted(songs.items(), key=lambda item: item[0].name))

    def _song(self, song: Path, files: Sequence[Path], shared: NameRules) -> tuple[FileTrack, list[str]]:
        """Return the track, and the files that belong to no stem, relative to `root`."""
        own = NameRules.read(song / RULES) if song != self.root else NameRules()
        names = [words(without_suffix(path.name)) for path in files]
        lead = len(_common_start(names))
        parts, unknown = [], []
        for path, name in zip(files, names, strict=True):
            place = relative_name(path, song)
            folders = [words(part) for part in reversed(place.split("/")[:-1])]
            stem = own.stem(place) or shared.stem(place)
            stem = stem or next(filter(None, map(stem_by_words, [name[lead:], *folders])), None)
            if stem is None:
                unknown.append(relative_name(path, self.root))
            elif stem != IGNORED:
                parts.append(Part(stem=stem, path=path))
        return FileTrack(name=relative_name(song, self.root), genre=song_genre(song), parts=tuple(parts), padded=True), unknown


def song_genre(folder: Path) -> str | None:
    """Return the genre in a folder's `song.json`, None if there is none. Raises: DataError if the file is no such description."""
    genre = read_object(folder / "song.json").get("genre")
    if not isinstance(genre, str | None):
        raise DataError(f"{folder / 'song.json'}: the genre is {genre!r}; use a name, or leave it out")
    return genre


def _common_start(names: Sequence[list[str]]) -> list[str]:
    """Return the words that all names begin with; none for a single name, and never all of a name."""
    if len(names) < 2:
        return []
    longest = min(map(len, names)) - 1
    same = takewhile(lambda at: len({name[at] for name in names}) == 1, range(longest))
    return [names[0][at] for at in same]
