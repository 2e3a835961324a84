"""`tfsep enhance` and `tfsep train-enhance`, as far as they tell of what they are given."""

import numpy as np
import pytest

import tfsep.cli
from tfsep.audio import Audio
from tfsep.creative.enhance import Enhanced


@pytest.fixture
def tfsep_main(tmp_path, monkeypatch, capfd):
    """Return a function that runs a command in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("enhance", "train-enhance"))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = tfsep.cli.main([*arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def network(monkeypatch):
    """Put a loaded network's place-holder where one would be loaded; what is made of files is tested elsewhere."""
    monkeypatch.setattr("tfsep.creative.enhance.Enhancer.load", lambda model, threads: (model, threads))


def test_what_was_restored_is_told(tfsep_main, network, monkeypatch, tmp_path):
    seen = {}

    def enhance_file(source, out, **options):
        seen.update(options, source=source, out=out)
        options["progress"]("listening", 1.0)
        return Enhanced(path=tmp_path / "x.flac", cutoff_hz=8000.0, warnings=("breaks off",))

    monkeypatch.setattr("tfsep.creative.enhance.enhance_file", enhance_file)
    code, out, err = tfsep_main("enhance", "song.mp3", "--out", "x.flac", "--cutoff", "8000", "--overwrite")
    assert code == 0
    assert out.endswith("x.flac: restored above 8000 Hz\n")
    assert "tfsep: breaks off" in err
    assert (seen["cutoff_hz"], seen["overwrite"], seen["enhancer"]) == (8000.0, True, ("enhance", 2))


def test_a_page_beside_the_result(tfsep_main, network, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    noise = np.random.default_rng(0).normal(0, 0.1, (44_100, 1)).astype(np.float32)
    for name in ("song.wav", "song.enhanced.wav"):
        Audio(noise, 44_100).write(tmp_path / name)
    done = Enhanced(path=tmp_path / "song.enhanced.wav", cutoff_hz=8000.0)
    monkeypatch.setattr("tfsep.creative.enhance.enhance_file", lambda *args, **options: done)
    code, _, err = tfsep_main("enhance", "song.wav", "--report")
    assert (code, err) == (0, "")
    html = (tmp_path / "song.enhanced.html").read_text("utf-8")
    assert html.count("<audio") == 2
    assert html.count("data:image/png;base64,") == 4
    code, _, err = tfsep_main("enhance", "song.wav", "--report")
    assert code == 2
    assert "song.enhanced.html: is there already: use --overwrite" in err


def test_what_was_left_alone_is_told(tfsep_main, network, monkeypatch):
    left = Enhanced(path=None, cutoff_hz=None, note="is silent: left as it is")
    monkeypatch.setattr("tfsep.creative.enhance.enhance_file", lambda *args, **options: left)
    assert tfsep_main("enhance", "song.mp3") == (0, "song.mp3: is silent: left as it is\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["enhance", "song.wav", "--model", "none.tflite"], 1, "there is no such super-resolution network"),
        (["enhance", "song.wav", "--threads", "0"], 2, "--threads 0: use 1 or more"),
        (["enhance", "."], 1, ".: is a folder, not an audio file"),
        (["enhance", "/", "--cutoff", "8000"], 1, "/: is a folder, not an audio file"),
        (["enhance", "song.wav", "--out", "."], 2, "--out .: is a folder: name a file in it"),
        (["train-enhance", "--data", "songs", "--out", "run", "--steps", "0"], 2, "steps=0: use 1 or more"),
        (["train-enhance", "--data", "songs", "--out", "run", "--degraded", "0"], 2, "degraded=0"),
        (["train-enhance", "--data", "nowhere", "--out", "run"], 1, "nowhere: not a folder"),
    ],
)
def test_what_cannot_be_followed(tfsep_main, tmp_path, arguments, code, message):
    found, _, err = tfsep_main(*arguments)
    assert found == code
    assert message in err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def songs(tmp_path, rng):
    """A folder with one song."""
    (tmp_path / "songs" / "one").mkdir(parents=True)
    for stem in ("drums", "other"):
        noise = rng.normal(0, 0.1, (4410, 1)).astype(np.float32)
        Audio(noise, 44_100).write(tmp_path / "songs" / "one" / f"{stem}.wav")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--exclude", "one", "onne"], 2, "--exclude onne: no song of that name in the data"),
        (["--degraded", "30", "--separated", "0"], 2, "--degraded 30 --separated 0: 40 examples or more are set aside"),
        ([], 1, "--data: holds one recording, and some are set aside"),
    ],
)
def test_what_cannot_be_trained_is_told_before_examples_are_made(tfsep_main, songs, tmp_path, arguments, code, message):
    found, _, err = tfsep_main("train-enhance", "--data", "songs", "--out", "run", "--cache", "cache", *arguments)
    assert found == code
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()
