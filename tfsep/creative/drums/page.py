"""The hits of a song as an HTML page beside their files. Imports matplotlib."""

from collections import Counter
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.audio import open_writer, read_info, writable_subtype
from tfsep.creative.drums.files import PAGE_FILE, REPLACED_FILE, STEM_FILE
from tfsep.creative.drums.hits import CLASSES
from tfsep.creative.drums.song import SongHits
from tfsep.creative.report import check_report, facts, hits_on_stem, players, spectrograms, write_page


class DrumsPage:
    """Keeps the drum stem of a song as it is heard, as a FLAC file to be played, and writes the page; a context manager.

    Args:
        song: whose rate and channels the stem has.
        staged: the folder in which page and stem are written.
        folder: the one in which they are read.
        separated: whether the stem is kept; else the song is the stem.

    Raises: MissingExtraError without matplotlib; as `open_writer`; AudioError for a song that cannot be read.
    """

    def __init__(self, song: Path, staged: Path, folder: Path, *, separated: bool):
        check_report(staged / PAGE_FILE, "drums", overwrite=False)
        self._song, self._staged, self._folder = song, staged, folder
        self._writer = None
        info = read_info(song)
        if separated:
            self._writer = open_writer(
                staged / STEM_FILE,
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

    def write(self, found: SongHits, *, replaced: bool) -> None:
        """Write the stem and the page.

        Args:
            replaced: whether the stem with its hits played anew lies beside them.
        Raises: AudioError if they cannot be written.
        """
        if self._writer:
            self._writer.close()
        songs = {"Song" if self._writer else "Drum stem": self._song}
        names = ({"Drum stem": STEM_FILE} if self._writer else {}) | ({"Hits played anew": REPLACED_FILE} if replaced else {})
        written = songs | {title: self._staged / name for title, name in names.items()}
        played = songs | {title: self._folder / name for title, name in names.items()}
        counts = Counter(hit.drum for hit in found.hits)
        sections = [
            ("Listen", players(played, self._folder / PAGE_FILE)),
            ("Hits", facts({drum.replace("_", " "): str(counts[drum]) for drum in CLASSES if counts[drum]})),
            ("Hits on the drum stem", hits_on_stem(written["Drum stem"], found.hits)),
            ("Spectrograms", spectrograms(written)),
        ]
        lead = f"{len(found.hits)} hits in {found.duration_s:.1f} s"
        write_page(self._staged / PAGE_FILE, f"Drums of {found.song.name}", lead, sections)
