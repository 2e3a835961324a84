"""Files that appear under their name only when they are whole."""

import errno
import glob
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tfsep.errors import AudioError


def write_error(path: Path, error: OSError) -> AudioError:
    """Return what to tell a person whose file `path` could not be written because of `error`."""
    folder = path.parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AudioError(f"{path}: cannot be written, the disk is full: free space or choose a folder on another disk")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AudioError(f"{path}: no permission to write into {folder}: choose a folder of your own")
    if error.errno == errno.ENOENT:
        return AudioError(f"{path}: the folder {folder} does not exist: make it first")
    if error.errno == errno.ENOTDIR:
        return AudioError(f"{path}: {folder} is a file, not a folder: choose a folder")
    return AudioError(f"{path}: cannot be written ({error.strerror or error}): choose another name or folder")


def part_path(path: Path) -> Path:
    """Return the temporary name `.<name>.<process id>.part`, beside `path`, under which this process writes it."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def remove_stale_parts(path: Path) -> None:
    """Delete the temporaries of `path` that processes left which were killed; those of running processes stay."""
    if os.name != "posix":  # elsewhere there is no harmless way to ask whether a process runs
        return
    for part in sorted(path.parent.glob(f".{glob.escape(path.name)}.*.part")):
        owner = part.name.removeprefix(f".{path.name}.").removesuffix(".part")
        if owner.isdigit() and not process_runs(int(owner)):
            part.unlink(missing_ok=True)


def process_runs(process_id: int) -> bool:
    """Return whether a process of that number runs, whoever's it is; on POSIX systems only."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's process; a number that is no process id of ours
        return True
    return True


class AtomicFile:
    """A binary file, open for reading and writing, that takes the name `path` only when `commit` is called.

    Until then it lies in the same folder under `part_path`, so that a kill at any moment leaves either the old file or none
    under `path`, and at most a stale `.part` file, which the next writer of `path` removes. As a context manager it commits on
    a clean exit and discards otherwise.

    Raises: AudioError if the file cannot be made, flushed or renamed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if os.path.isdir(self.path):
            raise AudioError(f"{self.path}: is a folder, so no file of that name can be written: choose another name")
        self._part = part_path(self.path)
        try:
            remove_stale_parts(self.path)
            self.file = open(self._part, "wb+")  # noqa: SIM115  (closed by commit or discard)
        except OSError as error:
            raise write_error(self.path, error) from None

    def commit(self) -> None:
        """Flush the file to the disk and give it its name."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            os.replace(self._part, self.path)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from None
        except BaseException:  # Ctrl-C while the disk is busy
            self.discard()
            raise

    def discard(self) -> None:
        """Delete what was written; whatever had the name `path` before is untouched."""
        with suppress(OSError):  # a full disk can fail the last flush, and the file is deleted anyway
            self.file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()
