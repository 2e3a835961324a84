"""The files of a mash-up."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tfsep.audio import AudioInfo, open_writer
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
_RESIDUAL = "other"  # takes the rounding, so that the files' stems sum to the file's mix


class MashupFiles:
    """Writes the mix, its stems and a `.stem.mp4` into a folder of their own. Use it as a context manager.

    Each appears under its name when all are complete; after an exception none does.

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
        name = f"{a.stem}_x_{b.stem}"
        self.folder = out / name
        self.paths = {stem: self.folder / f"{stem}.{format}" for stem in (MIX, *STEMS)}
        self.paths[STEM_FILE] = self.folder / f"{name}.{STEM_FILE}"
        self._check_paths((a, b), overwrite)
        info = replace(info, tags={"title": f"{a.stem} x {b.stem}"})
        codec = "aac" if info.sample_rate_hz in AAC_RATES_HZ else "alac"
        stems = SeparationJob(out=out, format=format)
        whole = SeparationJob(out=out, format=STEM_FILE, codec=codec)
        self._grid = stems.subtype_for(info) if stems.lossless else "float32"
        with ExitStack() as stack:
            stem_paths = {stem: self.paths[stem] for stem in STEMS}
            self._songs = [
                stack.enter_context(SongFiles(stem_paths, stems, STEMS, _RESIDUAL, info)),
                stack.enter_context(SongFiles({STEM_FILE: self.paths[STEM_FILE]}, whole, STEMS, _RESIDUAL, info)),
            ]
            self._mix = stack.enter_context(
                open_writer(
                    self.paths[MIX],
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

    def _check_paths(self, songs: tuple[Path, Path], overwrite: bool) -> None:
        for path in self.paths.values():
            if path.resolve() in {song.resolve() for song in songs}:
                raise UsageError(f"{path}: is one of the songs and would be overwritten: choose another --out")
            if path.exists() and not overwrite:
                raise UsageError(f"{path}: is there already: use --overwrite, or choose another --out")
