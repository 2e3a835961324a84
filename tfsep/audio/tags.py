"""Names of tags: one spelling inside tfsep, and what each kind of file calls them."""

import struct

from tfsep.errors import UsageError

# libav's generic names are kept; what it passes through under a container's own name gets one name here.
_SYNONYMS = {
    "tbpm": "bpm",
    "tmpo": "bpm",
    "tkey": "key",
    "initialkey": "key",
    "initial_key": "key",
    "tpub": "publisher",
    "label": "publisher",
    "organization": "publisher",
    "tsrc": "isrc",
    "lyrics-xxx": "lyrics",
    "lyrics-eng": "lyrics",
}
# Facts about the file rather than the song, which would be wrong in a copy, and loudness, which would be wrong for a stem.
_OF_THE_FILE = {"encoder", "encoded_by", "major_brand", "minor_version", "compatible_brands", "creation_time", "handler_name"}
_OF_THE_FILE |= {"vendor_id", "language", "itunsmpb", "itunnorm", "duration", "tlen", "tsse", "isvbr", "id3v2_priv.traktor4"}
_OF_THE_FILE_PREFIXES = ("replaygain_", "r128_", "id3v2_priv.")

_ID3_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "album_artist": "TPE2",
    "composer": "TCOM",
    "date": "TDRC",
    "genre": "TCON",
    "track": "TRCK",
    "disc": "TPOS",
    "copyright": "TCOP",
    "publisher": "TPUB",
    "isrc": "TSRC",
    "bpm": "TBPM",
    "key": "TKEY",
}
_RIFF_INFO = {
    "title": b"INAM",
    "artist": b"IART",
    "album": b"IPRD",
    "date": b"ICRD",
    "genre": b"IGNR",
    "comment": b"ICMT",
    "track": b"IPRT",
    "copyright": b"ICOP",
}
_LIBAV_NAMES = {
    "mp3": {"bpm": "TBPM", "key": "TKEY", "isrc": "TSRC", "publisher": "TPUB"},
    "flac": {"bpm": "BPM", "key": "INITIALKEY", "isrc": "ISRC", "publisher": "PUBLISHER"},
}


def normal_tags(*dictionaries: dict[str, str]) -> dict[str, str]:
    """Merge what libav read into lower-case names, the first dictionary winning; tags about the file itself are left out."""
    tags: dict[str, str] = {}
    for dictionary in dictionaries:
        for name, value in dictionary.items():
            name = name.lower()
            name = _SYNONYMS.get(name, name)
            if value and name not in _OF_THE_FILE and not name.startswith(_OF_THE_FILE_PREFIXES):
                tags.setdefault(name, value)
    return tags


def libav_tags(tags: dict[str, str], container: str) -> dict[str, str]:
    """Return `tags` under the names that libav's muxer `container` ("mp3" or "flac") wants."""
    names = _LIBAV_NAMES[container]
    return {names.get(name, name): value for name, value in tags.items()}


def picture_mime(cover: bytes) -> str | None:
    """Return "image/jpeg" or "image/png" by the first bytes, None for anything else."""
    if cover.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/png" if cover.startswith(b"\x89PNG\r\n\x1a\n") else None


def check_cover(cover: bytes | None) -> None:
    """Raise UsageError unless `cover` is None, a JPEG or a PNG."""
    if cover is not None and picture_mime(cover) is None:
        raise UsageError(f"cover of {len(cover)} bytes: use a JPEG or PNG picture")


def id3_tag(tags: dict[str, str], cover: bytes | None) -> bytes:
    """Return an ID3v2.4 tag in UTF-8 (id3.org/id3v2.4.0-structure), tags without a frame of their own as TXXX."""
    frames = []
    for name, value in tags.items():
        if name == "comment":
            frames.append((b"COMM", b"\3XXX\0" + value.encode()))
        elif name == "lyrics":
            frames.append((b"USLT", b"\3XXX\0" + value.encode()))
        elif name in _ID3_FRAMES:
            frames.append((_ID3_FRAMES[name].encode(), b"\3" + value.encode()))
        else:
            frames.append((b"TXXX", b"\3" + name.encode() + b"\0" + value.encode()))
    if cover is not None:
        frames.append((b"APIC", b"\3" + (picture_mime(cover) or "").encode() + b"\0\3\0" + cover))
    body = b"".join(frame + _synchsafe(len(content)) + b"\0\0" + content for frame, content in frames)
    return b"ID3\4\0\0" + _synchsafe(len(body)) + body


def riff_info(tags: dict[str, str]) -> bytes:
    """Return the body of a RIFF `LIST` chunk of type INFO, empty if none of `tags` has a place in it."""
    entries = b""
    for name, code in _RIFF_INFO.items():
        if name in tags:
            value = tags[name].encode() + b"\0"
            entries += code + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    return b"INFO" + entries if entries else b""


def _synchsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))
