import os
import struct

import av
import numpy as np
import pytest
import soundfile

from tfsep.audio import Audio, StemFileWriter, open_audio, open_writer, read_info, read_stem_atom
from tfsep.errors import AudioError, UsageError


def read_all(path):
    """Return the samples and the warnings."""
    with open_audio(path) as reader:
        return np.concatenate(list(reader.blocks())), reader.warnings


def fails(path, message):
    """Assert that reading ends in one line that names the file and says `message`."""
    with pytest.raises(AudioError, match=message) as caught:
        read_all(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing(tmp_path):
    fails(tmp_path / "song.wav", "there is no such file: check the name")
    fails(tmp_path / "folder" / "song.wav", "there is no such file")


def test_folder(tmp_path):
    fails(tmp_path, "is a folder")


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".m4a", ".ogg"])
def test_empty(tmp_path, suffix):
    (tmp_path / f"song{suffix}").touch()
    fails(tmp_path / f"song{suffix}", "is empty")


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".m4a", ".ogg", ""])
def test_not_audio(tmp_path, rng, png, suffix):
    path = tmp_path / f"song{suffix}"
    for content in (b"To be or not to be. " * 500, rng.bytes(40_000), png, b"RIFF", b"x", b"#EXTM3U\n#EXTINF:1,\nother.wav\n"):
        path.write_bytes(content)
        fails(path, "is not audio, or damaged|there is no|has no sound")


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_no_permission_to_read(tmp_path, tones):
    path = tmp_path / "song.wav"
    Audio(tones(100), 44_100).write(path)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # root may read everything, nobody may not
    try:
        fails(path, "no permission to read it")
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(("suffix", "container"), [(".wav", "WAV"), (".wav", "RF64"), (".aiff", "AIFF")])
def test_truncated_pcm_is_read_as_far_as_it_goes(tmp_path, tones, suffix, container):
    path, sound = tmp_path / f"song{suffix}", tones(20_000)
    soundfile.write(path, sound, 44_100, subtype="PCM_16", format=container)
    whole, warnings = read_all(path)
    assert warnings == []
    path.write_bytes(path.read_bytes()[:-60_001])
    samples, warnings = read_all(path)
    # 80,000 bytes, 4 for each sample of both channels, less 60,001; some versions of libav drop the packet with half a sample
    assert 4999 - 1024 < len(samples) <= 4999
    np.testing.assert_array_equal(samples, whole[: len(samples)])
    assert [warning for warning in warnings if " s earlier than its header says" in warning]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_header_that_a_recorder_did_not_finish(tmp_path, tones, size):
    path = tmp_path / "song.wav"
    soundfile.write(path, tones(5000), 44_100)
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", size)
    path.write_bytes(content)
    samples, warnings = read_all(path)
    assert (len(samples), warnings) == (5000, [])


def test_truncated_mp3_and_flac_are_read_as_far_as_they_go(tmp_path, tones):
    for suffix, least in ((".mp3", 0.97), (".flac", 0.85)):
        path, sound = tmp_path / f"song{suffix}", tones(60_000)
        Audio(sound, 44_100).write(path)
        whole = Audio.read(path).samples
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        samples, warnings = read_all(path)
        assert least * 30_000 < len(samples) < 32_000
        np.testing.assert_allclose(samples[:25_000], whole[:25_000], atol=1e-6)
        assert "earlier than its header says" in warnings[-1]


def test_truncated_ogg(tmp_path, tones):
    path = tmp_path / "song.ogg"
    soundfile.write(path, tones(100_000), 44_100)
    path.write_bytes(path.read_bytes()[:-1000])
    samples, warnings = read_all(path)
    assert 50_000 < len(samples) < 100_000
    assert "may break off early" in warnings[0]


def test_truncated_m4a(tmp_path, tones, libav_encode):
    end = libav_encode(tmp_path / "end.m4a", tones(60_000), "aac", "ipod")
    end.write_bytes(end.read_bytes()[: end.stat().st_size // 2])
    fails(end, "is truncated, the index at its end is missing")
    start = libav_encode(tmp_path / "start.m4a", tones(60_000), "aac", "ipod", movflags="faststart")
    start.write_bytes(start.read_bytes()[: start.stat().st_size // 2])
    samples, warnings = read_all(start)
    assert 20_000 < len(samples) < 40_000
    assert "earlier than its header says" in warnings[-1]


@pytest.mark.parametrize(("suffix", "damaged_bytes"), [(".mp3", 3000), (".flac", 500)])
def test_a_damaged_middle_leaves_the_rest_in_time(tmp_path, tones, rng, suffix, damaged_bytes):
    path, sound = tmp_path / f"song{suffix}", tones(100_000)
    Audio(sound, 44_100).write(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + damaged_bytes] = rng.bytes(damaged_bytes)
    path.write_bytes(content)
    samples, warnings = read_all(path)
    assert "damaged" in warnings[0]
    np.testing.assert_array_less(np.abs(samples[:30_000] - sound[:30_000]), 0.2)
    if suffix == ".flac":  # an MP3 has no clock, it loses a few frames
        np.testing.assert_allclose(samples[70_000:], sound[70_000:], atol=1e-4)
    assert abs(len(samples) - 100_000) <= (0 if suffix == ".flac" else 4 * 1152)


@pytest.mark.parametrize(("suffix", "container"), [(".wav", "WAV"), (".aiff", "AIFF"), (".w64", "W64"), (".wav", "RF64")])
def test_no_samples(tmp_path, suffix, container):
    path = tmp_path / f"song{suffix}"
    soundfile.write(path, np.zeros((0, 2)), 44_100, format=container)
    fails(path, "without any sound|is not audio")


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_not_a_number(tmp_path, tones, value, name, subtype):
    sound = tones(30_000)
    sound[22_050, 1] = sound[29_000, 0] = value
    soundfile.write(tmp_path / "song.wav", sound, 44_100, subtype=subtype)
    fails(tmp_path / "song.wav", f"the sample at 0.500 s is {name}")


@pytest.mark.parametrize("channels", [3, 6])
def test_more_than_two_channels(tmp_path, channels):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.zeros((100, channels)), 44_100)
    fails(path, rf"has {channels} channels, .* ffmpeg -i song.wav -ac 2 stereo.wav")
    assert read_info(path).channels == channels


def test_a_film_without_sound(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    fails(path, "has no sound in it")


def test_a_stream_that_the_file_does_not_have(tmp_path, tones):
    Audio(tones(100), 44_100).write(tmp_path / "song.wav")
    for stream in (1, -1):
        with pytest.raises(UsageError, match=f"stream={stream}: the file has 1 audio streams, use 0 to 0"):
            open_audio(tmp_path / "song.wav", stream=stream)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("song.xyz", {}, r"'\.xyz' cannot be written: use \.wav, \.flac, \.mp3"),
        ("song", {}, r"'' cannot be written: use \.wav"),
        ("song.m4a", {}, r"'\.m4a' cannot be written"),
        ("song.stem.mp4", {}, "StemFileWriter"),
        ("song.wav", {"subtype": "pcm_8"}, r"cannot hold subtype 'pcm_8': use pcm_16 or pcm_24 or float32"),
        ("song.flac", {"subtype": "float32"}, r"\.flac cannot hold subtype 'float32': use pcm_16 or pcm_24"),
        ("song.mp3", {"subtype": "pcm_24"}, r"\.mp3 cannot hold subtype 'pcm_24': use pcm_16"),
        ("song.mp3", {"sample_rate_hz": 96_000}, r"\.mp3 cannot hold 96000 Hz"),
        ("song.flac", {"sample_rate_hz": 700_000}, "use 1 to 655350"),
        ("song.flac", {"sample_rate_hz": 88_201}, "multiple of 10"),
        ("song.wav", {"sample_rate_hz": 0}, "sample_rate_hz=0"),
        ("song.wav", {"channels": 6}, "channels=6: use 1 or 2"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, options, message):
    with pytest.raises(UsageError, match=message):
        open_writer(tmp_path / name, **({"sample_rate_hz": 44_100, "channels": 2} | options))
    assert list(tmp_path.iterdir()) == []


def test_blocks_that_cannot_be_written(tmp_path, tones):
    for value in (np.nan, np.inf):
        sound = tones(88_200)
        sound[55_125, 1] = value
        with (
            pytest.raises(AudioError, match=r"NaN or infinite at 1\.250 s"),
            open_writer(tmp_path / "song.wav", sample_rate_hz=44_100, channels=2) as writer,
        ):
            writer.write(sound)
    with (
        pytest.raises(ValueError, match=r"\(10, 1\): use \(samples, 2\)"),
        open_writer(tmp_path / "song.wav", sample_rate_hz=44_100, channels=2) as writer,
    ):
        writer.write(np.zeros((10, 1), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_stem_atom(tmp_path, tones):
    path, sound = tmp_path / "song.stem.mp4", tones(2000)
    with StemFileWriter(path, sample_rate_hz=44_100, codec="alac") as writer:
        writer.write(sound, [sound] * 4)
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": ]'))
    with pytest.raises(AudioError, match="stem atom is damaged"):
        read_stem_atom(path)
    assert len(Audio.read(path).samples) == 2000
    with pytest.raises(AudioError, match="cannot be read"):
        read_stem_atom(tmp_path / "missing.stem.mp4")
