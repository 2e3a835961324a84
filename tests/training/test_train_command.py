"""`tfsep train` as it is typed: what is wrong gets one line."""

import json

import pytest

from tfsep.cli import main


@pytest.fixture
def train(tmp_path, toy, capsys):
    """Return a function that runs the command and returns its exit code, output and errors."""

    def run(*options: str, data: str = str(toy / "data"), out: str = str(tmp_path / "run")):
        code = main(["train", "--data", data, "--out", out, "--cache", str(toy / "cache"), *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_trains_and_says_where_the_model_is(train, toy, small_config, tmp_path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(small_config.to_json()))
    code, out, err = train("--config", str(path), "--steps", "2", "--validation", str(toy / "held"), "--seed", "7")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith(f"{tmp_path / 'run' / 'best'}: mean validation SDR ")
    record = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (record["steps"], record["seed"], record["batch"]) == (2, 7, 2)  # changed, changed, of the file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "0"], "steps=0: use 1 or more"),
        (["--seed", "-1"], "seed=-1"),
        (["--learning-rate", "nan"], "learning_rate=nan"),
        (["--preset", "huge"], "preset 'huge' is unknown: use default"),
        (["--config", "gone.json"], "--config gone.json: cannot be read (No such file or directory)"),
    ],
)
def test_wrong_options(train, options, message, tmp_path):
    code, out, err = train(*options)
    assert (code, out) == (2, "")
    assert err.startswith(f"tfsep: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Expecting"),
        (b"\xff", "decode"),
        (b'{"epochs": 1}', "training fields epochs are unknown"),
        (b'{"steps": "many"}', "not supported between"),
        (b'{"generator": {"widths": []}}', "widths"),
    ],
)
def test_wrong_config_file(train, content, message, tmp_path):
    path = tmp_path / "c.json"
    path.write_bytes(content)
    code, _, err = train("--config", str(path))
    assert code == 2
    assert err.startswith(f"tfsep: --config {path}: ")
    assert message in err
    assert err.count("\n") == 1


def test_wrong_data(train, tmp_path):
    code, _, err = train(data=f"{tmp_path}@none")
    assert code == 2
    assert "the weight after @ is 'none'" in err
    code, _, err = train(data=str(tmp_path / "gone"))
    assert code == 1
    assert err == f"tfsep: {tmp_path / 'gone'}: not a folder; give a folder of songs, SONG/drums.flac and so on\n"
    code, _, err = train("--init", str(tmp_path / "gone"))
    assert code == 1
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_option_that_is_no_number(train, capsys):
    with pytest.raises(SystemExit) as caught:
        train("--steps", "many")
    assert caught.value.code == 2
    assert "invalid int value: 'many'" in capsys.readouterr().err


def test_other_stems_than_the_preset_s(train, small_config, tmp_path):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(small_config.to_json()))
    code, out, err = train("--config", str(path), "--stems", "drums,accompaniment")
    assert (code, out) == (2, "")
    assert err == "tfsep: --stems drums,accompaniment: the model that is asked for separates drums, other\n"
    assert train("--stems", "drums")[2].startswith("tfsep: stems=('drums',): use two or more different names")
    assert train("--stems", "drums,guitar")[2].startswith("tfsep: no song in the data has the stem guitar")
