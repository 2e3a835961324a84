"""`tfsep evaluate` from the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from tfsep.cli import main
from tfsep.evaluation import Evaluation

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(2)
    for song in ("a", "b", "c"):
        folder = tmp_path / "data" / song
        folder.mkdir(parents=True)
        for stem in ("drums", "bass", "other", "vocals"):
            soundfile.write(folder / f"{stem}.wav", rng.normal(0, 0.05, (8000, 2)), 8000)
    return tmp_path / "data"


def test_scores_table_json_and_report(data, tmp_path, capsys):
    scores, report = tmp_path / "scores.json", tmp_path / "report.html"
    assert main(["evaluate", "--data", str(data), "--songs", "2", "--json", str(scores), "--report", str(report)]) == 0
    out = capsys.readouterr().out
    assert "HPSS" in out
    assert "2 songs" in out
    assert f"wrote {scores}" in out
    result = Evaluation.read(scores)
    assert [song.name for song in result.songs] == ["a", "c"]
    assert result.command == f"tfsep evaluate --data {data} --json {scores} --report {report} --songs 2 --jobs 1 --threads 2"
    assert len(json.loads(scores.read_text())["summary"]) == 9
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_broken_song_is_reported_and_the_others_scored(data, tmp_path, capsys):
    (data / "b" / "drums.wav").write_bytes(b"not audio")
    scores = tmp_path / "scores.json"
    assert main(["evaluate", "--data", str(data), "--json", str(scores)]) == 1
    error = capsys.readouterr().err
    assert "drums.wav: is not audio" in error
    assert len(Evaluation.read(scores).songs) == 2


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--data", "{tmp}/nowhere"], 1, "nowhere: there is no such folder"),
        (["--data", "{tmp}"], 1, "holds no song"),
        (["--data", "{data}", "--songs", "0"], 2, "--songs 0"),
        (["--data", "{data}", "--jobs", "0"], 2, "jobs=0"),
        (["--data", "{data}", "--json", "{tmp}/no/scores.json"], 1, "scores.json: the folder"),
        (["--data", "{data}", "--report", "{tmp}/data"], 1, "is a folder"),
    ],
)
def test_bad_input_is_one_line(data, tmp_path, capsys, options, code, said):
    arguments = [option.format(tmp=tmp_path, data=data) for option in options]
    assert main(["evaluate", *arguments]) == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_report_without_matplotlib_fails_before_the_work(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["evaluate", "--data", str(data), "--report", str(tmp_path / "r.html")]) == 1
    assert "pip install 'tfsep[evaluate]'" in capsys.readouterr().err


def test_missing_data_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate"])
    assert stop.value.code == 2
    assert "--data" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom tfsep.cli import evaluate\n"
        "print([name for name in ('numpy', 'scipy', 'matplotlib', 'rich', 'tfsep.evaluation') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
