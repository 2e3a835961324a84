import json
import struct
import subprocess

import numpy as np
import pytest

from tfsep.audio import DEFAULT_STEMS, Audio, StemFileWriter, StemInfo, open_audio, read_info, read_stem_atom
from tfsep.audio.mp4 import boxes, find
from tfsep.errors import UsageError


@pytest.fixture
def song(rng):
    """A mixture and four stems of 20,011 samples on the 16-bit grid; the stems sum to the mixture, and all of them differ."""
    stems = np.rint(rng.normal(0, 1500, (4, 20_011, 2)).cumsum(axis=1) * 0.02).clip(-8000, 8000) / 32_768
    return stems.sum(axis=0).astype(np.float32), list(stems.astype(np.float32))


def write(path, song, block_samples=3000, **options):
    mixture, stems = song
    with StemFileWriter(path, **({"sample_rate_hz": 44_100} | options)) as writer:
        for start in range(0, len(mixture), block_samples):
            part = slice(start, start + block_samples)
            writer.write(mixture[part], [stem[part] for stem in stems])
    return path


@pytest.mark.parametrize("subtype", ["pcm_16", "pcm_24"])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_alac_streams_are_exact_and_sum_to_the_mixture(tmp_path, song, subtype, rate):
    path = write(tmp_path / "song.stem.mp4", song, sample_rate_hz=rate, codec="alac", subtype=subtype)
    read = [Audio.read(path, stream=stream) for stream in range(5)]
    for audio, expected in zip(read, [song[0], *song[1]], strict=True):
        np.testing.assert_array_equal(audio.samples, expected)
        assert audio.sample_rate_hz == rate
    np.testing.assert_array_equal(sum(audio.samples for audio in read[1:]), read[0].samples)
    info = read_info(path)
    assert (info.codec, info.subtype, info.streams, info.frames) == ("alac", subtype, 5, 20_011)


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_aac_streams_keep_length_and_position(tmp_path, song, lag_samples, rate):
    path = write(tmp_path / "song.stem.mp4", song, sample_rate_hz=rate)
    for stream, expected in enumerate([song[0], *song[1]]):
        with open_audio(path, stream=stream) as reader:
            samples = np.concatenate(list(reader.blocks()))
            assert (reader.info.frames, reader.info.codec, reader.warnings) == (20_011, "aac", [])
        assert samples.shape == expected.shape
        assert lag_samples(samples, expected) == 0


def test_mono_is_written_to_both_channels(tmp_path, song):
    mono = song[0][:, :1], [stem[:, :1] for stem in song[1]]
    path = write(tmp_path / "song.stem.mp4", mono, codec="alac")
    for stream, expected in enumerate([mono[0], *mono[1]]):
        np.testing.assert_array_equal(Audio.read(path, stream=stream).samples, np.repeat(expected, 2, axis=1))


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_boxes_are_those_that_players_expect(tmp_path, song, codec):
    content = write(tmp_path / "song.stem.mp4", song, codec=codec).read_bytes()
    kinds = [kind for kind, _ in boxes(content)]
    assert kinds == [b"ftyp", b"free", b"mdat", b"moov"]
    assert find(content, b"ftyp")[:4] == b"M4A "
    moov = find(content, b"moov")
    tracks = [body for kind, body in boxes(moov) if kind == b"trak"]
    assert [int.from_bytes(find(track, b"tkhd")[:4], "big") & 0xFFFFFF for track in tracks] == [3, 2, 2, 2, 2]
    assert [kind for kind, _ in boxes(moov)].count(b"udta") == 1
    assert [kind for kind, _ in boxes(find(moov, b"udta"))] == [b"meta", b"stem"]
    # all sample positions lie in mdat: the first chunk of the first track begins it
    first_chunk = struct.unpack_from(">I", find(tracks[0], b"mdia", b"minf", b"stbl", b"stco"), 8)[0]
    assert first_chunk == content.index(b"mdat") + 4


def test_the_stem_atom(tmp_path, song):
    atom = read_stem_atom(write(tmp_path / "a.stem.mp4", song, codec="alac"))
    assert atom["version"] == 1
    assert set(atom) == {"version", "stems", "mastering_dsp"}
    assert set(atom["mastering_dsp"]) == {"compressor", "limiter"}
    assert atom["stems"] == [{"name": stem.name, "color": stem.colour} for stem in DEFAULT_STEMS]
    assert [stem["name"] for stem in atom["stems"]] == ["Drums", "Bass", "Other", "Vocals"]
    mine = [StemInfo(name=name, colour="#0a0B0c") for name in ("Schlagzeug", "Baß", "日本", "Stimme")]
    stems = read_stem_atom(write(tmp_path / "b.stem.mp4", song, codec="alac", stems=mine))["stems"]
    assert stems == [{"name": stem.name, "color": "#0a0B0c"} for stem in mine]
    Audio(song[0], 44_100).write(tmp_path / "plain.wav")
    assert read_stem_atom(tmp_path / "plain.wav") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stems": DEFAULT_STEMS[:3]}, "3 stems: a stem file holds exactly four"),
        ({"codec": "mp3"}, "codec='mp3': use aac or alac"),
        ({"codec": "aac", "subtype": "pcm_24"}, "aac cannot hold subtype 'pcm_24': use pcm_16"),
        ({"codec": "alac", "subtype": "float32"}, "use pcm_16 or pcm_24"),
        ({"sample_rate_hz": 192_000}, "AAC cannot hold 192000 Hz: use the codec alac"),
        ({"codec": "alac", "sample_rate_hz": 0}, "sample_rate_hz=0"),
    ],
)
def test_bad_arguments(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        StemFileWriter(tmp_path / "song.stem.mp4", **({"sample_rate_hz": 44_100} | options))
    with pytest.raises(UsageError, match=r"\.stem\.mp4"):
        StemFileWriter(tmp_path / "song.mp4", sample_rate_hz=44_100)
    assert list(tmp_path.iterdir()) == []


def test_bad_stems_and_blocks(tmp_path, song):
    with pytest.raises(UsageError, match="#RRGGBB"):
        StemInfo(name="Drums", colour="red")
    with pytest.raises(UsageError, match="name=''"):
        StemInfo(name="", colour="#000000")
    mixture, stems = song
    for blocks in (stems[:3], [*stems[:3], stems[3][:-1]]):
        with (
            pytest.raises(ValueError, match="four stems of one shape"),
            StemFileWriter(tmp_path / "song.stem.mp4", sample_rate_hz=44_100) as writer,
        ):
            writer.write(mixture, blocks)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_ffprobe_sees_five_stereo_streams(tmp_path, rng, ffmpeg, codec):
    noise = rng.normal(0, 0.05, (5, 44_100, 2)).astype(np.float32)
    path = write(tmp_path / "song.stem.mp4", (noise[0], list(noise[1:])), codec=codec)
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    probed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    streams = probed["streams"]
    assert [stream["codec_type"] for stream in streams] == ["audio"] * 5
    assert {stream["codec_name"] for stream in streams} == {codec}
    assert {stream["channels"] for stream in streams} == {2}
    assert {stream["duration_ts"] for stream in streams} == {44_100}
    assert [stream["disposition"]["default"] for stream in streams] == [1, 0, 0, 0, 0]
    assert [stream["tags"]["handler_name"] for stream in streams] == ["Mixture", "Drums", "Bass", "Other", "Vocals"]
    assert probed["format"]["tags"]["major_brand"] == "M4A "
    if codec == "aac":
        assert all(abs(int(stream["bit_rate"]) - 256_000) < 13_000 for stream in streams)


@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_stempeg_reads_what_we_wrote(tmp_path, song, ffmpeg, lag_samples, codec):
    stempeg = pytest.importorskip("stempeg")
    path = write(tmp_path / "song.stem.mp4", song, codec=codec)
    read, rate = stempeg.read_stems(str(path), dtype=np.float32)
    assert rate == 44_100
    assert read.shape[0::2] == (5, 2)
    assert stempeg.Info(str(path)).nb_samples_streams == [20_011] * 5
    for samples, expected in zip(read, [song[0], *song[1]], strict=True):
        if codec == "alac":
            np.testing.assert_array_equal(samples, expected)
        else:  # ffmpeg plays the encoder's padding after the end, at most one frame
            assert 0 <= len(samples) - len(expected) < 1024
            assert lag_samples(samples, expected) == 0


def test_stempegs_own_example(ffmpeg):
    stempeg = pytest.importorskip("stempeg")
    path = stempeg.example_stem_path()
    assert [stem["name"] for stem in read_stem_atom(path)["stems"]] == ["Drums", "Bass", "Other", "Vox"]
    info = read_info(path)
    assert (info.streams, info.channels, info.codec) == (5, 2, "aac")
    expected, rate = stempeg.read_stems(path, dtype=np.float32, duration=2)
    assert info.sample_rate_hz == rate
    for stream in (0, 2):
        with open_audio(path, stream=stream) as reader:
            block = next(reader.blocks(rate))
        np.testing.assert_allclose(block, expected[stream][:rate], atol=1e-5)
