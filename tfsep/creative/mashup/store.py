"""Stems on disk while a mash-up is made: written once, read anywhere."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfsep.audio.atomic import write_error


class StemStore:
    """Stems in a nameless temporary file, which the system deletes with the process; a `StemSource`.

    Args:
        folder: a folder on the disk that has room for them: 4 bytes a sample, channel and stem.
        names: of the stems.
        channels: of each.

    Raises: AudioError if no file can be made in the folder.
    """

    def __init__(self, folder: Path, names: Sequence[str], channels: int):
        self.names, self.stems, self.channels = tuple(names), len(names), channels
        self.samples = 0
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by close)
        except OSError as error:
            raise write_error(folder / "stems", error) from None

    def append(self, stems: Sequence[np.ndarray]) -> None:
        """Take a block of each stem, float32 `(samples, channels)`. Raises: AudioError if the disk is full."""
        try:
            self._file.write(np.ascontiguousarray(np.stack(stems, axis=1), np.float32).data)
        except OSError as error:
            raise write_error(self._folder / "stems", error) from None
        self.samples += len(stems[0])

    def read(self, start: int, count: int) -> np.ndarray:
        """Return float32 `(count, stems, channels)`; silence before and after the song."""
        result = np.zeros((count, self.stems, self.channels), np.float32)
        first, last = max(0, start), min(self.samples, start + count)
        if last > first:
            self._file.seek(first * self.stems * self.channels * 4)
            self._file.readinto(result[first - start : last - start].data.cast("B"))
        return result

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
