"""Folders, and sets of files, that appear under their names only when they are whole."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tfsep.audio.atomic import part_path, process_runs, write_error


class StagedFolder:
    """A folder that is filled under another name beside `final` and renamed by `commit`.

    A kill leaves at most a hidden folder `.<name>.<process id>.part`, which the next one of that name removes. As a context
    manager it discards what was not committed.

    Raises: AudioError if the folder cannot be made or renamed.
    """

    def __init__(self, final: Path):
        self.final, self.path = final, part_path(final)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            _remove_stale(final)
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.mkdir()
        except OSError as error:
            raise write_error(final, error) from None

    def commit(self) -> None:
        """Give the folder its name; an empty folder of that name is replaced."""
        try:
            os.rename(self.path, self.final)
        except OSError as error:
            raise write_error(self.final, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def exchange(staged: Path, out: Path, names: Sequence[str]) -> None:
    """Move files and folders from `staged` to `out`, where they replace those of the same names: all of them, or after an error none.

    Both lie on one disk, so that only names change. A kill among the renames leaves some old and some new, each of them whole.

    Args:
        staged: what was replaced stays in a folder `replaced` in it.
    Raises: OSError if one of them cannot be moved.
    """
    old = staged / "replaced"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []  # from, to

    def move(origin: Path, target: Path) -> None:
        moved.append((origin, target))  # before it is: Ctrl-C may come between the two
        os.replace(origin, target)

    try:
        for name in names:
            if os.path.lexists(out / name):
                move(out / name, old / name)
            move(staged / name, out / name)
    except BaseException:
        for origin, target in reversed(moved):
            if not os.path.lexists(origin):
                os.replace(target, origin)
        raise


def _remove_stale(final: Path) -> None:
    """Delete what killed processes left of this folder."""
    if os.name != "posix":  # elsewhere there is no harmless way to ask whether a process runs
        return
    for entry in sorted(final.parent.iterdir()):
        owner = entry.name.removeprefix(f".{final.name}.").removesuffix(".part")
        if entry.name == f".{final.name}.{owner}.part" and owner.isdecimal() and not process_runs(int(owner)):
            shutil.rmtree(entry)
