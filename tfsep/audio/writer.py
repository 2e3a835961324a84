"""Writing audio files, block by block, none of them half."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.audio.pcm import SUBTYPES
from tfsep.audio.tags import check_cover
from tfsep.errors import AudioError, UsageError

WRITABLE_SUBTYPES = {".wav": SUBTYPES, ".flac": ("pcm_16", "pcm_24"), ".mp3": ("pcm_16",)}
MP3_RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
FLAC_RATE_LIMIT_HZ = 655_350


def writable_subtype(suffix: str, subtype: str) -> str:
    """Return the subtype nearest to `subtype` that files of `suffix` hold: pcm_24 for float32 in .flac, pcm_16 for all in .mp3.

    Raises: UsageError for a suffix or subtype that tfsep does not write.
    """
    allowed = _allowed_subtypes(Path(f"file{suffix}"))
    if subtype not in SUBTYPES:
        raise UsageError(f"subtype {subtype!r}: use one of {', '.join(SUBTYPES)}")
    return subtype if subtype in allowed else allowed[-1]


class _Encoder(Protocol):
    def write(self, block: np.ndarray) -> None: ...
    def finish(self) -> None: ...
    def discard(self) -> None: ...


def check_block(path: Path, block: np.ndarray, channels: int, start_samples: int, sample_rate_hz: int) -> np.ndarray:
    """Return `block` as float32 if it can be written to `path`.

    Args:
        start_samples: position of the block in the file, for the message.
    Raises: ValueError for a shape other than `(samples, channels)`, AudioError for a value that is not finite.
    """
    if block.ndim != 2 or block.shape[1] != channels:
        raise ValueError(f"block has shape {block.shape}: use (samples, {channels})")
    finite = np.isfinite(block)
    if not finite.all():
        at_s = (start_samples + int(np.argmin(finite.all(axis=1)))) / sample_rate_hz
        raise AudioError(f"{path}: the sound to be written is NaN or infinite at {at_s:.3f} s: nothing was written")
    return block.astype(np.float32, copy=False)


class AudioWriter:
    """An audio file being written; made by `open_writer`.

    As a context manager it completes the file on a clean exit. On an exception, and when a write fails, what was written is
    deleted and a file that had the name before is untouched.
    """

    def __init__(self, path: Path, atomic: AtomicFile, encoder: _Encoder, *, sample_rate_hz: int, channels: int) -> None:
        self.path, self.sample_rate_hz, self.channels = path, sample_rate_hz, channels
        self.samples = 0  # written so far, per channel
        self._atomic, self._encoder = atomic, encoder
        self._open = True

    def write(self, block: np.ndarray) -> None:
        """Append float32 `(samples, channels)`, full scale 1.

        Raises: AudioError if a value is not finite or the disk is full, ValueError for another shape or a closed writer.
        """
        if not self._open:
            raise ValueError(f"{self.path}: the writer is closed")
        block = check_block(self.path, block, self.channels, self.samples, self.sample_rate_hz)
        try:
            self._encoder.write(block)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from None
        self.samples += len(block)

    def close(self) -> None:
        """Complete the file and give it its name. Raises: AudioError if that fails; nothing is left then."""
        if not self._open:
            return
        try:
            self._encoder.finish()
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from None
        except BaseException:
            self.discard()
            raise
        self._open = False
        self._atomic.commit()

    def discard(self) -> None:
        """Delete what was written."""
        if self._open:
            self._open = False
            self._encoder.discard()
            self._atomic.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def open_writer(
    path: str | Path,
    *,
    sample_rate_hz: int,
    channels: int,
    subtype: str | None = None,
    tags: dict[str, str] | None = None,
    cover: bytes | None = None,
) -> AudioWriter:
    """Open an audio file for writing, its kind chosen by the suffix of `path`.

    .wav holds pcm_16, pcm_24 and float32, .flac pcm_16 and pcm_24. An .mp3 has a constant 320 kb/s; its subtype is pcm_16, that
    with which lossy files are read. Integers are `value * 2**(bits - 1)`, rounded to nearest and clipped.

    Args:
        sample_rate_hz: of the file; mp3 knows only `MP3_RATES_HZ`.
        channels: 1 or 2.
        subtype: None takes the first that the suffix allows.
        tags: names as in `AudioInfo.tags`.
        cover: JPEG or PNG file.

    Raises: UsageError for a suffix, subtype, rate or channel count that cannot be written, AudioError if the file cannot be
        made.
    """
    path = Path(path)
    allowed = _allowed_subtypes(path)
    suffix = path.suffix.lower()
    subtype = allowed[0] if subtype is None else subtype
    if subtype not in allowed:
        raise UsageError(
            f"{path}: {suffix} cannot hold subtype {subtype!r}: use {' or '.join(allowed)}, or another kind of file"
        )
    if channels not in (1, 2):
        raise UsageError(f"{path}: channels={channels}: use 1 or 2")
    _check_rate(path, suffix, sample_rate_hz)
    check_cover(cover)
    arguments = {"sample_rate_hz": sample_rate_hz, "channels": channels, "subtype": subtype, "tags": tags or {}, "cover": cover}
    atomic = AtomicFile(path)
    try:
        if suffix == ".wav":
            from tfsep.audio.wav import WavEncoder

            encoder: _Encoder = WavEncoder(atomic.file, **arguments)
        else:
            from tfsep.audio.encode import LibavEncoder

            encoder = LibavEncoder(atomic.file, container=suffix[1:], **arguments)
    except OSError as error:
        atomic.discard()
        raise write_error(path, error) from None
    except BaseException:
        atomic.discard()
        raise
    return AudioWriter(path, atomic, encoder, sample_rate_hz=sample_rate_hz, channels=channels)


def _allowed_subtypes(path: Path) -> tuple[str, ...]:
    if path.name.lower().endswith(".stem.mp4"):
        raise UsageError(f"{path}: a .stem.mp4 holds five streams, not one: write it with StemFileWriter")
    suffix = path.suffix.lower()
    if suffix not in WRITABLE_SUBTYPES:
        raise UsageError(f"{path}: files of suffix {suffix!r} cannot be written: use {', '.join(WRITABLE_SUBTYPES)}")
    return WRITABLE_SUBTYPES[suffix]


def _check_rate(path: Path, suffix: str, sample_rate_hz: int) -> None:
    if suffix == ".mp3" and sample_rate_hz not in MP3_RATES_HZ:
        raise UsageError(f"{path}: .mp3 cannot hold {sample_rate_hz} Hz, at most {MP3_RATES_HZ[-1]} Hz: use .flac or .wav")
    if suffix == ".flac" and sample_rate_hz > 65_535 and sample_rate_hz % 10:
        raise UsageError(f"{path}: .flac holds {sample_rate_hz} Hz only if it is a multiple of 10: use .wav")
    limit_hz = FLAC_RATE_LIMIT_HZ if suffix == ".flac" else 2**31 - 1
    if not 1 <= sample_rate_hz <= limit_hz:
        raise UsageError(f"{path}: sample_rate_hz={sample_rate_hz}: use 1 to {limit_hz}")
