"""What a file says about its sound before any of it is decoded."""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.audio import mp4
from tfsep.audio.mp3 import first_frame
from tfsep.audio.tags import normal_tags, picture_mime
from tfsep.errors import AudioError, UsageError

if TYPE_CHECKING:
    import av

READABLE_SUFFIXES = (
    ".aac", ".aif", ".aifc", ".aiff", ".alac", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mp4", ".oga", ".ogg",
    ".opus", ".rf64", ".w64", ".wav", ".wave", ".webm", ".wma",
)  # fmt: skip  # a guide for searching folders: what a file is, is decided by its content
# libav is held to these, so that a text file, a picture or a playlist is refused instead of followed
_DEMUXERS = "aac,aiff,asf,au,avi,caf,flac,matroska,mov,mp3,mpegts,ogg,w64,wav,wv,ape"
_CONTAINER_NAMES = {"mov": "mp4"}
_LOSSLESS_24 = {"pcm_s24le", "pcm_s24be"}
_LOSSLESS_FLOAT = {"pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"}


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What is known of an audio file without decoding it.

    `frames` are samples per channel of the stream: exact for lossless files and for those whose header tells delay and padding,
    an estimate for other lossy files, None if nothing is known. `subtype` is what a lossless output needs to hold the sound:
    "pcm_16" for up to 16 bits and, by convention, for lossy sources; "pcm_24" for 17 to 24 bits; "float32" for floats and for
    32-bit integers, which are read rounded to float32. `tags` have lower-case names (title, artist, album, album_artist,
    composer, date, genre, track, disc, comment, bpm, key ... and the file's own); loudness tags are left out. `cover` is a JPEG
    or PNG file.
    """

    path: Path
    sample_rate_hz: int
    channels: int
    frames: int | None
    codec: str
    container: str
    subtype: str
    tags: dict[str, str] = field(default_factory=dict)
    cover: bytes | None = None
    streams: int = 1

    @property
    def duration_s(self) -> float | None:
        """Length in seconds, as far as `frames` is known."""
        return None if self.frames is None else self.frames / self.sample_rate_hz


def read_info(path: str | Path, *, stream: int = 0) -> AudioInfo:
    """Read what `path` says about its audio stream number `stream`.

    Raises: AudioError if it is missing, a folder, empty, not readable or not audio, UsageError if it has no such stream.
    """
    path = Path(path)
    with open_container(path) as container:
        return container_info(container, path, stream)


def open_container(path: Path) -> "av.container.InputContainer":
    """Open `path` with libav, which looks at its content, not its name. Raises: AudioError as `read_info`."""
    import av

    try:
        if path.is_dir():
            raise AudioError(f"{path}: is a folder, not an audio file: name the files in it")
        with open(path, "rb") as file:
            if not file.read(1):
                raise AudioError(f"{path}: is empty (0 bytes): copy or export the file again")
            # libav's guess needs several frames in a row, which a short MP3 does not have
            demuxer = "mp3" if first_frame(file) else None
            file.seek(4)
            if file.read(4) == b"ftyp" and mp4.find_moov(file) is None:
                raise AudioError(f"{path}: is truncated, the index at its end is missing: copy or export the file again")
    except FileNotFoundError:
        raise AudioError(f"{path}: there is no such file: check the name") from None
    except PermissionError:
        raise AudioError(f"{path}: no permission to read it: change its permissions or copy it") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}): check the disk or copy the file again") from None
    try:
        # "file:" keeps libav from taking a name such as "http:x.wav" for an address
        return av.open(f"file:{path}", format=demuxer, options={"format_whitelist": _DEMUXERS})
    except av.FFmpegError:
        raise AudioError(f"{path}: is not audio, or damaged: play it to check, or convert it to wav") from None


def container_info(container: "av.container.InputContainer", path: Path, stream: int) -> AudioInfo:
    """Return what an open container says about its audio stream number `stream`. Raises: as `read_info`."""
    audio = container.streams.audio
    if not audio:
        raise AudioError(f"{path}: has no sound in it: choose an audio file")
    if not 0 <= stream < len(audio):
        raise UsageError(f"{path}: stream={stream}: the file has {len(audio)} audio streams, use 0 to {len(audio) - 1}")
    chosen = audio[stream]
    context = chosen.codec_context
    if not context.sample_rate or not context.channels:
        raise AudioError(f"{path}: is not audio, or damaged: play it to check, or convert it to wav")
    name = container.format.name.split(",")[0]
    return AudioInfo(
        path=path,
        sample_rate_hz=context.sample_rate,
        channels=context.channels,
        frames=_frames(container, path, stream),
        codec=context.codec.canonical_name,
        container=_CONTAINER_NAMES.get(name, name),
        subtype=_subtype(context),
        tags=normal_tags(container.metadata, chosen.metadata, _tempo(container, path)),
        cover=_cover(container),
        streams=len(audio),
    )


def _frames(container: "av.container.InputContainer", path: Path, stream: int) -> int | None:
    chosen = container.streams.audio[stream]
    context = chosen.codec_context
    played = played_frames(container, path, stream)
    if played is not None:
        return played
    if chosen.duration is None:
        return None if container.duration is None else round(container.duration * context.sample_rate / 1_000_000)
    frames = round(chosen.duration * chosen.time_base * context.sample_rate)
    if context.codec.canonical_name == "opus" and container.format.name == "ogg":
        frames -= struct.unpack_from("<H", context.extradata, 10)[0]  # pre-skip, RFC 7845 section 5.1
    return frames


def played_frames(container: "av.container.InputContainer", path: Path, stream: int) -> int | None:
    """Return how many samples an MP4 file says are to be played, None for other files or if it does not say so.

    libav skips the encoder's delay, but plays the padding after the end, unless it is held to this number.
    """
    if "mp4" not in container.format.name.split(","):
        return None
    # iTunes: delay, padding and length in hexadecimal
    gapless = container.metadata.get("iTunSMPB", "").split()
    if len(gapless) > 3 and int(gapless[3], 16):
        return int(gapless[3], 16)
    with open(path, "rb") as file:
        lengths = mp4.audio_lengths(file)
    if stream >= len(lengths) or lengths[stream] is None:
        return None
    ticks, ticks_hz = lengths[stream]
    return round(ticks * container.streams.audio[stream].codec_context.sample_rate / ticks_hz)


def _tempo(container: "av.container.InputContainer", path: Path) -> dict[str, str]:
    if "mp4" not in container.format.name.split(","):
        return {}
    with open(path, "rb") as file:
        tempo = mp4.read_tempo(file)
    return {"bpm": tempo} if tempo else {}


def _subtype(context: "av.AudioCodecContext") -> str:
    codec = context.codec.canonical_name
    bits = 16
    if codec == "flac" and context.extradata and len(context.extradata) >= 14:
        bits = (struct.unpack_from(">H", context.extradata, 12)[0] >> 4 & 31) + 1  # STREAMINFO, RFC 9639 section 8.2
    elif codec == "alac" and context.extradata and len(context.extradata) >= 18:
        bits = context.extradata[17]  # of the magic cookie, after 12 bytes of box header
    elif codec in _LOSSLESS_24:
        bits = 24
    elif codec in _LOSSLESS_FLOAT or (codec == "wavpack" and context.format.bytes == 4):
        bits = 32
    return "pcm_16" if bits <= 16 else "pcm_24" if bits <= 24 else "float32"


def _cover(container: "av.container.InputContainer") -> bytes | None:
    import av

    for stream in container.streams.video:
        if stream.disposition & av.stream.Disposition.attached_pic:
            # libav hands out attached pictures before everything else
            picture = bytes(next(container.demux(stream)))
            if picture_mime(picture):
                return picture
    return None
