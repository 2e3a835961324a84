"""Multitracks in folders: `SONG/{drums,bass,other,vocals,...}.{flac,wav,ogg,...}`, as `tfsep render` and MUSDB18-HQ lay them out."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import READABLE_SUFFIXES, Audio
from tfsep.errors import DataError
from tfsep.models.config import DEFAULT_STEMS

FOLDER_STEMS = (*DEFAULT_STEMS, "accompaniment", "guitar", "piano")  # files of other names are no stems, such as mixture.wav


@dataclass(frozen=True, kw_only=True)
class FolderTrack:
    """One song folder; a `Track`."""

    name: str
    genre: str | None
    files: tuple[tuple[str, Path], ...]  # (stem, path), sorted
    recipe: str = ""

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that have a file."""
        return tuple(stem for stem, _ in self.files)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The stems' files."""
        return tuple(path for _, path in self.files)

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        """Return each stem as float32 `(samples, channels)`.

        Raises: AudioError for a file that cannot be read; DataError if the stems differ in length by more than a tenth of a second.
        """
        stems = {stem: Audio.read(path, sample_rate_hz=sample_rate_hz, channels=channels).samples for stem, path in self.files}
        lengths = {stem: len(samples) for stem, samples in stems.items()}
        if max(lengths.values()) - min(lengths.values()) > sample_rate_hz // 10:
            listed = ", ".join(f"{stem} {count / sample_rate_hz:.2f} s" for stem, count in lengths.items())
            raise DataError(
                f"{self.paths[0].parent}: the stems differ in length ({listed}): export them again from one project"
            )
        return {stem: samples[: min(lengths.values())] for stem, samples in stems.items()}


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """All song folders below `root`; a `StemSource`."""

    root: Path
    exclude: frozenset[str] = frozenset()  # names of song folders to leave out, wherever below `root` they lie
    paired: bool = True

    def folders(self) -> list[Path]:
        """Return each folder that holds a stem, excluded or not, sorted. Raises: DataError if there is none.

        Links are followed, since a validation set is often a folder of links to songs; each song is there once all the same.
        """
        if not self.root.is_dir():
            raise DataError(f"{self.root}: not a folder; give a folder of songs, SONG/drums.flac and so on")
        folders, seen = [], set()
        for folder, below, names in os.walk(self.root, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:
                below.clear()  # a link may lead in a circle
                continue
            seen.add(real)
            below.sort()
            if any(_stem_of(Path(folder, name)) for name in names):
                folders.append(Path(folder))
        if not folders:
            raise DataError(
                f"{self.root}: no song in it; a song is a folder with two or more of {', '.join(FOLDER_STEMS)} "
                "as .wav, .flac or another readable format"
            )
        return sorted(folders)

    def names(self) -> frozenset[str]:
        """Return what `exclude` may name. Raises: DataError as `folders`."""
        return frozenset().union(*map(folder_names, self.folders()))

    def tracks(self) -> Sequence[FolderTrack]:
        """Return one track for each folder that holds a stem. Raises: DataError if there is none, or none is left."""
        folders = self.folders()
        found = [self._track(folder) for folder in folders if not self.exclude & folder_names(folder)]
        if not found:
            raise DataError(f"{self.root}: all of its {len(folders)} songs are excluded or held out for validation: add others")
        return found

    def _track(self, folder: Path) -> FolderTrack:
        files = {}
        for path in sorted(folder.iterdir()):
            stem = _stem_of(path)
            if stem and stem in files:
                raise DataError(f"{folder}: {stem} is there twice, {files[stem].name} and {path.name}: keep one")
            if stem:
                files[stem] = path
        if len(files) < 2:
            raise DataError(f"{folder}: only {', '.join(files)} is there; a multitrack has two or more stems")
        about = folder / "song.json"
        try:
            genre = json.loads(about.read_text(encoding="utf-8")).get("genre") if about.is_file() else None
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError) as error:
            raise DataError(f"{about}: not a song description ({error}); delete it or write it again") from None
        if not isinstance(genre, str | None):
            raise DataError(f"{about}: the genre is {genre!r}; use a name, or leave it out")
        name = str(folder.relative_to(self.root)) if folder != self.root else folder.resolve().name
        return FolderTrack(name=name, genre=genre, files=tuple(sorted(files.items())))


def folder_names(folder: Path) -> frozenset[str]:
    """Return what a folder is called: by its name and, if it is a link, by that of the folder it leads to."""
    return frozenset((folder.name, folder.resolve().name))


def _stem_of(path: Path) -> str | None:
    """Return which stem a file holds by its name, or None."""
    if path.suffix.lower() in READABLE_SUFFIXES and path.stem in FOLDER_STEMS and path.is_file():
        return path.stem
    return None
