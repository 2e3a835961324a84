"""The files of a mash-up."""

import os
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tfsep.audio import AudioInfo, open_writer
from tfsep.audio.atomic import write_error
from tfsep.audio.staging import StagedFolder, exchange
from tfsep.audio.stems import AAC_RATES_HZ
from tfsep.creative.mashup.settings import STEMS
from tfsep.dsp.consistency import quantise
from tfsep.errors import UsageError
from tfsep.separation.job import SeparationJob
from tfsep.separation.pipeline import StemBlock
from tfsep.separation.song_files import SongFiles

MIX = "mix"
STEM_FILE = "stem.mp4"
FORMATS = ("wav", "flac", "mp3")
LONGEST_NAME = 100  # bytes of each song's name in the mash-up's; file systems take 255 for all, a suffix included
_RESIDUAL = "other"  # takes the rounding, so that the files' stems sum to the file's mix


def mashup_folder(out: Path, a: Path, b: Path) -> Path:
    """Return the folder in `out` of the mash-up of two songs; very long names are cut."""
    return out / f"{_cut(a.stem)}_x_{_cut(b.stem)}"


class MashupFiles:
    """Writes the mix, its stems and a `.stem.mp4` into a folder of their own. Use it as a context manager.

    They are written in a hidden folder inside that one. When all are complete and on the disk they get their names, one right
    after the other. After an exception, as on a full disk or Ctrl-C, none does, and files that had the names are as they were;
    a kill among the renames leaves some files new and some old, each of them whole.

    Args:
        out: the folder in which the mash-up's own is made.
        a, b: the songs, for the name.
        info: sample rate, channels and subtype.
        format: one of `FORMATS`.

    Raises: UsageError for another format, or if a file is there and must not be overwritten, or is one of the songs; as
        `SongFiles`.
    """

    def __init__(self, out: Path, a: Path, b: Path, info: AudioInfo, format: str, overwrite: bool) -> None:
        if format not in FORMATS:
            raise UsageError(f"--format {format}: use one of {', '.join(FORMATS)}; a .stem.mp4 is always written as well")
        self.folder = mashup_folder(out, a, b)
        name = self.folder.name
        self.paths = {stem: self.folder / f"{stem}.{format}" for stem in (MIX, *STEMS)}
        self.paths[STEM_FILE] = self.folder / f"{name}.{STEM_FILE}"
        self._check_paths((a, b), overwrite)
        info = replace(info, tags={"title": f"{a.stem} x {b.stem}"})
        codec = "aac" if info.sample_rate_hz in AAC_RATES_HZ else "alac"
        stems = SeparationJob(out=out, format=format)
        whole = SeparationJob(out=out, format=STEM_FILE, codec=codec)
        self._grid = stems.subtype_for(info) if stems.lossless else "float32"
        with ExitStack() as stack:
            stack.callback(_remove_if_empty, self.folder)
            self._staged = stack.enter_context(StagedFolder(self.folder / "mashup")).path
            stack.push(self._give_names)  # runs when all writers have closed
            staged = {part: self._staged / path.name for part, path in self.paths.items()}
            stem_paths = {stem: staged[stem] for stem in STEMS}
            self._songs = [
                stack.enter_context(SongFiles(stem_paths, stems, STEMS, _RESIDUAL, info)),
                stack.enter_context(SongFiles({STEM_FILE: staged[STEM_FILE]}, whole, STEMS, _RESIDUAL, info)),
            ]
            self._mix = stack.enter_context(
                open_writer(
                    staged[MIX],
                    sample_rate_hz=info.sample_rate_hz,
                    channels=info.channels,
                    subtype=stems.subtype_for(info),
                    tags=info.tags,
                )
            )
            self._stack = stack.pop_all()

    def write(self, mix: np.ndarray, stems: dict[str, np.ndarray]) -> None:
        """Append a block, float32 `(samples, channels)` each. Raises: AudioError if the disk is full."""
        block = StemBlock(mix, stems)
        for files in self._songs:
            files.write(block)
        self._mix.write(quantise(mix, self._grid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def _give_names(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            return
        try:
            exchange(self._staged, self.folder, [path.name for path in self.paths.values()])
        except OSError as failure:
            raise write_error(self.folder, failure) from None

    def _check_paths(self, songs: tuple[Path, Path], overwrite: bool) -> None:
        for path in self.paths.values():
            if path.resolve() in {song.resolve() for song in songs}:
                raise UsageError(f"{path}: is one of the songs and would be overwritten: choose another --out")
            if path.is_dir():
                raise UsageError(f"{path}: is a folder, so no file of that name can be written: choose another --out")
            if path.exists() and not overwrite:
                raise UsageError(f"{path}: is there already: use --overwrite, or choose another --out")


def _cut(name: str) -> str:
    """Return the first `LONGEST_NAME` bytes of a name, no character in parts."""
    encoded = os.fsencode(name)
    return name if len(encoded) <= LONGEST_NAME else encoded[:LONGEST_NAME].decode("utf-8", "ignore")


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
