"""Signs that a file breaks off, which libav passes over in silence."""

import struct
from pathlib import Path
from typing import BinaryIO

from tfsep.audio.mp3 import tells_length

_OGG_TAIL_BYTES = 1 << 17  # two pages of the largest size


def missing_bytes(path: Path) -> int:
    """Return how many bytes of samples the header of a WAV, RF64 or AIFF file promises beyond its end; 0 for other files.

    A recorder that was stopped leaves a size of 0 or of all ones; such a file is taken to be whole.
    """
    with open(path, "rb") as file:
        head = file.read(12)
        end = file.seek(0, 2)
        if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
            at, size = _find_chunk(file, b"data", "<", end)
            if head.startswith(b"RF64") and size == 0xFFFFFFFF:
                sizes_at, _ = _find_chunk(file, b"ds64", "<", end)
                file.seek(sizes_at + 8)  # past the size of the whole file
                size = int.from_bytes(file.read(8), "little")
        elif head.startswith(b"FORM") and head[8:] in (b"AIFF", b"AIFC"):
            at, size = _find_chunk(file, b"SSND", ">", end)
        else:
            return 0
    return 0 if size in (0, 0xFFFFFFFF) else max(0, at + size - end)


def lacks_ogg_end(path: Path) -> bool:
    """Return whether the last page of an Ogg file is cut short or not marked as the end of its stream (RFC 3533 section 6)."""
    with open(path, "rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - _OGG_TAIL_BYTES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return True
    segments = tail[at + 27 : at + 27 + tail[at + 26]]
    return not tail[at + 5] & 4 or at + 27 + tail[at + 26] + sum(segments) > len(tail)


def tolerance_samples(path: Path, container: str, codec: str) -> int | None:
    """Return by how many samples the sound may fall short of its told length before that is worth a note, None if any.

    Lossless files tell their length exactly. Encoders and players of lossy files differ by a frame or two on what to count, and
    MP3 and AAC without a header have a length only guessed from the bit rate.
    """
    if codec in ("flac", "alac") or codec.startswith("pcm_"):
        return 0
    if container == "aac":
        return None
    if container == "mp3":
        with open(path, "rb") as file:
            if not tells_length(file):
                return None
    return 2304


def _find_chunk(file: BinaryIO, wanted: bytes, order: str, end: int) -> tuple[int, int]:
    """Return position and size of a chunk's content, `(end, 0)` if it is missing."""
    at = 12
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        if name == wanted:
            return at + 8, size
        at += 8 + size + size % 2
    return end, 0
