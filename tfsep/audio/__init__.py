"""Audio files in and out, streamed in blocks. libav, soxr and what needs them are imported when first used."""

from tfsep.audio.clip import Audio
from tfsep.audio.info import READABLE_SUFFIXES, AudioInfo, read_info
from tfsep.audio.mp4 import read_stem_atom
from tfsep.audio.pcm import PCM_BITS, SUBTYPES, to_integers, to_mono
from tfsep.audio.reader import AudioReader, open_audio
from tfsep.audio.resample import Resampler, resampled_length
from tfsep.audio.stems import DEFAULT_STEMS, StemFileWriter, StemInfo
from tfsep.audio.writer import WRITABLE_SUBTYPES, AudioWriter, open_writer, writable_subtype

__all__ = [
    "DEFAULT_STEMS",
    "PCM_BITS",
    "READABLE_SUFFIXES",
    "SUBTYPES",
    "WRITABLE_SUBTYPES",
    "Audio",
    "AudioInfo",
    "AudioReader",
    "AudioWriter",
    "Resampler",
    "StemFileWriter",
    "StemInfo",
    "open_audio",
    "open_writer",
    "read_info",
    "read_stem_atom",
    "resampled_length",
    "to_integers",
    "to_mono",
    "writable_subtype",
]
