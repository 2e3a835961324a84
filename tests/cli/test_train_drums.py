"""`tfsep train-drums` on a few short songs."""

import runpy
from pathlib import Path

import pytest

import tfsep.cli
from tfsep.training.drum_bundle import DrumBundle

write_toy_song = runpy.run_path(str(Path(__file__).parents[1] / "drum_toy.py"))["write_toy_song"]


@pytest.fixture
def train(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep train-drums` in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("train-drums",))

    def run(*arguments):
        code = tfsep.cli.main(["train-drums", *map(str, arguments), "--cache", "cache"])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def songs(tmp_path):
    for number in range(2):
        write_toy_song(tmp_path / "songs" / f"toy-{number}", seconds=1.5, seed=number)
    return "songs"


def test_a_run_leaves_a_transcriber(train, songs, tmp_path):
    write_toy_song(tmp_path / "songs" / "toy-loop", seconds=0.5, loop=True)
    separated = ["--separated", songs, "--separated-songs", 1]
    code, out, _ = train("--data", songs, *separated, "--steps", 1, "--rounds", 1, "--out", "run")
    assert code == 0
    assert "songs: 1 songs with a drum loop" in out
    assert "2 clean drum stems" in out
    assert "1 drum stems separated by default" in out
    assert out.splitlines()[-1] == "run/best"
    assert DrumBundle.load(tmp_path / "run" / "best").contract.training["separated"] == ["songs"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "songs", "--rounds", "0"], 2, "rounds=0: use 1 or more"),
        (["--data", "songs", "--separated-songs", "0"], 2, "--separated-songs 0: use 1 or more"),
        (["--data", "nowhere"], 1, "nowhere: not a folder"),
        (["--data", "songs", "--separated", "nowhere"], 1, "nowhere: not a folder"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(train, songs, tmp_path, arguments, code, message):
    found, _, err = train(*arguments, "--out", "run")
    assert found == code
    assert message in err
    assert not (tmp_path / "run").exists()
