"""Which files of a contribution are whose: `SONG/{mixture,drums,bass,other,vocals}.wav` and the like."""

import os
from dataclasses import dataclass
from pathlib import Path

from tfsep.audio import READABLE_SUFFIXES
from tfsep.data.catalogue.contribution import FILE_NAME, Contribution
from tfsep.data.catalogue.findings import Finding, error, warning
from tfsep.models.config import DEFAULT_STEMS

MIXTURE = "mixture"
PARTS = (MIXTURE, *sorted(DEFAULT_STEMS))
_EXTRAS = ("song.json",)  # what `tfsep render` and `tfsep data export` write beside the stems
_LOOSE = ("CREDITS.txt", "README.md", "README.txt", "LICENSE", "LICENSE.txt")
_NAMES = f"{', '.join(PARTS)} as .wav, .flac or another readable format"


@dataclass(frozen=True, kw_only=True)
class SongFolder:
    """One song of a contribution: `files` are the paths by part, "mixture" or a stem, sorted by name."""

    name: str
    files: tuple[tuple[str, Path], ...]

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that have a file."""
        return tuple(part for part, _ in self.files if part != MIXTURE)

    @property
    def complete(self) -> bool:
        """Whether there is a mixture and a stem, so that they can be compared."""
        return len(self.files) > len(self.stems) > 0


def read_layout(folder: Path, contribution: Contribution | None) -> tuple[list[SongFolder], list[Finding]]:
    """Return the songs below a folder, sorted, and what is wrong with how it is laid out."""
    songs, found = [], []
    for entry in _listing(folder):
        if entry.is_symlink():
            found.append(_link(entry.name))
        elif entry.is_dir():
            song, wrong = _read_song(Path(entry.path))
            songs.append(song)
            found += wrong
        elif entry.name not in (FILE_NAME, *_LOOSE):
            found.append(
                error(
                    "layout", entry.name, "is a file beside the songs", f"song folders and {FILE_NAME}", "move it or delete it"
                )
            )
    if not songs:
        found.append(error("layout", ".", "holds no song", "a folder for each song", f"put {_NAMES} into SONG/"))
    if contribution is not None:
        described, there = {name for name, _ in contribution.songs}, {song.name for song in songs}
        found += [
            error("layout", name, f"is not described in {FILE_NAME}", "songs that are described", f"describe it under {name!r}")
            for name in sorted(there - described)
        ]
        found += [
            error("layout", FILE_NAME, f"describes {name!r}, which is no folder", "songs that are there", "correct the name")
            for name in sorted(described - there)
        ]
    return songs, found


def _read_song(folder: Path) -> tuple[SongFolder, list[Finding]]:
    files: dict[str, Path] = {}
    found = []
    for entry in _listing(folder):
        path, shown = Path(entry.path), f"{folder.name}/{entry.name}"
        if entry.is_symlink():
            found.append(_link(shown))
        elif path.suffix.lower() in READABLE_SUFFIXES and path.stem in PARTS and entry.is_file():
            if path.stem in files:
                twice = f"is there as {files[path.stem].name} as well"
                found.append(error("layout", shown, twice, f"one file for {path.stem}", "delete one of them"))
            files.setdefault(path.stem, path)
        elif entry.name not in _EXTRAS:
            kind = "a folder" if entry.is_dir() else "a file"
            found.append(
                error("layout", shown, f"is {kind} of another name", _NAMES, "rename, merge into a stem, or delete it")
            )
    if not folder.name.isprintable():
        found.append(error("layout", folder.name, "has control characters in its name", "a plain name", "rename the folder"))
    song = SongFolder(name=folder.name, files=tuple(sorted(files.items())))
    if MIXTURE not in files:
        found.append(
            error("layout", folder.name, "has no mixture", "mixture.wav and its stems", "export the song as a whole as well")
        )
    if len(song.stems) < 2:
        there = ", ".join(song.stems) or "none"
        found.append(
            error("layout", folder.name, f"has {len(song.stems)} stems ({there})", "2 or more stems", "export the other stems")
        )
    else:
        missing = sorted(set(DEFAULT_STEMS) - set(song.stems))
        found += [
            warning(
                "layout",
                folder.name,
                f"has no {stem}",
                ", ".join(sorted(DEFAULT_STEMS)),
                f"fine if its sound lies in other; if the song has no {stem}, send a silent file, which says so",
            )
            for stem in missing
        ]
    return song, found


def _listing(folder: Path) -> list[os.DirEntry]:
    """Return what lies in a folder, sorted; what systems hide there (`.DS_Store`) is left out."""
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not _hidden(entry.name)), key=lambda entry: entry.name)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in ("Thumbs.db", "desktop.ini", "__MACOSX")


def _link(shown: str) -> Finding:
    return error("layout", shown, "is a symbolic link", "files and folders", "put the file itself there")
