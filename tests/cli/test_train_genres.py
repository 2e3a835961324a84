"""`tfsep train-genres` on a few short songs."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

import tfsep.cli
from tfsep.audio import Audio
from tfsep.training.genre_bundle import GenreBundle

write_songs = runpy.run_path(str(Path(__file__).parents[1] / "genre_toy.py"))["write_songs"]


@pytest.fixture
def train(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep train-genres` in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("train-genres",))

    def run(*arguments):
        code = tfsep.cli.main(["train-genres", *map(str, arguments), "--out", "run", "--cache", "cache"])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def test_a_run_leaves_a_classifier_and_its_report(train, tmp_path):
    write_songs(tmp_path / "songs", 3)
    write_songs(tmp_path / "far" / "heldout", 1, first=50)
    code, out, _ = train("--data", "songs", "--validation", "far/heldout", "--epochs", 1, "--seed", 4)
    assert code == 0
    assert out.splitlines()[-1] == "run/best"
    bundle = GenreBundle.load(tmp_path / "run" / "best")
    assert bundle.contract.families == ("electronic", "rock")
    assert bundle.contract.training["validation"] == ["heldout"]
    scores = json.loads((tmp_path / "run" / "report.json").read_text())["scores"]
    assert {name: each["songs"] for name, each in scores.items()} == {"calibration": 2, "far/heldout": 2}
    assert "| far/heldout | 2 |" in (tmp_path / "run" / "report.md").read_text()
    assert (tmp_path / "run" / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_songs_of_families_that_are_not_learnt_are_refused_before_training(train, tmp_path):
    write_songs(tmp_path / "songs", 3)
    write_songs(tmp_path / "heldout", 1, first=50)
    (tmp_path / "heldout" / "metal-50" / "song.json").write_text('{"genre": "salsa"}')
    code, out, err = train("--data", "songs", "--validation", "heldout")
    assert code == 1
    assert "--validation: holds songs of the families latin, --data of electronic, rock only" in err
    assert "epoch" not in out
    assert not (tmp_path / "run").exists()


def test_silent_validation_songs_do_not_cost_the_classifier(train, tmp_path):
    write_songs(tmp_path / "songs", 3)
    write_songs(tmp_path / "heldout", 1, first=60)
    for path in (tmp_path / "heldout").glob("*/*.wav"):
        Audio(np.zeros((12_000, 2), np.float32), 8000).write(path)
    code, _, err = train("--data", "songs", "--validation", "heldout", "--epochs", 1)
    assert code == 1
    assert "all 2 songs are silent" in err
    assert GenreBundle.load(tmp_path / "run" / "best")


def test_a_folder_that_cannot_be_made_is_said_before_training(train, tmp_path):
    write_songs(tmp_path / "songs", 3)
    (tmp_path / "run").write_text("a file")
    code, out, err = train("--data", "songs")
    assert code == 1
    assert "run" in err
    assert "epoch" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--epochs", "0"], 2, "epochs=0: use 1 or more"),
        (["--validation", "songs"], 1, "--data: all songs are held out"),
        (["--validation", "nowhere"], 1, "nowhere: not a folder"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_written(train, tmp_path, arguments, code, message):
    write_songs(tmp_path / "songs", 1)
    found, _, err = train("--data", "songs", *arguments)
    assert found == code
    assert message in err
    assert not (tmp_path / "run").exists()
