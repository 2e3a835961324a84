"""Tracks made of audio files: which file, and which stream of it, belongs to which stem; many may make one."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import READABLE_SUFFIXES, Resampler, open_audio, read_info
from tfsep.errors import AudioError, DataError

LENGTH_TOLERANCE_S = 0.1  # by which files that are whole stems may differ: an encoder's padding


@dataclass(frozen=True, kw_only=True)
class Part:
    """One audio stream that is a stem or part of one."""

    stem: str
    path: Path
    stream: int = 0


@dataclass(frozen=True, kw_only=True)
class FileTrack:
    """A track whose stems are sums of streams of files; a `Track`.

    Attributes:
        parts: at least one.
        padded: whether files that end early are silent from there on, as in a recording session; otherwise stems must be of
            equal length.
    """

    name: str
    genre: str | None = None
    parts: tuple[Part, ...]
    padded: bool = False

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems that have a part, sorted."""
        return tuple(sorted({part.stem for part in self.parts}))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The parts' files, sorted."""
        return tuple(sorted({part.path for part in self.parts}))

    @property
    def recipe(self) -> str:
        """A hash of how the files are made into stems: of two recipes for the same files, each needs a cache of its own."""
        paths = self.paths
        parts = [(part.stem, paths.index(part.path), part.stream) for part in self.parts]
        return hashlib.sha256(json.dumps([type(self).__name__, parts, self.padded]).encode()).hexdigest()[:12]

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        """Return each stem as float32 `(samples, channels)`.

        Raises: AudioError for a file that cannot be read; DataError if it lacks a stream, if stems that are not `padded`
            differ in length, or if one of several files is damaged or breaks off.
        """
        stems: dict[str, np.ndarray] = {}
        lengths = []
        for part in self.parts:
            samples = self._samples(part, sample_rate_hz, channels)
            lengths.append((part, len(samples)))
            stems[part.stem] = _added(stems[part.stem], samples) if part.stem in stems else samples
        shortest, longest = (pick(lengths, key=lambda item: item[1]) for pick in (min, max))
        if self.padded:
            return {stem: _padded(samples, longest[1]) for stem, samples in stems.items()}
        if longest[1] - shortest[1] > LENGTH_TOLERANCE_S * sample_rate_hz:
            told = ", ".join(f"{part.stem} in {part.path.name} {n / sample_rate_hz:.2f} s" for part, n in (shortest, longest))
            raise DataError(f"{self.paths[0].parent}: {self.name}: the stems differ in length ({told}): export them together")
        return {stem: samples[: shortest[1]] for stem, samples in stems.items()}

    def _samples(self, part: Part, sample_rate_hz: int, channels: int) -> np.ndarray:
        streams = read_info(part.path).streams
        if part.stream >= streams:
            raise DataError(f"{part.path}: has {streams} audio streams, but {part.stem} is to be number {part.stream + 1}")
        with open_audio(part.path, stream=part.stream) as reader:
            resampler = Resampler(reader.info.sample_rate_hz, sample_rate_hz, channels)
            blocks = [resampler.process(_with_channels(block, channels)) for block in reader.blocks()]
            if reader.warnings and len(self.parts) > 1:
                # What is missing would be learnt as silence; a recording alone is as good as far as it goes.
                raise DataError(reader.warnings[0])
        return np.concatenate([*blocks, resampler.flush()])


@dataclass(frozen=True, kw_only=True)
class UnreadableTrack:
    """A file of which not even the stems can be told; a `Track` whose reading fails, so that it is skipped and counted."""

    name: str
    paths: tuple[Path, ...]
    error: AudioError | DataError
    genre: str | None = None
    stems: tuple[str, ...] = ()
    recipe: str = ""

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        """Raise the error."""
        raise self.error


def audio_files(root: Path, suffixes: Sequence[str] = READABLE_SUFFIXES, *, wanted: str = "audio files") -> list[Path]:
    """Return all files below a folder that end in one of `suffixes`, hidden ones left out, sorted.

    Links are followed; a folder that links lead to several times is looked at once.

    Args:
        wanted: what is looked for, for the message.
    Raises: DataError if `root` is no folder, cannot be read, or has no such file.
    """
    check_folder(root)
    found, seen = [], set()
    for folder, below, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()  # a link may lead in a circle
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        found += [Path(folder, name) for name in names if not name.startswith(".") and name.lower().endswith(tuple(suffixes))]
    found = [path for path in found if path.is_file()]
    if not found:
        raise DataError(f"{root}: no {wanted} in it or below it ({', '.join(suffixes)}): check the path")
    return sorted(found)


def check_folder(root: Path) -> None:
    """Raise DataError unless `root` is a folder that can be read."""
    try:
        os.scandir(root).close()
    except FileNotFoundError:
        raise DataError(f"{root}: there is no such folder: check the path") from None
    except NotADirectoryError:
        raise DataError(f"{root}: is a file, not a folder: give the folder that holds it") from None
    except OSError as error:
        raise DataError(f"{root}: cannot be read ({error.strerror}): check its permissions") from None


def relative_name(path: Path, root: Path) -> str:
    """Return a path below `root` with forward slashes; for `root` itself, what the folder is called."""
    return path.relative_to(root).as_posix() if path != root else root.resolve().name


def own_names(root: Path, paths: Iterable[Path]) -> frozenset[str]:
    """Return what files or folders below `root` are called.

    These are the name of each, that of what it links to, both with and without suffix, and its path below `root`.
    """
    names = {
        name for path in paths for name in (relative_name(path, root), path.name or root.resolve().name, path.resolve().name)
    }
    return frozenset(names | {without_suffix(name) for name in names})


def not_excluded(root: Path, paths: Sequence[Path], exclude: frozenset[str]) -> list[Path]:
    """Return the files or folders that `exclude` does not name, nor a folder between them and `root`, or that a link leads to.

    Where the song "lithium" is held out, lithium/drums.wav is so too.

    Raises: DataError if none is left.
    """

    def names(path: Path) -> frozenset[str]:
        places = relative_name(path, root).split("/")[:-1] + [path.resolve().parent.name] * path.is_symlink()
        return own_names(root, [path]).union(places)

    kept = [path for path in paths if not exclude & names(path)] if exclude else list(paths)
    if not kept:
        raise DataError(f"{root}: all of its {len(paths)} recordings are excluded or held out for validation: add others")
    return kept


def without_suffix(name: str) -> str:
    """Return a file name without the suffix of an audio file, `.stem.mp4` and the like included."""
    lower = name.lower()
    for suffix in (".stem.mp4", ".stem.m4a", *READABLE_SUFFIXES):
        if lower.endswith(suffix):
            return name[: -len(suffix)]
    return name


def tagged_genre(path: Path) -> str | None:
    """Return the genre in a file's tags; None if there is none or the file cannot be read, which reading it will tell."""
    try:
        return read_info(path).tags.get("genre")
    except AudioError:
        return None


def _with_channels(block: np.ndarray, channels: int) -> np.ndarray:
    """Average two channels for one, repeat one for two."""
    if channels == block.shape[1]:
        return block
    return block.mean(axis=1, keepdims=True) if channels == 1 else np.repeat(block, channels, axis=1)


def _added(total: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Return the sum, as long as the longer."""
    if len(total) < len(samples):
        total, samples = samples, total
    total[: len(samples)] += samples
    return total


def _padded(samples: np.ndarray, length: int) -> np.ndarray:
    return np.pad(samples, ((0, length - len(samples)), (0, 0))) if len(samples) < length else samples
