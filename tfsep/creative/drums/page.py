"""The hits of a song as an HTML page beside their files. Imports matplotlib."""

from collections import Counter
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.audio import open_writer, read_info, writable_subtype
from tfsep.creative.drums.hits import CLASSES
from tfsep.creative.drums.song import SongHits
from tfsep.creative.report import check_report, facts, hits_on_stem, players, spectrograms, write_page

STEM_FILE = "drums.flac"
PAGE_FILE = "report.html"


class DrumsPage:
    """Keeps the drum stem of a song as it is heard, as a FLAC file to be played, and writes the page; a context manager.

    Args:
        song: whose rate and channels the stem has.
        folder: where page and stem will lie.
        separated: whether the stem is kept; else the song is the stem.
        overwrite: replace files that are there already.

    Raises: as `check_report` and `open_writer`; AudioError for a song that cannot be read.
    """

    def __init__(self, song: Path, folder: Path, *, separated: bool, overwrite: bool):
        self.path, self._song = folder / PAGE_FILE, song
        self.stem = folder / STEM_FILE if separated else song
        self._writer = None
        info = read_info(song)
        for path in (self.path, self.stem) if separated else (self.path,):
            check_report(path, "drums", overwrite=overwrite)
        if separated:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = open_writer(
                self.stem,
                sample_rate_hz=info.sample_rate_hz,
                channels=info.channels,
                subtype=writable_subtype(".flac", info.subtype),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer:
            self._writer.discard()  # nothing, where `close` has been

    def take(self, block: np.ndarray) -> None:
        """Take the next block of the stem, float32 `(samples, channels)`. Raises: AudioError if the disk is full."""
        if self._writer:
            self._writer.write(block)

    def write(self, found: SongHits, replaced: Path | None) -> None:
        """Write the stem and the page.

        Args:
            replaced: the stem with its hits played anew, if there is one.
        Raises: AudioError if they cannot be written.
        """
        if self._writer:
            self._writer.close()
        stems = {"Drum stem": self.stem} | ({"Hits played anew": replaced} if replaced else {})
        songs = {} if self._writer is None else {"Song": self._song}
        counts = Counter(hit.drum for hit in found.hits)
        sections = [
            ("Listen", players(songs | stems, self.path)),
            ("Hits", facts({drum.replace("_", " "): str(counts[drum]) for drum in CLASSES if counts[drum]})),
            ("Hits on the drum stem", hits_on_stem(self.stem, found.hits)),
            ("Spectrograms", spectrograms(songs | stems)),
        ]
        write_page(self.path, f"Drums of {found.song.name}", f"{len(found.hits)} hits in {found.duration_s:.1f} s", sections)
