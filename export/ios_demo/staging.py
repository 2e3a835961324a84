"""Putting made files and folders in their places, all of them or none."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tfsep.audio.atomic import write_error

from ..artefact import workshop


@contextmanager
def staged(out: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield a folder to make `names` in; after a clean exit these replace what `out` holds under the same names.

    It lies in `out`, on the same disk, so that only names change at the end. Everything else in `out` stays untouched, and after
    a failure all of it does.

    Raises: AudioError if `out` cannot be written.
    """
    try:
        with workshop(out) as folder:
            yield folder
            _exchange(out, folder, names)
    except OSError as error:
        raise write_error(out, error) from None


def _exchange(out: Path, folder: Path, names: Sequence[str]) -> None:
    old = folder / "replaced"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []  # from, to
    try:
        for name in names:
            if os.path.lexists(out / name):
                _move(out / name, old / name, moved)
            _move(folder / name, out / name, moved)
    except BaseException:  # Ctrl-C between two renames
        for origin, target in reversed(moved):
            os.replace(target, origin)
        raise


def _move(origin: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    os.replace(origin, target)
    moved.append((origin, target))
