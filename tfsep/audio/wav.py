"""WAV files written sample for sample, of any length."""

import struct
from typing import BinaryIO

import numpy as np

from tfsep.audio.pcm import to_pcm_bytes
from tfsep.audio.tags import id3_tag, riff_info

RIFF_LIMIT_BYTES = 2**32 - 1  # what the 32-bit size fields hold; a larger file becomes RF64 (EBU Tech 3306)
_BYTES = {"pcm_16": 2, "pcm_24": 3, "float32": 4}


class WavEncoder:
    """Writes blocks into a seekable binary file as RIFF/WAVE, or as RF64 when it grows past 4 GiB.

    The header keeps 28 bytes in a `JUNK` chunk for the 64-bit sizes of RF64, as EBU Tech 3306 recommends. Tags are written as
    `LIST INFO` and, all of them together with the cover, as an `id3 ` chunk, both after the samples.
    """

    def __init__(
        self, file: BinaryIO, *, sample_rate_hz: int, channels: int, subtype: str, tags: dict[str, str], cover: bytes | None
    ) -> None:
        self._file, self._subtype, self._tags, self._cover = file, subtype, tags, cover
        self._sample_rate_hz, self._channels = sample_rate_hz, channels
        self._frame_bytes = channels * _BYTES[subtype]
        self._data_bytes = 0
        file.write(self._header(0))

    def write(self, block: np.ndarray) -> None:
        """Append float32 `(samples, channels)`."""
        data = to_pcm_bytes(block, self._subtype)
        self._data_bytes += len(data)
        self._file.write(data)

    def finish(self) -> None:
        """Write the tags and the true sizes; the file itself stays open."""
        self._file.write(b"\0" * (self._data_bytes % 2))
        for name, body in ((b"LIST", riff_info(self._tags)), (b"id3 ", self._id3())):
            if body:
                self._file.write(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
        riff_bytes = self._file.tell() - 8
        self._file.seek(0)
        self._file.write(self._header(riff_bytes))
        self._file.seek(0, 2)

    def discard(self) -> None:
        """Nothing is held besides the file."""

    def _id3(self) -> bytes:
        return id3_tag(self._tags, self._cover) if self._tags or self._cover else b""

    def _header(self, riff_bytes: int) -> bytes:
        samples = self._data_bytes // self._frame_bytes
        large = riff_bytes > RIFF_LIMIT_BYTES
        format_tag = 3 if self._subtype == "float32" else 1
        rate, bits = self._sample_rate_hz, 8 * _BYTES[self._subtype]
        fmt = struct.pack("<HHIIHH", format_tag, self._channels, rate, rate * self._frame_bytes, self._frame_bytes, bits)
        chunks = [(b"ds64", struct.pack("<QQQI", riff_bytes, self._data_bytes, samples, 0)) if large else (b"JUNK", bytes(28))]
        chunks.append((b"fmt ", fmt))
        if self._subtype == "float32":
            chunks[-1] = (b"fmt ", fmt + b"\0\0")
            chunks.append((b"fact", struct.pack("<I", min(samples, 0xFFFFFFFF))))
        body = b"".join(name + struct.pack("<I", len(content)) + content for name, content in chunks)
        riff, riff_size = (b"RF64", 0xFFFFFFFF) if large else (b"RIFF", riff_bytes)
        data_size = 0xFFFFFFFF if large else self._data_bytes
        return riff + struct.pack("<I", riff_size) + b"WAVE" + body + b"data" + struct.pack("<I", data_size)
