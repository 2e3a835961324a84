"""`tfsep data`, through `tfsep.cli.main`."""

import json
import sys

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.cli import main

RATE_HZ = 44_100


@pytest.fixture
def sent(tmp_path):
    """A contribution of one song that is as short as is allowed: hits, a bass, plucks and a gliding voice."""
    rng = np.random.default_rng(0)
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    stems = {
        "drums": rng.normal(size=len(time_s)) * np.exp(-30 * (time_s % 0.31)),
        "bass": np.sin(2 * np.pi * 60 * time_s) * np.exp(-2 * (time_s % 0.62)),
        "other": sum(np.exp(-5 * ((time_s + k * 0.17) % 0.47)) * np.sin(2 * np.pi * 277 * 1.13**k * time_s) for k in range(7)),
        "vocals": np.sin(2 * np.pi * 400 * time_s + 30 * np.sin(2 * np.pi * 0.7 * time_s)),
    }
    stems = {stem: (np.rint(x / np.abs(x).max() * 6000) / 32768).astype(np.float32)[:, None] for stem, x in stems.items()}
    song = tmp_path / "sent" / "song"
    song.mkdir(parents=True)
    for part, samples in (stems | {"mixture": sum(stems.values())}).items():
        Audio(samples, RATE_HZ).write(song / f"{part}.wav")
    note = {"title": "Song", "artist": "The Tests", "genre": "House", "source": "made here"}
    about = {
        "format": 1,
        "contributor": "Ann Onymous",
        "licence": "CC0-1.0",
        "rights": "I made all of it myself, with a computer.",
        "songs": {"song": note},
    }
    (tmp_path / "sent" / "contribution.json").write_text(json.dumps(about))
    return tmp_path / "sent"


def test_from_check_to_export(sent, tmp_path, capsys):
    catalogue = str(tmp_path / "catalogue.sqlite")
    report = tmp_path / "report.json"
    assert main(["data", "add", str(sent), "--catalogue", catalogue, "--to", str(tmp_path / "store")]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{sent}: added to {catalogue} as ann-onymous-")
    assert told.endswith(", 1 song, 0.2 minutes, 0 errors, 0 warnings\n")
    assert main(["data", "check", str(sent), "--json", str(report), "--catalogue", catalogue]) == 1
    found, last = capsys.readouterr().out.splitlines()
    assert "song/mixture: is the same recording as ann-onymous-" in found
    assert last == f"{sent}: refused, 1 song, 0.2 minutes, 1 error, 0 warnings"
    assert json.loads(report.read_text())["accepted"] is False
    assert main(["data", "list", "--catalogue", catalogue, "--genre", "house"]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert "/song: The Tests - Song, house, 10 s, CC0-1.0, from Ann Onymous, 20" in first
    assert last == "1 song, 0.2 minutes"
    assert main(["data", "list", "--catalogue", catalogue, "--json", "--licence", "CC-BY-4.0"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["data", "list", "--catalogue", catalogue, "--json"]) == 0
    (song,) = json.loads(capsys.readouterr().out)
    assert song["rights"] == "I made all of it myself, with a computer."
    assert main(["data", "export", "--catalogue", catalogue, "--out", str(tmp_path / "out")]) == 0
    assert "1 song, 0.2 minutes; credits in CREDITS.txt" in capsys.readouterr().out
    assert (tmp_path / "out" / song["contribution"] / "song" / "vocals.flac").is_file()


def test_refused(sent, tmp_path, capsys):
    (sent / "song" / "drums.wav").write_bytes(b"")
    (sent / "song" / "bass.txt").write_text("")
    (sent / "contribution.json").unlink()
    assert main(["data", "add", str(sent), "--catalogue", str(tmp_path / "catalogue.sqlite")]) == 1
    *found, last = capsys.readouterr().out.splitlines()
    assert len(found) == 3
    assert all(line.startswith("error: ") and "(allowed: " in line for line in found)
    assert last == f"{sent}: refused, 1 song, 0.2 minutes, 3 errors, 0 warnings; nothing was changed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sent"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["check", "gone"], 1, "gone: is not a folder"),
        (["check", ".", "--catalogue", "gone.sqlite"], 1, "gone.sqlite: there is no such catalogue"),
        (["list", "--catalogue", "gone.sqlite"], 1, "gone.sqlite: there is no such catalogue"),
        (["check", ".", "--json", "gone/report.json"], 1, "gone does not exist"),
    ],
)
def test_bad_arguments(tmp_path, monkeypatch, capsys, words, code, told):
    monkeypatch.chdir(tmp_path)
    assert main(["data", *words]) == code
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_scipy(sent, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert main(["data", "check", str(sent)]) == 1
    assert "pip install 'tfsep[render]'" in capsys.readouterr().err
