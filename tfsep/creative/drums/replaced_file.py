"""The drum stem of a song with its hits played anew, as a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.audio import open_writer, read_info
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.replace import ReplacementCount, check_amount, chooser, replace_hits
from tfsep.creative.drums.song_kit import song_kit
from tfsep.creative.mashup.store import StemStore


class ReplacedFile:
    """Takes the drum stem of a song as it is heard, and writes it with its hits played anew; a context manager.

    A `Stem` to be read from: the sound waits in a nameless file beside `path`.

    Args:
        song: whose rate and channels the stem has.
        path: of the file, in a folder that exists.
        what: "generated", "nearest" or a folder of one-shots, see `chooser`.
        amount: 0 to 1, see `replace_hits`.

    Raises: UsageError for an amount out of range; AudioError for a song that cannot be read or a folder that cannot be written to;
        as `chooser`.
    """

    def __init__(self, song: Path, path: Path, *, what: str, amount: float):
        self._path, self._amount = path, check_amount(amount)
        info = read_info(song)
        self.sample_rate_hz, self.channels = info.sample_rate_hz, info.channels
        self._choose, self.notes = chooser(what, self.sample_rate_hz)
        self._store = StemStore(path.parent, ("drums",), self.channels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    @property
    def samples(self) -> int:
        """Length of what was taken."""
        return self._store.samples

    def take(self, block: np.ndarray) -> None:
        """Take the next block of the stem, float32 `(samples, channels)`. Raises: AudioError if the disk is full."""
        self._store.append([block])

    def read(self, start: int, count: int) -> np.ndarray:
        """Return float32 `(count, channels)` of what was taken; silence before and after it."""
        return self._store.read(start, count)[:, 0]

    def write(self, hits: Sequence[Hit]) -> ReplacementCount:
        """Write the file, which appears whole or not at all; return what became of the hits. Raises: AudioError if it cannot be."""
        count = ReplacementCount()
        kit = song_kit(self, hits, self._choose)
        with open_writer(self._path, sample_rate_hz=self.sample_rate_hz, channels=self.channels, subtype="float32") as writer:
            for block in replace_hits(self, hits, kit, self._amount, count=count):
                writer.write(block)
        return count
