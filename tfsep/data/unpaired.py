"""Recordings of one kind that have no multitrack: drums alone, music without drums, finished songs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsep.data.files import FileTrack, Part, audio_files, not_excluded, own_names, relative_name, tagged_genre, without_suffix
from tfsep.errors import DataError

# Names that say that a file is not what the folder is said to hold: a folder of multitracks was named, most likely.
_CONTRADICTIONS = {
    "drums": frozenset(("accompaniment", "bass", "mixture", "no_drums", "no_vocals", "other", "vocals")),
    "accompaniment": frozenset(("drums", "mixture", "no_bass", "no_other", "no_vocals")),
    "mixture": frozenset(("accompaniment", "bass", "drums", "no_bass", "no_drums", "no_other", "no_vocals", "other", "vocals")),
}


@dataclass(frozen=True, kw_only=True)
class UnpairedSource:
    """Every readable audio file below `root`, as a track with the one stem `stem`; a `StemSource`.

    The genre is that of the file's tags.
    """

    root: Path
    stem: str
    exclude: frozenset[str] = frozenset()  # names of files, with or without suffix, or of folders below `root`
    paired: bool = False

    def names(self) -> frozenset[str]:
        """Return what the recordings are called. Raises: DataError as `tracks`."""
        return own_names(self.root, self._files())

    def tracks(self) -> Sequence[FileTrack]:
        """Return one track for each file. Raises: DataError if there is none, or one that its name says to be something else."""
        return [
            FileTrack(name=relative_name(path, self.root), genre=tagged_genre(path), parts=(Part(stem=self.stem, path=path),))
            for path in not_excluded(self.root, self._files(), self.exclude)
        ]

    def _files(self) -> list[Path]:
        files = sorted(audio_files(self.root), key=lambda path: relative_name(path, self.root))
        for path in files:
            stems = self.stem != "mixture" and path.name.lower().endswith((".stem.mp4", ".stem.m4a"))
            if stems or without_suffix(path.name).lower() in _CONTRADICTIONS[self.stem]:
                held = "a stem file" if stems else f"{without_suffix(path.name)}, by its name"
                raise DataError(
                    f"{path}: is {held}, in a folder that is to hold nothing but {self.stem}: take it out, or read multitracks "
                    f"as {self.root} and stem files as stem-files:{self.root}"
                )
        return files
