"""Which songs a command line means, and under which name each one's stems are kept."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsep.audio import READABLE_SUFFIXES


@dataclass(frozen=True)
class Song:
    """A file to be taken apart, and the name of its folder of stems, which no other song of the batch has."""

    path: Path
    name: str


def find_songs(arguments: Sequence[str], out: Path) -> tuple[list[Song], list[str]]:
    """Return the songs that files, folders and globs mean, and a line for each argument that means none.

    Folders are searched with all their subfolders for files with an audio suffix; hidden files, and what lies in `out`, are
    passed over. A glob that the shell has left alone is expanded (`**` too). A song that is named twice is taken once.
    Songs of one name are told apart by their whole file name or, where that is the same too, by the names of their folders.

    Args:
        arguments: as on the command line.
        out: the folder for the stems.
    Returns: the songs in the order of the arguments, sorted within a folder or glob; and the problems.
    """
    found: dict[Path, Path] = {}  # by the resolved path
    problems = []
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            files = list(_files_below(path, out.resolve()))
            if not files:
                problems.append(
                    f"{path}: there is no audio in this folder ({', '.join(READABLE_SUFFIXES[:3])} ...): choose another"
                )
        elif os.path.lexists(path) or not glob.has_magic(argument):
            files = [path]  # if it is missing, reading it says so
        else:
            matches = [Path(match) for match in sorted(glob.glob(argument, recursive=True))]
            files = [match for match in matches if not match.is_dir() and _is_audio(match)]
            if not files:
                what = "nothing" if not matches else "no audio file"
                problems.append(f"{argument}: {what} matches this pattern: check it")
        for file in files:
            found.setdefault(file.resolve(), file)
    return [Song(path, name) for path, name in zip(found.values(), _names(list(found)), strict=True)], problems


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in READABLE_SUFFIXES and not path.name.startswith(".")


def _files_below(folder: Path, out: Path) -> Iterator[Path]:
    inside_out = folder.resolve().is_relative_to(out)
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (inside_out or Path(parent, name).resolve() != out)
        )
        yield from (Path(parent, name) for name in sorted(files) if _is_audio(Path(name)))


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each of the resolved `paths`, no two the same even where file systems ignore case."""
    names = [_short_name(path) for path in paths]
    for longer in (lambda path: path.name, lambda path: f"{path.parent.name} - {path.name}"):
        taken = Counter(name.casefold() for name in names)
        names = [longer(path) if taken[name.casefold()] > 1 else name for path, name in zip(paths, names, strict=True)]
    taken = set()
    for index, name in enumerate(names):
        number = 1
        while names[index].casefold() in taken:
            number += 1
            names[index] = f"{name} ({number})"
        taken.add(names[index].casefold())
    return names


def _short_name(path: Path) -> str:
    name = path.name
    return name[: -len(".stem.mp4")] if name.lower().endswith(".stem.mp4") and len(name) > len(".stem.mp4") else path.stem
