"""`tfsep genre` and `tfsep separate --model auto`, with the files that ship."""

import json

import numpy as np
import pytest

import tfsep.cli
from tfsep.audio import Audio
from tfsep.data.genres import FAMILIES
from tfsep.separation.genre import CLASSIFIER, GenreClassifier


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep` in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("separate", "genre"))

    def run(*arguments):
        code = tfsep.cli.main(list(map(str, arguments)))
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def song(tmp_path, rng):
    time_s = np.arange(3 * 44_100) / 44_100
    kick = np.sin(2 * np.pi * 55 * time_s) * np.exp(-12 * np.mod(time_s, 0.46))
    hat = rng.normal(0, 0.2, len(time_s)) * np.exp(-60 * np.mod(time_s + 0.23, 0.46))
    Audio(np.repeat(0.5 * (kick + hat)[:, None], 2, axis=1).astype(np.float32), 44_100).write(tmp_path / "song.wav")
    return "song.wav"


def test_the_shipped_classifier_is_small_and_knows_all_families():
    assert CLASSIFIER.find().stat().st_size < 1e6
    assert set(GenreClassifier.load().families) == set(FAMILIES)


def test_probabilities_of_a_song(run, song):
    code, out, _ = run("genre", song)
    assert code == 0
    assert out.startswith("song.wav: ")
    code, out, _ = run("genre", song, "--json")
    found = json.loads(out)[song]
    assert set(found) == set(FAMILIES)
    assert sum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_silence_has_no_genre_and_a_missing_song_does_not_stop_the_rest(run, tmp_path):
    Audio(np.zeros((44_100, 2), np.float32), 44_100).write(tmp_path / "silence.wav")
    code, out, err = run("genre", "missing.wav", "silence.wav")
    assert (code, out) == (1, "silence.wav: nothing to hear\n")
    assert "missing.wav: there is no such file" in err
    assert json.loads(run("genre", "silence.wav", "--json")[1]) == {"silence.wav": None}


def test_auto_says_which_genre_and_model_it_chose(run, song, tmp_path):
    code, out, err = run("separate", song, "--model", "auto", "--out", "out")
    assert code == 0
    assert "genre and model" in out
    assert ": model default" in out
    assert ": model default, in out/song" in err
    assert (tmp_path / "out/song/drums.wav").is_file()


def test_a_genre_may_be_asked_for(run, song):
    code, out, _ = run("separate", song, "--model", "auto", "--genre", "techno", "--out", "out")
    assert code == 0
    assert "electronic (as asked): model default" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--genre", "jazz"], "--genre jazz: --model default is the same for all genres: use --model auto"),
        (["--model", "auto", "--genre", "polka-dot"], "--genre polka-dot: is unknown, use electronic"),
        (["--model", "routing.json"], "routing.json: cannot be read"),
    ],
)
def test_what_cannot_be_routed_is_said_before_anything_is_written(run, song, tmp_path, arguments, message):
    code, _, err = run("separate", song, "--out", "out", *arguments)
    assert code in (1, 2)
    assert message in err
    assert not (tmp_path / "out").exists()
