"""The first frame of an MP3 file and the length that its header tells players."""

import struct
from typing import BinaryIO

_DELAY_SAMPLES = 576  # of LAME, without the 528 + 1 of every decoder, as libav writes it into the header
_MOST_PADDING = 0xFFF


def first_frame(file: BinaryIO) -> tuple[int, bytes] | None:
    """Return position and header of the layer III frame that begins an MP3 file, past its ID3v2 tag; None if there is none."""
    file.seek(0)
    head = file.read(10)
    at = 0
    if len(head) == 10 and head.startswith(b"ID3"):
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        at = 10 + size + (10 if head[5] & 0x10 else 0)  # a footer, id3.org/id3v2.4.0-structure section 3.4
    file.seek(at)
    header = file.read(4)
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    return at, header


def tells_length(file: BinaryIO) -> bool:
    """Return whether an MP3 file begins with a Xing or Info frame, which holds the number of its frames."""
    frame = first_frame(file)
    if frame is None:
        return False
    at, header = frame
    file.seek(at + _info_offset(header))
    return file.read(4) in (b"Xing", b"Info")


def write_exact_length(file: BinaryIO, samples: int) -> None:
    """Set the padding in the LAME header of a file that libav wrote, so that `samples` are left for players to play.

    libav counts the padding of the last packet alone; LAME's last frame but one can hold padding too, up to 46 samples, in one
    file of twenty-five. The header is the Info frame with LAME's extension (gabriel.mp3-tech.org/mp3infotag.html).

    Raises: ValueError if the file has no such header.
    """
    frame = first_frame(file)
    if frame is None:
        raise ValueError("the file does not begin with an MP3 frame")
    at, header = frame
    info = _info_offset(header)
    file.seek(at)
    tag = bytearray(file.read(190))
    if tag[info : info + 4] != b"Info":
        raise ValueError("the first MP3 frame is not an Info frame")
    frames = struct.unpack_from(">I", tag, info + 8)[0]
    padding = frames * (1152 if _is_mpeg_1(header) else 576) - _DELAY_SAMPLES - samples
    delays = info + 120 + 21  # fields of the Xing header, then LAME's version, quality and rate bytes
    tag[delays : delays + 3] = (_DELAY_SAMPLES << 12 | min(max(padding, 0), _MOST_PADDING)).to_bytes(3, "big")
    file.seek(at)
    file.write(tag)
    crc_at = delays + 13
    file.seek(at + crc_at)
    file.write(struct.pack(">H", _crc_16(bytes(tag[:crc_at]))))


def _is_mpeg_1(header: bytes) -> bool:
    return header[1] & 0x08 != 0


def _info_offset(header: bytes) -> int:
    """Return where in its frame the Xing or Info header stands: after the frame's header and its side information."""
    mono = header[3] & 0xC0 == 0xC0
    return 4 + ((17 if mono else 32) if _is_mpeg_1(header) else (9 if mono else 17))


def _crc_16(data: bytes) -> int:
    """CRC-16 with the reflected polynomial 0xA001, from 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
