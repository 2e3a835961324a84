"""Decoded tracks on disk, mapped into memory: a training crop then costs a copy, not a decode."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.contract import residual_stem
from tfsep.data.source import Track


@dataclass(frozen=True)
class CachedTrack:
    """A track ready to crop.

    Attributes:
        key: hash of the files it was read from.
        stems: which stems it has, in the order of `samples`.
        samples: int16 `(stems, length, channels)`, mapped from disk.
        gain: what `samples` are multiplied by to give audio in [-1, 1] (or beyond, where the recording was).
    """

    name: str
    key: str
    genre: str | None
    stems: tuple[str, ...]
    samples: np.ndarray
    gain: float

    @property
    def length(self) -> int:
        """Samples of each stem."""
        return self.samples.shape[1]

    def parts(self, stem: str, wanted: Sequence[str]) -> tuple[str, ...]:
        """Return the track's stems that make up `stem`, of the stems that are `wanted`; none if it has not got it.

        For `accompaniment` they are all that are not wanted by name. Where no one asks for `accompaniment`, a recording without
        drums counts as the stem that takes the rest.
        """
        if stem == "accompaniment" and len(wanted) > 1:
            return tuple(name for name in self.stems if name == stem or name not in (*wanted, "mixture"))
        if stem in self.stems:
            return (stem,)
        return ("accompaniment",) if "accompaniment" in self.stems and stem == residual_stem(wanted) and len(wanted) > 1 else ()

    def tells(self, stem: str, wanted: Sequence[str]) -> bool:
        """Return whether it is known how much of `stem` the track holds: it is there, or known to be missing."""
        return bool(self.parts(stem, wanted)) or (stem == "drums" and "accompaniment" in self.stems)

    def read(self, stem: str, wanted: Sequence[str], start: int, count: int) -> np.ndarray:
        """Return float32 `(samples, channels)` of a stem, at most `count` samples, fewer at the track's end."""
        rows = [self.stems.index(part) for part in self.parts(stem, wanted)]
        crop = self.samples[rows[0], start : start + count].astype(np.float32)
        for row in rows[1:]:
            crop += self.samples[row, start : start + count]
        return crop * np.float32(self.gain)


def fingerprint(track: Track, sample_rate_hz: int, channels: int) -> str:
    """Return a hash of a track's files (path, size, time of change), of how they make its stems, and of what they are decoded to."""
    described = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in track.paths]
    recipe = [track.recipe] if track.recipe else []
    return hashlib.sha256(json.dumps([described, sample_rate_hz, channels, *recipe]).encode()).hexdigest()[:24]


def load_cached(track: Track, folder: Path, *, sample_rate_hz: int, channels: int) -> CachedTrack:
    """Return a track from the cache, decoding it first where the cache has not got it.

    Raises: AudioError or DataError from reading the track; AudioError if the cache cannot be written.
    """
    key = fingerprint(track, sample_rate_hz, channels)
    path, about = folder / f"{key}.npy", folder / f"{key}.json"
    if not (path.is_file() and about.is_file()):
        _decode(track, path, about, sample_rate_hz, channels)
    described = json.loads(about.read_text(encoding="utf-8"))
    return CachedTrack(
        name=track.name,
        key=key,
        genre=track.genre,
        stems=tuple(described["stems"]),
        samples=np.load(path, mmap_mode="r"),
        gain=described["gain"],
    )


def _decode(track: Track, path: Path, about: Path, sample_rate_hz: int, channels: int) -> None:
    stems = track.read(sample_rate_hz, channels)
    joined = np.stack([stems[stem] for stem in sorted(stems)])
    scale = max(1.0, float(np.abs(joined).max(initial=0.0)))
    integers = np.rint(joined * (32767 / scale)).astype(np.int16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with AtomicFile(path) as target:
            np.save(target.file, integers)
        with AtomicFile(about) as target:
            target.file.write(json.dumps({"stems": sorted(stems), "gain": scale / 32767}).encode())
    except OSError as error:  # no permission, a full disk
        raise write_error(path, error) from None
