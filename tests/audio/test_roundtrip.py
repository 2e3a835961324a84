import numpy as np
import pytest
import soundfile

from tfsep.audio import Audio, open_audio, open_writer, read_info, to_integers, writable_subtype
from tfsep.audio.pcm import to_float
from tfsep.errors import UsageError

LOSSLESS = [(".wav", "pcm_16"), (".wav", "pcm_24"), (".wav", "float32"), (".flac", "pcm_16"), (".flac", "pcm_24")]
SOUNDFILE_NAMES = {"pcm_16": "PCM_16", "pcm_24": "PCM_24", "float32": "FLOAT"}


def on_grid(samples, subtype):
    if subtype == "float32":
        return samples
    scale = {"pcm_16": 2**15, "pcm_24": 2**23}[subtype]
    return (np.rint(samples.astype(np.float64) * scale) / scale).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "subtype"), LOSSLESS)
def test_lossless_files_return_every_bit(tmp_path, tones, suffix, subtype, channels):
    path, sound = tmp_path / f"song{suffix}", on_grid(tones(20_011, channels), subtype)
    with open_writer(path, sample_rate_hz=48_000, channels=channels, subtype=subtype) as writer:
        for start in range(0, len(sound), 3000):
            writer.write(sound[start : start + 3000])
    read = Audio.read(path)
    np.testing.assert_array_equal(read.samples, sound)
    by_libsndfile, rate = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_array_equal(by_libsndfile, sound)
    info = read_info(path)
    assert (info.sample_rate_hz, info.channels, info.frames, info.subtype) == (48_000, channels, len(sound), subtype)
    assert (rate, soundfile.info(path).subtype, read.channels) == (48_000, SOUNDFILE_NAMES[subtype], channels)


def test_integers_are_rounded_to_nearest_and_clipped(tmp_path):
    steps = np.array([0.0, 0.49, 0.51, -0.49, -0.51, 1.0, -1.0, 32767.4, 32767.6, 40000.0, -32768.0, -50000.0])
    expected = [0, 0, 1, 0, -1, 1, -1, 32767, 32767, 32767, -32768, -32768]
    for suffix in (".wav", ".flac"):
        Audio((steps / 32768).astype(np.float32)[:, None], 44_100).write(tmp_path / f"x{suffix}", subtype="pcm_16")
        written, _ = soundfile.read(tmp_path / f"x{suffix}", dtype="int16")
        assert written.tolist() == expected


@pytest.mark.parametrize("bits", [16, 24])
def test_every_extreme_integer_survives_the_way_through_float(bits):
    top = 2 ** (bits - 1)
    integers = np.array([-top, -top + 1, -1, 0, 1, top - 2, top - 1], np.int32)
    np.testing.assert_array_equal(to_integers((integers / top).astype(np.float32), bits), integers)
    if bits == 24:
        np.testing.assert_array_equal(to_float(integers << 8), (integers / top).astype(np.float32))


@pytest.mark.parametrize(
    ("suffix", "container", "subtype", "held_in"),
    [
        (".aiff", "AIFF", "PCM_16", "pcm_16"),
        (".aiff", "AIFF", "PCM_24", "pcm_24"),
        (".aif", "AIFF", "FLOAT", "float32"),
        (".wav", "WAV", "PCM_U8", "pcm_16"),
        (".wav", "WAV", "PCM_32", "float32"),
        (".wav", "WAV", "DOUBLE", "float32"),
        (".wav", "WAVEX", "PCM_24", "pcm_24"),
        (".wav", "RF64", "PCM_24", "pcm_24"),
        (".w64", "W64", "PCM_16", "pcm_16"),
        (".caf", "CAF", "PCM_24", "pcm_24"),
    ],
)
def test_files_of_others_read_as_libsndfile_reads_them(tmp_path, tones, suffix, container, subtype, held_in):
    path = tmp_path / f"song{suffix}"
    soundfile.write(path, tones(5000), 44_100, subtype=subtype, format=container)
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(Audio.read(path).samples, expected)
    assert (read_info(path).frames, read_info(path).subtype) == (5000, held_in)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("samples", [30_000, 28 * 1152 + 1, 28 * 1152 + 46, 28 * 1152 + 47, 28 * 1152])
def test_mp3_keeps_length_and_position(tmp_path, tones, lag_samples, rate, samples):
    path, sound = tmp_path / "song.mp3", tones(samples, 2, rate)
    Audio(sound, rate).write(path)
    read = Audio.read(path)
    assert read.samples.shape == sound.shape
    assert read_info(path).frames == samples
    assert lag_samples(read.samples, sound) == 0
    assert np.corrcoef(read.samples[:, 1], sound[:, 1])[0, 1] > 0.99


@pytest.mark.parametrize("rate", [8000, 22_050, 24_000, 32_000])
def test_mp3_keeps_its_length_at_every_kind_of_rate(tmp_path, tones, rate):
    for samples, channels in ((12 * 576 + 1, 1), (12 * 576 + 500, 2)):
        Audio(tones(samples, channels, rate), rate).write(tmp_path / "song.mp3")
        with open_audio(tmp_path / "song.mp3") as reader:
            assert sum(len(block) for block in reader.blocks()) == samples
            assert (reader.info.channels, reader.info.sample_rate_hz) == (channels, rate)
            assert reader.warnings == []


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("timescale", ["1000", None])
def test_m4a_keeps_length_and_position(tmp_path, tones, libav_encode, lag_samples, rate, timescale):
    sound = tones(30_011, 2, rate)
    options = {"movie_timescale": timescale or str(rate)}
    path = libav_encode(tmp_path / "song.m4a", sound, "aac", "ipod", rate=rate, bit_rate=256_000, **options)
    read = Audio.read(path)
    assert read.samples.shape == sound.shape
    assert read_info(path).frames == len(sound)
    assert lag_samples(read.samples, sound) == 0


def test_alac_is_exact(tmp_path, tones, libav_encode):
    sound = on_grid(tones(10_007), "pcm_24")
    path = libav_encode(tmp_path / "song.m4a", sound, "alac", "ipod")
    read = Audio.read(path)
    np.testing.assert_array_equal(read.samples, sound)
    assert read_info(path).subtype == "pcm_24"


@pytest.mark.parametrize(("suffix", "codec", "rate"), [(".ogg", "vorbis", 44_100), (".opus", "libopus", 48_000)])
def test_ogg_keeps_length_and_position(tmp_path, tones, libav_encode, lag_samples, suffix, codec, rate):
    path, sound = tmp_path / f"song{suffix}", tones(60_000, 2, rate)
    if codec == "vorbis":
        soundfile.write(path, sound, rate)  # libav's own Vorbis encoder is experimental
    else:
        libav_encode(path, sound, codec, "ogg", rate=rate)
    with open_audio(path) as reader:
        samples = np.concatenate(list(reader.blocks()))
        assert (reader.info.frames, reader.info.subtype, reader.warnings) == (len(sound), "pcm_16", [])
    assert samples.shape == sound.shape
    assert lag_samples(samples, sound) == 0


@pytest.mark.parametrize("rate", [8000, 192_000])
def test_low_and_high_rates_are_kept(tmp_path, tones, rate):
    for suffix in (".wav", ".flac"):
        sound = on_grid(tones(rate // 4, 1, rate), "pcm_16")
        Audio(sound, rate).write(tmp_path / f"song{suffix}", subtype="pcm_16")
        read = Audio.read(tmp_path / f"song{suffix}")
        assert read.sample_rate_hz == rate
        np.testing.assert_array_equal(read.samples, sound)


def test_content_decides_not_the_suffix(tmp_path, tones):
    Audio(tones(9000), 44_100).write(tmp_path / "song.mp3")
    for name in ("song.wav", "song", "http:song.txt"):
        (tmp_path / name).write_bytes((tmp_path / "song.mp3").read_bytes())
        assert read_info(tmp_path / name).codec == "mp3"
        assert len(Audio.read(tmp_path / name).samples) == 9000


def test_audio_read_converts_rate_and_channels(tmp_path, tones):
    sound = on_grid(tones(8001), "pcm_16")
    Audio(sound, 44_100).write(tmp_path / "song.wav")
    mono = Audio.read(tmp_path / "song.wav", channels=1)
    np.testing.assert_allclose(mono.samples[:, 0], (sound[:, 0] + sound[:, 1]) / 2, atol=1e-7)
    assert Audio.read(tmp_path / "song.wav", sample_rate_hz=22_050).samples.shape == (4001, 2)
    Audio(mono.samples, 44_100).write(tmp_path / "mono.wav", subtype="float32")
    doubled = Audio.read(tmp_path / "mono.wav", channels=2).samples
    np.testing.assert_array_equal(doubled, np.repeat(mono.samples, 2, axis=1))
    with pytest.raises(ValueError, match="channels=3"):
        Audio.read(tmp_path / "song.wav", channels=3)


def test_nearest_subtype_of_each_kind_of_file():
    assert writable_subtype(".wav", "float32") == "float32"
    assert writable_subtype(".flac", "float32") == "pcm_24"
    assert writable_subtype(".flac", "pcm_16") == "pcm_16"
    assert writable_subtype(".mp3", "pcm_24") == "pcm_16"
    with pytest.raises(UsageError, match="pcm_16, pcm_24, float32"):
        writable_subtype(".wav", "int8")
    with pytest.raises(UsageError, match=r"\.wav, \.flac, \.mp3"):
        writable_subtype(".xyz", "pcm_16")


def test_wav_past_the_32_bit_limit_becomes_rf64(tmp_path, tones, monkeypatch):
    monkeypatch.setattr("tfsep.audio.wav.RIFF_LIMIT_BYTES", 10_000)
    sound = on_grid(tones(5000), "pcm_24")
    path = tmp_path / "long.wav"
    with open_writer(path, sample_rate_hz=44_100, channels=2, subtype="pcm_24", tags={"title": "Long"}) as writer:
        writer.write(sound)
    assert path.read_bytes()[:4] == b"RF64"
    assert soundfile.info(path).frames == 5000
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0], sound)
    with open_audio(path) as reader:
        np.testing.assert_array_equal(np.concatenate(list(reader.blocks())), sound)
        assert reader.warnings == []
