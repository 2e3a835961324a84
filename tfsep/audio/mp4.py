"""The boxes of MP4 files (ISO/IEC 14496-12) that libav does not handle: NI's stem atom, tags, covers, exact lengths."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tfsep.audio.tags import picture_mime
from tfsep.errors import AudioError

_ILST_TEXT = {
    "title": b"\xa9nam",
    "artist": b"\xa9ART",
    "album": b"\xa9alb",
    "album_artist": b"aART",
    "composer": b"\xa9wrt",
    "date": b"\xa9day",
    "genre": b"\xa9gen",
    "comment": b"\xa9cmt",
    "grouping": b"\xa9grp",
    "lyrics": b"\xa9lyr",
    "copyright": b"cprt",
}
_FREEFORM_NAMES = {"key": "initialkey", "isrc": "ISRC", "publisher": "LABEL"}


def box(kind: bytes, *contents: bytes) -> bytes:
    """Return one box of the four-letter `kind`."""
    return struct.pack(">I4s", 8 + sum(map(len, contents)), kind) + b"".join(contents)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes in `data`, up to the first that does not fit."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1 and at + 16 <= len(data):
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = len(data) - at
        if size < header or at + size > len(data):
            return
        yield kind, data[at + header : at + size]
        at += size


def find(data: bytes, *path: bytes) -> bytes | None:
    """Return the content of the first box under `path`, None if there is none."""
    for kind, content in boxes(data):
        if kind == path[0]:
            return content if len(path) == 1 else find(content, *path[1:])
    return None


def find_moov(file: BinaryIO) -> tuple[int, bytes] | None:
    """Return the position of the `moov` box in a file and its content, reading nothing else; None if the file has none."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        header = 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack_from(">Q", head, 8)[0], 16
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            return None
        if kind == b"moov":
            file.seek(at + header)
            return at, file.read(size - header)
        at += size
    return None


def read_stem_atom(path: str | Path) -> dict[str, Any] | None:
    """Return the JSON of `moov/udta/stem` of an NI Stems file, None if there is no such atom.

    Raises: AudioError if the file cannot be read or the atom is damaged.
    """
    try:
        with open(path, "rb") as file:
            moov = find_moov(file)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}): check the name and its permissions") from None
    content = find(moov[1], b"udta", b"stem") if moov else None
    if content is None:
        return None
    try:
        return json.loads(content)
    except ValueError as error:  # also UnicodeDecodeError
        raise AudioError(f"{path}: its stem atom is damaged ({error}): export the file again") from None


def read_tempo(file: BinaryIO) -> str | None:
    """Return the beats a minute of an iTunes-style `tmpo` item, which libav does not read, None if there is none."""
    found = find_moov(file)
    meta = find(found[1], b"udta", b"meta") if found else None
    data = find(meta[4:], b"ilst", b"tmpo", b"data") if meta else None
    number = int.from_bytes(data[8:], "big") if data else 0
    return str(number) if number else None


def user_data(tags: dict[str, str], cover: bytes | None, stem: dict[str, Any]) -> bytes:
    """Return a `udta` box with iTunes-style tags, the cover, and the stem atom."""
    items = [item for name, value in tags.items() for item in _tag_items(name, value)]
    if cover is not None:
        items.append(box(b"covr", _data(13 if picture_mime(cover) == "image/jpeg" else 14, cover)))
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    meta = box(b"meta", bytes(4), handler, box(b"ilst", *items))
    return box(b"udta", meta, box(b"stem", json.dumps(stem).encode()))


def replace_user_data(file: BinaryIO, udta: bytes) -> None:
    """Put the box `udta` into the `moov` box, which must be the last of the file, in place of any it has.

    Only `moov` is read and written, and as it is last, the positions of the samples do not change.
    """
    found = find_moov(file)
    if found is None:
        raise ValueError("the file has no moov box")
    at, moov = found
    file.seek(at)
    file.write(box(b"moov", *(box(kind, content) for kind, content in boxes(moov) if kind != b"udta"), udta))
    file.truncate()


def audio_lengths(file: BinaryIO) -> list[tuple[int, int] | None]:
    """Return for each audio track how long it plays, as (ticks, ticks a second), None where the file leaves that open.

    An edit list says how much of a track plays after the encoder's delay, but in the ticks of the movie, often milliseconds.
    Where the track without its delay is as long to within one such tick, its own finer length is returned.
    """
    found = find_moov(file)
    if found is None:
        return []
    moov = found[1]
    movie_hz = _time_scale(find(moov, b"mvhd"))
    lengths: list[tuple[int, int] | None] = []
    for kind, trak in boxes(moov):
        if kind == b"trak" and (find(trak, b"mdia", b"hdlr") or b"")[8:12] == b"soun":
            lengths.append(None if find(moov, b"mvex") else _track_length(trak, movie_hz))
    return lengths


def _track_length(trak: bytes, movie_hz: int) -> tuple[int, int] | None:
    track_hz = _time_scale(find(trak, b"mdia", b"mdhd"))
    edits = _edits(find(trak, b"edts", b"elst"))
    stts = find(trak, b"mdia", b"minf", b"stbl", b"stts")
    if not (track_hz and movie_hz and stts) or len(edits) != 1 or edits[0][1] < 0:
        return None
    played, delay = edits[0]
    runs = struct.unpack_from(">I", stts, 4)[0]
    track_ticks = sum(count * delta for count, delta in struct.iter_unpack(">II", stts[8 : 8 + 8 * runs])) - delay
    if played == 0 or abs(track_ticks * movie_hz - played * track_hz) <= track_hz:
        return track_ticks, track_hz
    return played, movie_hz


def _time_scale(header: bytes | None) -> int:
    """Return the ticks a second of an `mvhd` or `mdhd` box, 0 if it is missing."""
    if not header or len(header) < 24:
        return 0
    return struct.unpack_from(">I", header, 20 if header[0] else 12)[0]


def _edits(elst: bytes | None) -> list[tuple[int, int]]:
    """Return (duration in movie ticks, start in track ticks) of each edit."""
    if not elst:
        return []
    entry = ">Qqi" if elst[0] else ">Iii"
    size, count = struct.calcsize(entry), struct.unpack_from(">I", elst, 4)[0]
    return [struct.unpack_from(entry, elst, 8 + k * size)[:2] for k in range(min(count, (len(elst) - 8) // size))]


def _data(kind: int, value: bytes) -> bytes:
    return box(b"data", struct.pack(">II", kind, 0), value)


def _tag_items(name: str, value: str) -> list[bytes]:
    """Return the `ilst` items of one tag: one, or none for a number that is none."""
    if name in _ILST_TEXT:
        return [box(_ILST_TEXT[name], _data(1, value.encode()))]
    if name in ("track", "disc"):
        number, _, total = value.partition("/")
        if number.isdecimal() and (total or "0").isdecimal() and max(int(number), int(total or 0)) < 65_536:
            pair = struct.pack(">HHHH", 0, int(number), int(total or 0), 0)
            return [box(b"trkn", _data(0, pair)) if name == "track" else box(b"disk", _data(0, pair[:6]))]
    if name == "bpm" and value.isdecimal() and int(value) < 65_536:
        return [box(b"tmpo", _data(21, struct.pack(">H", int(value))))]
    mean = box(b"mean", bytes(4), b"com.apple.iTunes")
    return [box(b"----", mean, box(b"name", bytes(4), _FREEFORM_NAMES.get(name, name).encode()), _data(1, value.encode()))]
