"""Encoding through libav: one audio stream, and the files that hold a single one."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tfsep.audio.mp3 import write_exact_length
from tfsep.audio.pcm import to_integers
from tfsep.audio.tags import libav_tags

if TYPE_CHECKING:
    import av


class EncodedStream:
    """One audio stream of an output container: takes blocks of any length, returns packets.

    Args:
        container: libav container, open for writing.
        codec: libav's name of the encoder.
        sample_format: what the encoder takes; "s32" and "s32p" carry 24 bits.
        bit_rate: in bits a second, None for lossless codecs.
        frame_samples: samples of a frame for encoders that leave the choice.
        options: of the encoder, as libav names them.
    """

    def __init__(
        self,
        container: "av.container.OutputContainer",
        codec: str,
        *,
        sample_rate_hz: int,
        channels: int,
        sample_format: str,
        bit_rate: int | None = None,
        frame_samples: int = 4096,
        options: dict[str, str] | None = None,
    ) -> None:
        self._format, self._layout = sample_format, "stereo" if channels == 2 else "mono"
        self.stream = container.add_stream(codec, rate=sample_rate_hz, layout=self._layout, format=sample_format)
        if bit_rate is not None:
            self.stream.bit_rate = bit_rate
        self.stream.codec_context.options = options or {}
        self.stream.codec_context.open()
        self._frame_samples = self.stream.codec_context.frame_size or frame_samples
        self._sample_rate_hz = sample_rate_hz
        self._waiting = np.zeros((0, channels), np.float32)
        self._samples = 0

    def encode(self, block: np.ndarray) -> Iterator["av.Packet"]:
        """Take float32 `(samples, channels)` and yield the packets that are ready."""
        waiting = np.concatenate([self._waiting, block]) if len(self._waiting) else block
        whole = len(waiting) - len(waiting) % self._frame_samples
        for start in range(0, whole, self._frame_samples):
            yield from self._frame(waiting[start : start + self._frame_samples])
        self._waiting = waiting[whole:].copy()

    def flush(self) -> Iterator["av.Packet"]:
        """Yield the last packets."""
        if len(self._waiting):
            yield from self._frame(self._waiting)
        yield from self.stream.encode(None)

    def _frame(self, samples: np.ndarray) -> list["av.Packet"]:
        import av

        frame = av.AudioFrame.from_ndarray(self._array(samples), format=self._format, layout=self._layout)
        frame.sample_rate = self._sample_rate_hz
        frame.time_base = Fraction(1, self._sample_rate_hz)
        frame.pts = self._samples
        self._samples += len(samples)
        return self.stream.encode(frame)

    def _array(self, samples: np.ndarray) -> np.ndarray:
        if self._format in ("s16", "s16p"):
            samples = to_integers(samples, 16).astype(np.int16)
        elif self._format in ("s32", "s32p"):
            samples = to_integers(samples, 24) << 8  # libav keeps 24 bits at the top of 32
        return np.ascontiguousarray(samples.T) if self._format.endswith("p") else np.ascontiguousarray(samples).reshape(1, -1)


class LibavEncoder:
    """Writes blocks into a seekable binary file as FLAC or MP3.

    An MP3 has a constant bit rate, the highest of its sample rate up to 320 kb/s, and a LAME header with the encoder's delay
    and padding, so that players restore the exact length.

    Args:
        file: binary, seekable, readable; stays open.
        container: "flac" or "mp3".
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        container: str,
        sample_rate_hz: int,
        channels: int,
        subtype: str,
        tags: dict[str, str],
        cover: bytes | None,
    ) -> None:
        import av

        self._file, self._exact_mp3, self._samples = file, container == "mp3", 0
        self._container = av.open(file, "w", format=container)
        self._container.metadata.update(libav_tags(tags, container))
        if container == "flac":
            codec, sample_format, bit_rate = "flac", "s16" if subtype == "pcm_16" else "s32", None
        else:
            codec, sample_format, bit_rate = "libmp3lame", "fltp", mp3_bit_rate(sample_rate_hz)
        self._stream = EncodedStream(
            self._container,
            codec,
            sample_rate_hz=sample_rate_hz,
            channels=channels,
            sample_format=sample_format,
            bit_rate=bit_rate,
        )
        if cover is not None:
            self._add_cover(cover)

    def write(self, block: np.ndarray) -> None:
        """Append float32 `(samples, channels)`. Raises: OSError from the file."""
        for packet in self._stream.encode(block):
            self._container.mux(packet)
        self._samples += len(block)

    def finish(self) -> None:
        """Write what the encoder still holds and the final header. Raises: OSError from the file."""
        for packet in self._stream.flush():
            self._container.mux(packet)
        self._container.close()
        if self._exact_mp3 and self._samples:
            write_exact_length(self._file, self._samples)

    def discard(self) -> None:
        """Free the encoder without caring for the file."""
        discard(self._container)

    def _add_cover(self, cover: bytes) -> None:
        import av

        with av.open(BytesIO(cover)) as picture:
            source = picture.streams.video[0]
            stream = self._container.add_stream_from_template(source)
            stream.disposition = av.stream.Disposition.attached_pic.value
            packet = next(picture.demux(source))
            packet.stream = stream
            self._container.mux(packet)


def discard(container: "av.container.OutputContainer") -> None:
    """Close a container whose file is thrown away, so that its complaints do not matter."""
    import av

    with suppress(av.FFmpegError, OSError):
        container.close()


def mp3_bit_rate(sample_rate_hz: int) -> int:
    """Return the highest bit rate that MPEG-1, 2 and 2.5 layer III allow LAME at this sample rate, in bits a second."""
    if sample_rate_hz >= 32_000:
        return 320_000
    return 160_000 if sample_rate_hz >= 16_000 else 64_000
