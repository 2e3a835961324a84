"""Reading audio files, block by block."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from tfsep.audio.info import AudioInfo, open_container, played_frames, read_info
from tfsep.audio.pcm import to_float
from tfsep.audio.truncation import lacks_ogg_end, missing_bytes, tolerance_samples
from tfsep.errors import AudioError

if TYPE_CHECKING:
    import av

_GAP_LIMIT_S = 10.0  # a longer jump of the clock after a damaged place is a wrong clock rather than lost sound


class AudioReader:
    """An audio file being read; made by `open_audio`. `info` describes it, `warnings` says what was wrong but not fatal."""

    def __init__(self, path: Path, stream: int) -> None:
        self.info: AudioInfo = read_info(path, stream=stream)
        self.warnings: list[str] = []
        self._path, self._stream = path, stream
        if self.info.channels > 2:
            raise AudioError(
                f"{path}: has {self.info.channels} channels, tfsep takes mono and stereo: mix it down first, for example with  "
                f"ffmpeg -i {path.name} -ac 2 stereo.wav"
            )
        self._decoder: _Decoder | None = _Decoder(path, stream, self.info, self.warnings)

    def blocks(self, block_samples: int = 1 << 16) -> Iterator[np.ndarray]:
        """Yield the sound as float32 `(block_samples, channels)`, the last block shorter; each call starts at the beginning.

        Integers of b bits are divided by `2**(b - 1)`: exact up to 24 bits. What an encoder added before and after the sound is
        left out where the file says how much that is. A file that breaks off is read as far as it goes, with a note in
        `warnings`.

        Raises: AudioError for NaN or infinite samples and for a file that changes its sample rate or channels, ValueError for
            `block_samples` below 1 or a closed reader.
        """
        if block_samples < 1:
            raise ValueError(f"block_samples={block_samples}: use 1 or more")
        if self._decoder is None:
            raise ValueError(f"{self._path}: the reader is closed")
        if self._decoder.started:
            self._decoder.close()
            self.warnings.clear()
            self._decoder = _Decoder(self._path, self._stream, self.info, self.warnings)
        return _reblock(self._decoder.chunks(), block_samples, self.info.channels)

    def close(self) -> None:
        """Close the file."""
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_audio(path: str | Path, *, stream: int = 0) -> AudioReader:
    """Open an audio file of any kind that libav decodes, for reading in blocks; use it as a context manager.

    Args:
        stream: which audio stream, counted from 0; a `.stem.mp4` has the mixture as 0 and its stems as 1 to 4.

    Raises: AudioError if the file is missing, a folder, empty, unreadable, not audio, without a sample, or of more than two
        channels, UsageError if it has no such stream.
    """
    return AudioReader(Path(path), stream)


def _reblock(chunks: Iterator[np.ndarray], block_samples: int, channels: int) -> Iterator[np.ndarray]:
    block, filled = np.empty((block_samples, channels), np.float32), 0
    for chunk in chunks:
        while len(chunk):
            part = chunk[: block_samples - filled]
            block[filled : filled + len(part)] = part
            filled += len(part)
            chunk = chunk[len(part) :]
            if filled == block_samples:
                yield block
                block, filled = np.empty((block_samples, channels), np.float32), 0
    if filled:
        yield block[:filled].copy()


class _Decoder:
    """One pass over one stream. Decodes the first samples at once, so that a file without any fails when it is opened."""

    def __init__(self, path: Path, stream: int, info: AudioInfo, warnings: list[str]) -> None:
        self.started = False
        self._path, self._info, self._warnings = path, info, warnings
        self._container = open_container(path)
        self._audio = self._container.streams.audio[stream]
        self._limit = played_frames(self._container, path, stream)
        self._produced = self._damaged = self._filled = 0
        self._chunks = self._decode()
        self._first = next(self._chunks, None)
        if self._first is None:
            self.close()
            why = "damaged or truncated, none of it can be decoded" if self._damaged else "without any sound (0 samples)"
            raise AudioError(f"{path}: is {why}: copy or export the file again")

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield float32 `(any, channels)` until the end, then note in the warnings what was missing."""
        self.started = True
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._chunks
        self._note_damage()

    def close(self) -> None:
        self._chunks.close()
        self._container.close()

    def _decode(self) -> Iterator[np.ndarray]:
        import av

        after_damage, start_s = False, None
        packets = self._container.demux(self._audio)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except av.EOFError:
                return
            except av.InvalidDataError:
                self._damaged += 1
                after_damage = True
                continue
            except av.FFmpegError as error:
                raise AudioError(f"{self._path}: cannot be read to its end ({error.strerror}): copy the file again") from None
            for frame in frames:
                samples = self._samples(frame)
                if frame.time is not None:
                    start_s = frame.time if start_s is None else start_s
                    # FLAC counts its frames, so that its clock shows what libav dropped without a word
                    if after_damage or self._info.container == "flac":
                        yield from self._silence(frame.time - start_s)
                after_damage = False
                if self._limit is not None:
                    samples = samples[: max(0, self._limit - self._produced)]
                if len(samples):
                    self._check_finite(samples)
                    self._produced += len(samples)
                    yield samples

    def _samples(self, frame: "av.AudioFrame") -> np.ndarray:
        channels = len(frame.layout.channels)
        if frame.sample_rate != self._info.sample_rate_hz or channels != self._info.channels:
            at_s = self._produced / self._info.sample_rate_hz
            raise AudioError(
                f"{self._path}: changes from {self._info.sample_rate_hz} Hz, {self._info.channels} channels to "
                f"{frame.sample_rate} Hz, {channels} channels at {at_s:.1f} s: convert it first, for example with  "
                f"ffmpeg -i {self._path.name} whole.wav"
            )
        array = frame.to_ndarray()
        return to_float(array.T if frame.format.is_planar else array.reshape(-1, channels))

    def _silence(self, due_s: float) -> Iterator[np.ndarray]:
        """Yield zeros in place of what was lost, so that what follows stays in time."""
        gap = round(due_s * self._info.sample_rate_hz) - self._produced
        if 0 < gap <= _GAP_LIMIT_S * self._info.sample_rate_hz:
            self._produced += gap
            self._filled += gap
            yield np.zeros((gap, self._info.channels), np.float32)

    def _check_finite(self, samples: np.ndarray) -> None:
        finite = np.isfinite(samples).all(axis=1)
        if not finite.all():
            at = int(np.argmin(finite))
            value = "NaN" if np.isnan(samples[at]).any() else "infinite"
            at_s = (self._produced + at) / self._info.sample_rate_hz
            raise AudioError(f"{self._path}: the sample at {at_s:.3f} s is {value}: repair the file or export it again")

    def _note_damage(self) -> None:
        info, path = self._info, self._path
        if self._damaged or self._filled:
            lost_s = self._filled / info.sample_rate_hz
            replaced = f", {lost_s:.2f} s of silence put in place of what was lost" if self._filled else ""
            self._warnings.append(
                f"{path}: damaged, what cannot be decoded was left out{replaced}: copy or export the file again"
            )
        tolerance = tolerance_samples(path, info.container, info.codec)
        missing_s = missing_bytes(path) * 8 / (self._audio.codec_context.bit_rate or 1)
        if info.frames is not None and tolerance is not None and info.frames - self._produced > tolerance:
            missing_s = max(missing_s, (info.frames - self._produced) / info.sample_rate_hz)
        if missing_s:
            end_s = self._produced / info.sample_rate_hz
            self._warnings.append(
                f"{path}: ends after {end_s:.2f} s, {missing_s:.2f} s earlier than its header says: copy or export it again"
            )
        elif info.container == "ogg" and lacks_ogg_end(path):
            self._warnings.append(f"{path}: may break off early, the mark that ends an Ogg file is missing: copy it again")
