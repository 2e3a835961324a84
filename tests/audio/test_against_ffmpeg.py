"""What we decode and write, compared with the ffmpeg program, which is another version of another build of libav."""

import json
import subprocess

import numpy as np
import pytest

from tfsep.audio import Audio, read_info


def decode(path, channels=2):
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<f4").reshape(-1, channels)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("song.mp3", ["-c:a", "libmp3lame", "-b:a", "192k"]),
        ("song.mp3", ["-c:a", "libmp3lame", "-q:a", "4"]),
        ("song.mp3", ["-c:a", "libmp3lame", "-write_xing", "0"]),
        ("song.m4a", ["-c:a", "aac"]),
        ("song.m4a", ["-c:a", "alac"]),
        ("song.ogg", ["-c:a", "libvorbis"]),
        ("song.opus", ["-c:a", "libopus"]),
        ("song.flac", []),
        ("song.aiff", ["-c:a", "pcm_s24be"]),
        ("song.aac", ["-c:a", "aac"]),
        ("song.wv", ["-c:a", "wavpack"]),
    ],
)
def test_files_of_ffmpeg_read_as_ffmpeg_reads_them(tmp_path, tones, ffmpeg, rate, name, options):
    sound = tones(60_011, 2, rate)
    Audio(sound, rate).write(tmp_path / "source.wav", subtype="pcm_24")
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "source.wav", *options, tmp_path / name], check=True)
    expected, read = decode(tmp_path / name), Audio.read(tmp_path / name)
    if name == "song.m4a":  # ffmpeg plays the encoder's padding too
        assert len(read.samples) == 60_011 <= len(expected) < 60_011 + 1024
        expected = expected[: len(read.samples)]
    assert read.samples.shape == expected.shape
    np.testing.assert_allclose(read.samples, expected, atol=2e-5)
    if name != "song.aac" and "-write_xing" not in options:
        length = round(60_011 * read.sample_rate_hz / rate)  # Opus is always at 48 kHz
        assert abs(len(read.samples) - length) <= (1 if read.sample_rate_hz != rate else 0)
        assert read_info(tmp_path / name).frames == len(read.samples)


@pytest.mark.parametrize("samples", [30_000, 28 * 1152 + 1])
def test_ffmpeg_reads_the_exact_length_of_our_files(tmp_path, tones, ffmpeg, samples):
    sound = tones(samples)
    for name, tolerance in (("song.wav", 2e-5), ("song.flac", 2e-5), ("song.mp3", 0.2)):
        Audio(sound, 44_100).write(tmp_path / name)
        decoded = decode(tmp_path / name)
        assert decoded.shape == sound.shape
        np.testing.assert_allclose(decoded, sound, atol=tolerance)


def test_our_mp3_has_a_constant_bit_rate(tmp_path, tones, ffmpeg):
    Audio(tones(60_000), 44_100).write(tmp_path / "song.mp3")
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=size", "-of", "json", tmp_path / "song.mp3"]
    packets = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["packets"]
    assert {int(packet["size"]) for packet in packets} == {
        1044,
        1045,
    }  # 320,000 / 8 * 1152 / 44,100, the fraction made up by padding bytes
