"""The files of one song's stems, written side by side."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tfsep.audio import AudioInfo, StemFileWriter, open_writer
from tfsep.dsp.consistency import quantise, quantise_stems
from tfsep.errors import AudioError
from tfsep.separation.job import STEM_FILE_ORDER, SeparationJob
from tfsep.separation.pipeline import StemBlock


class SongFiles:
    """Writes blocks of stems to the files of a job. Use it as a context manager.

    Each file appears under its name when all are complete; after an exception none does, and no empty folder is left. Where the
    files are lossless and hold all of the song, they sum to the mixture exactly, see `quantise_stems`.

    Args:
        files: what `SeparationJob.outputs` says.
        job: which stems, and how.
        model_stems: all that the model tells apart.
        residual: which of them is what the others leave of the mixture.
        info: the song, for rate, channels, tags and cover.

    Raises: as `open_writer` and `StemFileWriter`; AudioError if the folder cannot be made.
    """

    def __init__(
        self, files: dict[str, Path], job: SeparationJob, model_stems: Sequence[str], residual: str, info: AudioInfo
    ) -> None:
        self._job, self._residual = job, residual
        subtype = job.subtype_for(info)
        self._grid = subtype if job.lossless else "float32"
        all_stems = job.two_stems is not None or set(files) >= set(model_stems) or job.format == "stem.mp4"
        self._whole = job.stems_sum and all_stems
        folder = next(iter(files.values())).parent
        with ExitStack() as stack:
            stack.callback(_remove_if_empty, folder)
            _make(folder)
            if job.format == "stem.mp4":
                self._writers = {}
                self._stem_file = stack.enter_context(
                    StemFileWriter(
                        files["stem.mp4"],
                        sample_rate_hz=info.sample_rate_hz,
                        codec=job.codec or "aac",
                        subtype=subtype,
                        tags=info.tags,
                        cover=info.cover,
                    )
                )
            else:
                self._stem_file = None
                self._writers = {
                    name: stack.enter_context(
                        open_writer(
                            path,
                            sample_rate_hz=info.sample_rate_hz,
                            channels=info.channels,
                            subtype=subtype,
                            tags=info.tags,
                            cover=info.cover,
                        )
                    )
                    for name, path in files.items()
                }
            self._stack = stack.pop_all()

    def write(self, block: StemBlock) -> None:
        """Append a block. Raises: AudioError if the disk is full."""
        stems = self._rounded(block)
        if self._stem_file is not None:
            self._stem_file.write(quantise(block.mixture, self._grid), [stems[name] for name in STEM_FILE_ORDER])
        for name, writer in self._writers.items():
            writer.write(stems[name])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def _rounded(self, block: StemBlock) -> dict[str, np.ndarray]:
        """Return what is written of a block; the writers round what does not have to sum to anything."""
        stems, residual = block.stems, self._residual
        if self._job.two_stems is not None:
            residual = f"no_{self._job.two_stems}"
            stems = stems | {residual: block.mixture - stems[self._job.two_stems]}
        if not self._whole:
            return stems
        rounded = quantise_stems(np.stack(list(stems.values())), block.mixture, self._grid, list(stems).index(residual))
        return dict(zip(stems, rounded, strict=True))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioError(f"{folder}: this folder cannot be made ({error.strerror or error}): choose another --out") from None


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
