"""One pass over a song of a contribution: everything the checks ask, in blocks of some seconds, never a whole song in memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import AudioInfo, AudioReader, open_audio
from tfsep.data.catalogue.fingerprints import Fingerprint, Fingerprinter
from tfsep.data.catalogue.layout import MIXTURE, SongFolder
from tfsep.data.catalogue.levels import LevelMeter, Levels
from tfsep.data.catalogue.likeness import CoherenceMeter, Sound, SoundMeter
from tfsep.errors import AudioError

BLOCK_S = 10
_LAG_S = 0.5
_LOWEST_RATE_HZ = 8000  # of what can be measured at all; `Limits` asks for more


@dataclass(frozen=True, kw_only=True)
class FileMeasurement:
    """What was measured of one file; `notes` are what the reader found damaged, `sound` is None for a mixture and for silence."""

    path: Path
    info: AudioInfo
    levels: Levels
    notes: tuple[str, ...]
    sound: Sound | None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.levels.samples / self.info.sample_rate_hz


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """What the files of a song have to do with each other, over the length that all have.

    Attributes:
        parts: names, sorted, the mixture among them.
        products: float64 `(parts, parts)`, inner products of their samples, all channels together.
        shared: float64 `(parts, parts)`, see `CoherenceMeter.shared`.
        lag_samples: how much later the mixture is than the sum of the stems, where they are most alike; within half a second.
    """

    parts: tuple[str, ...]
    products: np.ndarray
    shared: np.ndarray
    lag_samples: int


@dataclass(frozen=True, kw_only=True)
class SongMeasurement:
    """What was measured of a song.

    Attributes:
        files: by part, those that could be read.
        failures: file name and reason of those that could not.
        comparison: None unless there are a mixture and stems of one sample rate, all readable.
        fingerprint: of the mixture, None if there is none that can be read.
    """

    name: str
    files: dict[str, FileMeasurement]
    failures: tuple[tuple[str, str], ...]
    comparison: Comparison | None
    fingerprint: Fingerprint | None

    @property
    def duration_s(self) -> float:
        """Length of the shortest file in seconds, 0 without any."""
        return min((file.duration_s for file in self.files.values()), default=0.0)


class _Part:
    """One file on its way through the pass."""

    def __init__(self, name: str, reader: AudioReader):
        self.name, self.reader = name, reader
        self.failed = False
        info = reader.info
        if info.sample_rate_hz < _LOWEST_RATE_HZ:
            raise AudioError(f"{info.path}: {info.sample_rate_hz} Hz is below {_LOWEST_RATE_HZ} Hz")
        self.levels = LevelMeter(info.sample_rate_hz, info.channels)
        self.sound = None if name == MIXTURE else SoundMeter(info.sample_rate_hz)
        self.fingerprint = Fingerprinter(info.sample_rate_hz) if name == MIXTURE else None
        self._blocks = reader.blocks(BLOCK_S * info.sample_rate_hz)

    def next(self) -> np.ndarray | None:
        """Measure the next block and return it as stereo, None at the end. Raises: AudioError from reading."""
        block = next(self._blocks, None)
        if block is None:
            return None
        self.levels.push(block)
        if self.sound:
            self.sound.push(block)
        if self.fingerprint:
            self.fingerprint.push(block)
        return np.repeat(block, 2, axis=1) if block.shape[1] == 1 else block

    def finish(self) -> FileMeasurement:
        return FileMeasurement(
            path=self.reader.info.path,
            info=self.reader.info,
            levels=self.levels.finish(),
            notes=tuple(self.reader.warnings),
            sound=self.sound.finish() if self.sound else None,
        )


class _Comparer:
    """Compares the parts of a song block by block, up to the end of the shortest."""

    def __init__(self, parts: tuple[str, ...], sample_rate_hz: int):
        self._parts, self._rate = parts, sample_rate_hz
        self._mixture = parts.index(MIXTURE)
        self._products = np.zeros((len(parts), len(parts)))
        self._coherence = CoherenceMeter(len(parts), sample_rate_hz)
        self._loudest = 0.0
        self._lag = 0
        self._ended = False

    def push(self, blocks: list[np.ndarray | None]) -> None:
        """Take a block of each part, stereo, None of those that have ended."""
        if self._ended:
            return
        count = min(0 if block is None else len(block) for block in blocks)
        self._ended = count < BLOCK_S * self._rate
        if not count:
            return
        joined = np.stack([block[:count] for block in blocks])  # (parts, samples, 2)
        flat = joined.reshape(len(blocks), -1).astype(np.float64)
        self._products += flat @ flat.T
        mono = joined.mean(axis=2).T
        self._coherence.push(mono)
        stems = np.delete(mono, self._mixture, axis=1).sum(axis=1)
        loudness = float(np.abs(stems).sum())
        if loudness > self._loudest:  # the loudest block tells a delay best
            self._loudest, self._lag = loudness, _lag(mono[:, self._mixture], stems, round(_LAG_S * self._rate))

    def finish(self) -> Comparison:
        return Comparison(parts=self._parts, products=self._products, shared=self._coherence.shared(), lag_samples=self._lag)


def measure_song(song: SongFolder) -> SongMeasurement:
    """Read a song once and measure it.

    A file that cannot be read is among the `failures`; the others are measured all the same.

    Raises: MissingExtraError without scipy.
    """
    with ExitStack() as stack:
        parts: list[_Part] = []
        failures: list[tuple[str, str]] = []
        for name, path in song.files:
            try:
                parts.append(_Part(name, stack.enter_context(open_audio(path))))
            except AudioError as problem:
                failures.append((path.name, str(problem)))
        rates = {part.reader.info.sample_rate_hz for part in parts}
        comparable = song.complete and not failures and len(rates) == 1
        comparer = _Comparer(tuple(part.name for part in parts), rates.pop()) if comparable else None
        for blocks in _lockstep(parts, failures):
            if comparer and not failures:
                comparer.push(blocks)
        whole = [part for part in parts if not part.failed]
        prints = [part.fingerprint.finish() for part in whole if part.fingerprint]
        return SongMeasurement(
            name=song.name,
            files={part.name: part.finish() for part in whole},
            failures=tuple(sorted(failures)),
            comparison=comparer.finish() if comparer and not failures else None,
            fingerprint=prints[0] if prints else None,
        )


def _lockstep(parts: list[_Part], failures: list[tuple[str, str]]) -> Iterator[list[np.ndarray | None]]:
    """Yield a block of each part until all have ended; a part that fails is noted in `failures` and ends there."""
    running = set(range(len(parts)))
    while running:
        blocks: list[np.ndarray | None] = [None] * len(parts)
        for index in sorted(running):
            try:
                blocks[index] = parts[index].next()
            except AudioError as problem:
                parts[index].failed = True
                failures.append((parts[index].reader.info.path.name, str(problem)))
            if blocks[index] is None:
                running.discard(index)
        yield blocks


def _lag(late: np.ndarray, early: np.ndarray, limit: int) -> int:
    """Return the delay in samples, at most `limit` either way, at which two signals `(samples,)` are most alike."""
    limit = min(limit, len(late) - 1)
    size = 1 << (len(late) + limit).bit_length()
    products = np.fft.irfft(np.fft.rfft(late, size) * np.fft.rfft(early, size).conj(), size)
    around = np.concatenate([products[size - limit :], products[: limit + 1]]) if limit else products[:1]
    return int(np.abs(around).argmax()) - limit
