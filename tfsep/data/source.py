"""What a source of recordings is: it lists tracks and reads them, nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np


class Track(Protocol):
    """One recording in stems.

    Attributes:
        name: unique within its source.
        genre: as the source tells it, or None.
        stems: the names of the stems that are there, sorted. A stem that is not there is not silent but unknown: it may lie in `other`.
        paths: the files it is read from, sorted.
        recipe: tells tracks apart that make different stems of the same files; empty where the files' names say it all.
    """

    name: str
    genre: str | None
    stems: tuple[str, ...]
    paths: tuple[Path, ...]
    recipe: str

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        """Return each stem as float32 `(samples, channels)` at that rate, all of one length."""
        ...


class StemSource(Protocol):
    """A set of tracks. `paired` is False where tracks have one stem and no mixture to go with it."""

    paired: bool

    def names(self) -> frozenset[str]:
        """Return the names of recordings, and of folders they lie in, that can be excluded."""
        ...

    def tracks(self) -> Sequence[Track]:
        """Return the tracks, sorted by name."""
        ...
