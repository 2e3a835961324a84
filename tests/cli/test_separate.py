import errno
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tfsep.cli
from tfsep.audio import Audio, open_audio, open_writer, read_info
from tfsep.contract import ModelContract
from tfsep.spec import SpectrogramSpec

STEMS = ("drums", "bass", "other", "vocals")
SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16)


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A model whose masks are a softmax of multiples of the feature."""
    import keras
    import tensorflow as tf

    features = keras.Input((SPEC.frames, SPEC.model_bins, 2), batch_size=1, name="features")
    weights = [keras.ops.exp(0.2 * k * features) for k in range(4)]
    total = weights[0] + weights[1] + weights[2] + weights[3]
    masks = {stem: keras.layers.Identity(name=stem)(weight / total) for stem, weight in zip(STEMS, weights, strict=True)}
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(keras.Model(features, masks)).convert())
    ModelContract(spec=SPEC, stems=STEMS, overlap_frames=4, bandwidth_hz=3500.0).write(path.with_suffix(".json"))
    return path


@pytest.fixture
def noise(rng):
    def make(samples: int = 6000, channels: int = 2) -> np.ndarray:
        return rng.uniform(-0.6, 0.6, (samples, channels)).astype(np.float32)

    return make


@pytest.fixture
def separate(model, tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep separate` in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("separate",))

    def run(*arguments: str | Path, model: Path = model) -> tuple[int, str, str]:
        code = tfsep.cli.main(["separate", *map(str, arguments), "--model", str(model)])
        out, err = capfd.readouterr()
        assert "\x1b" not in out + err
        assert "Traceback" not in err
        return code, out, err

    return run


def one_line(err: str, pattern: str) -> None:
    """Assert that exactly one line of stderr tells of a problem, and that it matches."""
    lines = [line for line in err.splitlines() if line.startswith("tfsep:")]
    assert len(lines) == 1, err
    assert re.search(pattern, lines[0]), lines[0]


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def total(folder: Path, names=STEMS, suffix="wav", dtype="int32") -> np.ndarray:
    parts = [soundfile.read(folder / f"{name}.{suffix}", dtype=dtype, always_2d=True)[0] for name in names]
    return np.sum(np.stack(parts).astype(np.float64), axis=0)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("subtype", "suffix"), [("PCM_16", "wav"), ("PCM_24", "wav"), ("FLOAT", "wav"), ("PCM_16", "flac"), ("PCM_24", "flac")]
)
def test_stems_on_disk_sum_to_the_song(separate, noise, tmp_path, channels, subtype, suffix):
    source = "wav" if subtype == "FLOAT" else suffix
    sound = noise(6001, channels) * 1.6  # reaches full scale
    soundfile.write(f"song.{source}", sound, 11_025, subtype=subtype)
    code, _out, err = separate(f"song.{source}", "--format", suffix)
    assert code == 0, err
    assert files(tmp_path / "stems") == sorted(f"song/{stem}.{suffix}" for stem in STEMS)
    for stem in STEMS:
        info = soundfile.info(f"stems/song/{stem}.{suffix}")
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (11_025, channels, 6001, subtype)
    if subtype == "FLOAT":
        mixture = soundfile.read("song.wav", dtype="float32", always_2d=True)[0]
        largest = max(np.abs(soundfile.read(f"stems/song/{stem}.wav")[0]).max() for stem in STEMS)
        assert np.abs(total(tmp_path / "stems/song", dtype="float32") - mixture).max() <= np.spacing(np.float32(largest)) / 2
    else:
        mixture = soundfile.read(f"song.{suffix}", dtype="int32", always_2d=True)[0]
        np.testing.assert_array_equal(total(tmp_path / "stems/song", suffix=suffix), mixture)


def test_coarser_output_sums_to_the_rounded_song(separate, noise, tmp_path):
    sound = noise()
    soundfile.write("song.wav", sound, 8000, subtype="FLOAT")
    assert separate("song.wav", "--subtype", "pcm_16")[0] == 0
    expected = np.rint(sound.astype(np.float64) * 32768) * 65536
    np.testing.assert_array_equal(total(tmp_path / "stems/song"), expected)


def test_silence_gives_silence(separate):
    soundfile.write("song.wav", np.zeros((5000, 2)), 8000)
    assert separate("song.wav")[0] == 0
    for stem in STEMS:
        assert not soundfile.read(f"stems/song/{stem}.wav")[0].any()


@pytest.mark.parametrize("stem", ["drums", "other"])
def test_two_stems(separate, noise, tmp_path, stem):
    soundfile.write("song.wav", noise(), 8000)
    assert separate("song.wav", "--two-stems", stem, "--out", "out")[0] == 0
    assert files(tmp_path / "out") == sorted([f"song/{stem}.wav", f"song/no_{stem}.wav"])
    mixture = soundfile.read("song.wav", dtype="int32")[0]
    np.testing.assert_array_equal(total(tmp_path / "out/song", (stem, f"no_{stem}")), mixture)


def test_some_stems(separate, noise, tmp_path):
    soundfile.write("song.wav", noise(), 8000)
    assert separate("song.wav")[0] == 0
    assert separate("song.wav", "--stems", "vocals, drums", "--out", "some")[0] == 0
    assert files(tmp_path / "some") == ["song/drums.wav", "song/vocals.wav"]
    for stem in ("drums", "vocals"):
        assert (tmp_path / f"some/song/{stem}.wav").read_bytes() == (tmp_path / f"stems/song/{stem}.wav").read_bytes()


@pytest.mark.parametrize(("codec", "tolerance"), [("aac", 0.02), ("alac", 0)])
def test_stem_file(separate, noise, tmp_path, codec, tolerance):
    with open_writer("song.flac", sample_rate_hz=44_100, channels=2, tags={"title": "Ho"}) as writer:
        at_s = np.arange(30_000)[:, None] / 44_100
        writer.write((0.5 * np.sin(2 * np.pi * at_s * np.array([[440, 660]]))).astype(np.float32))
    assert separate("song.flac", "--format", "stem.mp4", "--codec", codec)[0] == 0
    assert files(tmp_path / "stems") == ["song.stem.mp4"]
    assert read_info("stems/song.stem.mp4").tags["title"] == "Ho"
    streams = [Audio.read("stems/song.stem.mp4", stream=k).samples.astype(np.float64) for k in range(5)]
    for found, expected in ((sum(streams[1:]), streams[0]), (streams[0], Audio.read("song.flac").samples)):
        assert np.sqrt(np.mean((found - expected) ** 2)) <= tolerance


def test_mp3_with_tags(separate, noise):
    with open_writer("song.flac", sample_rate_hz=44_100, channels=2, tags={"title": "Ho", "artist": "Hum"}) as writer:
        writer.write(noise(30_000))
    assert separate("song.flac", "--format", "mp3", "--two-stems", "vocals")[0] == 0
    info = read_info("stems/song/no_vocals.mp3")
    assert (info.tags["title"], info.tags["artist"], info.frames) == ("Ho", "Hum", 30_000)


def test_folders_globs_skipping_and_overwriting(separate, noise, tmp_path):
    for name in ("a/one.wav", "a/b/two.wav", "c/three.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(name, noise(1000), 8000)
    code, out, err = separate("a", "c/*.wav")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == ["one", "three", "two"]
    assert "3 separated, 0 there already, 0 failed" in out
    assert str(tmp_path / "stems") in out
    assert "up to 3.5 kHz" in err
    (tmp_path / "stems/two/bass.wav").unlink()  # then the song is not done
    (tmp_path / "stems/one/bass.wav").write_bytes(b"mine")
    code, out, err = separate("a", "c/*.wav")
    assert "1 separated, 2 there already, 0 failed" in out
    assert "a/one.wav: its stems are there already, --overwrite makes them again" in err
    assert (tmp_path / "stems/one/bass.wav").read_bytes() == b"mine"
    code, out, err = separate("a/one.wav", "--overwrite")
    assert "1 separated" in out
    assert (tmp_path / "stems/one/bass.wav").read_bytes() != b"mine"


def test_processes(separate, noise, tmp_path):
    for k in range(3):
        soundfile.write(f"song{k}.wav", noise(2000), 8000)
    Path("bad.wav").write_bytes(b"no sound in here")
    assert separate("song0.wav", "--out", "alone")[0] == 0
    code, out, err = separate("song0.wav", "bad.wav", "song1.wav", "song2.wav", "--jobs", "2")
    assert code == 1
    assert "3 separated, 0 there already, 1 failed" in out
    one_line(err, r"bad\.wav: is not audio")
    assert [line.split("│")[1].strip() for line in out.splitlines() if "│" in line] == ["song0", "bad", "song1", "song2"]
    for stem in STEMS:
        assert (tmp_path / f"stems/song0/{stem}.wav").read_bytes() == (tmp_path / f"alone/song0/{stem}.wav").read_bytes()


def test_input_is_never_overwritten(separate, noise, tmp_path):
    (tmp_path / "drums").mkdir()
    for name in ("drums.wav", "drums/drums.wav"):
        soundfile.write(name, noise(1000), 8000)
    before = (tmp_path / "drums/drums.wav").read_bytes()
    code, _out, err = separate("drums/drums.wav", "--out", ".", "--overwrite")
    assert code == 1
    one_line(err, r"drums/drums\.wav: its stems would overwrite one of the songs")
    code, _out, err = separate("drums.wav", "drums/drums.wav", "--out", ".", "--overwrite")
    assert (tmp_path / "drums/drums.wav").read_bytes() == before


@pytest.mark.parametrize("rate", [8000, 192_000])
def test_extreme_rates(separate, noise, rate):
    soundfile.write("song.wav", noise(5001), rate)
    assert separate("song.wav")[0] == 0
    assert soundfile.info("stems/song/bass.wav").samplerate == rate
    assert soundfile.info("stems/song/bass.wav").frames == 5001


@pytest.mark.parametrize("samples", [1, 1023, 44_101])
def test_exact_length(separate, noise, samples):
    soundfile.write("song.wav", noise(samples), 44_100)
    assert separate("song.wav")[0] == 0
    assert soundfile.info("stems/song/vocals.wav").frames == samples


def make_bad(name: str, noise) -> None:
    path = Path(f"{name}.wav")
    if name == "text":
        path.write_text("words " * 500)
    elif name == "empty":
        path.touch()
    elif name == "silent":
        soundfile.write(path, np.zeros((0, 2)), 8000)
    elif name == "nan":
        sound = noise(4000)
        sound[3000] = np.nan
        soundfile.write(path, sound, 8000, subtype="FLOAT")
    elif name == "six":
        soundfile.write(path, noise(100, 6), 8000)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", "is not audio, or damaged"),
        ("empty", r"is empty \(0 bytes\)"),
        ("silent", r"0 samples"),
        ("nan", r"the sample at 0\.375 s is NaN: repair the file"),
        ("six", "has 6 channels, tfsep takes mono and stereo: mix it down"),
        ("missing", "there is no such file: check the name"),
    ],
)
def test_bad_songs_fail_alone(separate, noise, tmp_path, name, message):
    make_bad(name, noise)
    soundfile.write("good.wav", noise(1000), 8000)
    code, out, err = separate(f"{name}.wav", "good.wav")
    assert code == 1
    one_line(err, rf"tfsep: {name}\.wav: .*{message}")
    assert "1 separated, 0 there already, 1 failed" in out
    assert files(tmp_path / "stems") == sorted(f"good/{stem}.wav" for stem in STEMS)
    assert not (tmp_path / f"stems/{name}").exists()


def test_truncated_song_is_done_with_a_warning(separate, noise):
    soundfile.write("song.wav", noise(6000), 8000)
    data = Path("song.wav").read_bytes()
    Path("song.wav").write_bytes(data[: len(data) // 2])
    code, _out, err = separate("song.wav")
    assert code == 0
    one_line(err, r"song\.wav: ends after 0\.3\d s, 0\.3\d s earlier than its header says")
    assert soundfile.info("stems/song/drums.wav").frames == soundfile.info("stems/song/other.wav").frames == 2994


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["folder"], "folder: there is no audio in this folder"),
        (["*.mp3"], r"\*\.mp3: nothing matches this pattern"),
    ],
)
def test_nothing_to_do(separate, tmp_path, arguments, message):
    (tmp_path / "folder").mkdir()
    code, _out, err = separate(*arguments)
    assert code == 1
    one_line(err, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stems", "drums,piano"], r"stem 'piano': this model tells apart drums, bass, other, vocals"),
        (["--two-stems", "piano"], r"stem 'piano': this model tells apart drums"),
        (["--two-stems", ""], r"stem '': this model tells apart drums"),
        (["--stems", ","], "--stems: name at least one stem"),
        (["--stems", "drums", "--two-stems", "drums"], "--stems and --two-stems: use one of them"),
        (["--format", "ogg"], "--format ogg: use one of wav, flac, mp3, stem.mp4"),
        (["--format", "stem.mp4", "--stems", "drums"], "stem.mp4 holds all four stems"),
        (["--codec", "alac"], "--codec alac is for --format stem.mp4"),
        (["--format", "stem.mp4", "--codec", "opus"], "--codec opus: use one of aac, alac"),
        (["--subtype", "pcm_8"], "--subtype pcm_8: wav holds pcm_16 or pcm_24 or float32"),
        (["--format", "flac", "--subtype", "float32"], "--subtype float32: flac holds pcm_16 or pcm_24"),
        (["--format", "stem.mp4", "--subtype", "pcm_24"], "--subtype pcm_24: stem.mp4 holds pcm_16"),
        (["--threads", "0"], "--threads 0: use 1 or more"),
        (["--jobs", "0"], "--jobs 0: use 1 or more"),
    ],
)
def test_usage(separate, noise, tmp_path, arguments, message):
    soundfile.write("song.wav", noise(100), 8000)
    code, _out, err = separate("song.wav", *arguments)
    assert code == 2
    one_line(err, message)
    assert files(tmp_path) == ["song.wav"]


def test_wrong_models(separate, noise, tmp_path, model):
    soundfile.write("song.wav", noise(100), 8000)
    Path("text.tflite").write_text("words")
    Path("text.json").write_text(model.with_suffix(".json").read_text())
    Path("alone.tflite").write_bytes(model.read_bytes())
    Path("foreign.tflite").write_bytes(model.read_bytes())
    ModelContract(spec=SPEC, stems=("voice", "rest"), overlap_frames=4).write(Path("foreign.json"))
    for name, message in (
        ("text.tflite", r"text\.tflite: is not a model that LiteRT can run"),
        ("alone.tflite", r"alone\.json: this description of the model is missing"),
        ("foreign.tflite", r"foreign\.tflite: has the outputs bass, drums, other, vocals, its description says rest, voice"),
        ("gone.tflite", r"gone\.tflite: there is no such model"),
        ("song.wav", r"song\.wav: is not a model that can be run"),
    ):
        code, _out, err = separate("song.wav", model=Path(name))
        assert code == 1
        one_line(err, message)
    assert not (tmp_path / "stems").exists()


def test_folder_that_cannot_be_made(separate, noise):
    soundfile.write("song.wav", noise(100), 8000)
    Path("file").touch()
    code, _out, err = separate("song.wav", "--out", "file/stems")
    assert code == 1
    one_line(err, r"file/stems/song: this folder cannot be made \(Not a directory\): choose another --out")


def test_no_permission(separate, noise, monkeypatch, tmp_path):
    soundfile.write("song.wav", noise(100), 8000)

    def refuse(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    code, _out, err = separate("song.wav")
    assert code == 1
    one_line(err, r"stems/song: this folder cannot be made \(Permission denied\): choose another --out")


def test_full_disk(separate, noise, monkeypatch, tmp_path):
    from tfsep.audio.wav import WavEncoder

    write = WavEncoder.write

    def full(encoder, block):
        if encoder._data_bytes > 10_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(encoder, block)

    monkeypatch.setattr(WavEncoder, "write", full)
    soundfile.write("long.wav", noise(30_000), 8000)
    soundfile.write("short.wav", noise(1000), 8000)
    code, _out, err = separate("long.wav", "short.wav")
    assert code == 1
    one_line(err, r"stems/long/\w+\.wav: cannot be written, the disk is full: free space")
    assert files(tmp_path / "stems") == sorted(f"short/{stem}.wav" for stem in STEMS)
    assert not (tmp_path / "stems/long").exists()


def test_rate_that_the_format_cannot_hold(separate, noise, tmp_path):
    soundfile.write("song.wav", noise(1000), 192_000)
    code, _out, err = separate("song.wav", "--format", "mp3")
    assert code == 1
    one_line(err, r"song/\w+\.mp3: \.mp3 cannot hold 192000 Hz")
    assert not files(tmp_path / "stems")


def test_fault_of_ours_stops_one_song_only(separate, noise, monkeypatch):
    from tfsep.separation.song_files import SongFiles

    write = SongFiles.write

    def broken(writer, block):
        if len(block.mixture) == 777:
            raise ZeroDivisionError("oh")
        write(writer, block)

    monkeypatch.setattr(SongFiles, "write", broken)
    soundfile.write("odd.wav", noise(777), 8000)
    soundfile.write("good.wav", noise(778), 8000)
    code, out, err = separate("odd.wav", "good.wav")
    assert code == 1
    one_line(err, r"odd\.wav: a fault of tfsep \(ZeroDivisionError: oh\)")
    assert "1 separated" in out


def test_interrupt_keeps_what_is_finished_and_nothing_half(separate, noise, monkeypatch, tmp_path):
    from tfsep.separation.song_files import SongFiles

    write, calls = SongFiles.write, []

    def interrupted(writer, block):
        calls.append(len(block.mixture))
        if len(calls) == 4:
            raise KeyboardInterrupt
        write(writer, block)

    monkeypatch.setattr(SongFiles, "write", interrupted)
    soundfile.write("first.wav", noise(700), 8000)
    soundfile.write("second.wav", noise(30_000), 8000)
    code, _out, err = separate("first.wav", "second.wav")
    assert code == 130
    assert "interrupted; what was finished is kept" in err
    assert files(tmp_path / "stems") == sorted(f"first/{stem}.wav" for stem in STEMS)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_kill_leaves_no_half_file(separate, model, noise, tmp_path):
    soundfile.write("song.wav", noise(30_000), 8000)
    code = (
        "import os, signal; from pathlib import Path; from tfsep.separation.batch import separate_song\n"
        "from tfsep.separation.job import SeparationJob; from tfsep.separation.separator import Separator\n"
        "from tfsep.separation.songs import Song\n"
        f"separate_song(Separator.load({str(model)!r}), SeparationJob(out=Path('stems')), Song(Path('song.wav'), 'song'),\n"
        "    lambda done_s, total_s: done_s > 1 and os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    left = files(tmp_path / "stems")
    assert left
    assert all(name.endswith(".part") for name in left)
    code, out, _err = separate("song.wav")
    assert "1 separated" in out
    assert files(tmp_path / "stems") == sorted(f"song/{stem}.wav" for stem in STEMS)


def test_terminal_shows_a_bar(separate, noise, monkeypatch):
    """On a terminal, rich draws; here it is told that there is one."""
    from rich.console import Console

    from tfsep.separation import report

    drawn = []
    monkeypatch.setattr(
        report,
        "_console",
        lambda stderr: Console(file=type("Terminal", (), {"write": drawn.append, "flush": int})(), force_terminal=True),
    )
    for name in ("one", "two"):
        soundfile.write(f"{name}[b].wav", noise(9000), 8000)
    assert separate("one[b].wav", "two[b].wav")[0] == 0
    text = "".join(map(str, drawn))
    assert "2 songs" in text
    assert "100%" in text
    assert "one[b]" in text


def test_reading_stops_at_the_file_when_it_is_read_back(separate, noise):
    """Stems are read back by our own reader as well, without a warning."""
    soundfile.write("song.wav", noise(5000), 8000)
    assert separate("song.wav", "--format", "flac")[0] == 0
    with open_audio("stems/song/drums.flac") as reader:
        assert sum(map(len, reader.blocks())) == 5000
        assert reader.warnings == []
