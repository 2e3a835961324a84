"""`tfsep drums` with the files that ship."""

import json
import re

import numpy as np
import pytest

import tfsep.cli
from tfsep.audio import Audio


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep drums` in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("drums",))

    def run(*arguments):
        code = tfsep.cli.main(["drums", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def write(tmp_path, rng):
    """Return a function that writes a beat of kicks and noise, or silence, and returns its name."""

    def write(name: str, seconds: float = 3.0, *, rate_hz: int = 44_100, channels: int = 2, gain: float = 0.4) -> str:
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        since_s = np.mod(time_s - 0.1, 0.5)
        kick = np.sin(2 * np.pi * (50 * since_s + 4 * (1 - np.exp(-30 * since_s)))) * np.exp(-12 * since_s)
        hat = rng.normal(0, 0.2, len(time_s)) * np.exp(-60 * np.mod(time_s + 0.15, 0.5))
        sound = gain * np.where(time_s >= 0.1, kick + hat, 0)
        Audio(np.repeat(sound[:, None], channels, axis=1).astype(np.float32), rate_hz).write(tmp_path / name)
        return name

    return write


def test_a_song_is_separated_and_its_hits_written(run, write, tmp_path):
    code, out, err = run(write("song.wav"), "--midi")
    assert (code, err) == (0, "")
    found = json.loads((tmp_path / "drums" / "song" / "hits.json").read_text())
    assert found["models"] == ["default", "drums"]
    kicks = [hit["time_s"] for hit in found["hits"] if hit["drum"] == "kick"]
    assert kicks == pytest.approx(0.1 + 0.5 * np.arange(6), abs=0.01)
    assert out.startswith(f"song.wav: {len(found['hits'])} hits: 6 kick")
    assert (tmp_path / "drums" / "song" / "drums.mid").read_bytes().startswith(b"MThd")


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 1), (48_000, 2), (8000, 1)])
def test_a_stem_of_any_rate_and_channels(run, write, tmp_path, rate_hz, channels):
    code, _, _ = run(write("stem.wav", rate_hz=rate_hz, channels=channels), "--stem", "--out", "out")
    assert code == 0
    found = json.loads((tmp_path / "out" / "stem" / "hits.json").read_text())
    assert found["models"] == ["drums"]
    kicks = np.array([hit["time_s"] for hit in found["hits"] if hit["drum"] == "kick"])
    assert np.abs(kicks[:, None] - (0.1 + 0.5 * np.arange(6))).min(axis=0) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("options", [[], ["--stem"]])
def test_silence_is_said_and_leaves_an_empty_list(run, write, tmp_path, options):
    code, out, _ = run(write("silence.wav", gain=0.0), "--midi", *options)
    assert (code, out) == (0, "silence.wav: no drum hits found, in drums/silence\n")
    assert json.loads((tmp_path / "drums" / "silence" / "hits.json").read_text())["hits"] == []


@pytest.mark.parametrize("seconds", [5.0, 0.01])
def test_short_songs_are_taken(run, write, tmp_path, seconds):
    assert run(write("short.wav", seconds))[0] == 0
    assert json.loads((tmp_path / "drums" / "short" / "hits.json").read_text())["duration_s"] == pytest.approx(seconds)


def test_what_is_there_is_not_replaced_unasked(run, write, tmp_path):
    song = write("song.wav", 1.0)
    assert run(song, "--stem")[0] == 0
    code, _, err = run(song, "--stem")
    assert code == 2
    assert "hits.json: is there already: use --overwrite" in err
    assert run(song, "--stem", "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.wav"], "missing.wav: there is no such file"),
        (["text.wav", "--stem"], "text.wav: "),
        (["song.wav", "--model", "nothing"], "model 'nothing'"),
        (["song.wav", "--transcriber", "nothing.tflite"], "nothing.tflite: there is no such drum transcriber"),
        (["song.wav", "--threads", "0"], "threads=0"),
    ],
)
def test_what_cannot_be_heard_is_said_in_a_line_and_nothing_is_written(run, write, tmp_path, arguments, message):
    write("song.wav", 1.0)
    (tmp_path / "text.wav").write_text("no sound")
    code, out, err = run(*arguments)
    assert code in (1, 2)
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "drums").exists()


@pytest.mark.parametrize("stem", [False, True])
def test_a_page_with_players_and_the_hits_on_the_stem(run, write, tmp_path, stem):
    pytest.importorskip("matplotlib")
    code, _, err = run(write("song.wav"), "--report", *(["--stem"] if stem else []))
    assert (code, err) == (0, "")
    folder = tmp_path / "drums" / "song"
    html = (folder / "report.html").read_text("utf-8")
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    played = [folder / found for found in re.findall(r'<audio[^>]*src="([^"]*)"', html)]
    assert [path.resolve().name for path in played] == ["song.wav", *([] if stem else ["drums.flac"])]
    assert all(path.is_file() for path in played)
    assert (folder / "drums.flac").exists() is not stem
    assert f"{len(json.loads((folder / 'hits.json').read_text())['hits'])} hits" in html
    code, _, err = run("song.wav", "--report", *(["--stem"] if stem else []))
    assert code == 2
    assert "is there already: use --overwrite" in err


@pytest.mark.parametrize(
    ("song", "options"),
    [
        ("drums_replaced/drums_replaced.wav", ["--stem", "--replace", "nearest"]),
        ("drums/drums.flac", ["--report"]),
        ("hits/hits.json", ["--stem"]),
    ],
)
def test_the_song_is_not_overwritten(run, write, tmp_path, song, options):
    path = tmp_path / song
    path.parent.mkdir()
    path.write_bytes((tmp_path / write("song.flac", 1.0)).read_bytes())
    before = path.read_bytes()
    code, _, err = run(song, "--out", ".", "--overwrite", *options)
    assert code == 2
    assert "is the song itself and would be overwritten: choose another --out" in err
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("options", [[], ["--report"], ["--replace", "nearest"]])
def test_an_out_that_is_a_file_is_said_before_the_song_is_heard(run, write, tmp_path, monkeypatch, options):
    monkeypatch.setattr("tfsep.creative.drums.song.find_hits", lambda *args, **named: 1 / 0)
    (tmp_path / "out").write_text("a file")
    code, _, err = run(write("song.wav", 1.0), "--stem", "--out", "out", *options)
    assert (code, err) == (2, "tfsep: out: is a file, so no folder can be made there: choose another --out\n")


@pytest.mark.parametrize("failing", ["replaced_file.ReplacedFile", "page.DrumsPage"])
def test_after_a_failure_the_old_files_are_as_they_were(run, write, tmp_path, monkeypatch, failing):
    pytest.importorskip("matplotlib")
    options = ["--stem", "--report", "--replace", "nearest", "--overwrite"]
    assert run(write("song.wav", 1.0), *options)[0] == 0
    folder = tmp_path / "drums" / "song"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert {path.name for path in before} == {"hits.json", "drums_replaced.wav", "report.html"}
    write("song.wav", 2.0)
    monkeypatch.setattr(f"tfsep.creative.drums.{failing}.write", lambda *args, **named: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("song.wav", *options)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_page_of_a_failed_run_leaves_nothing(run, write, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("tfsep.creative.drums.files.HitFiles.write", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(write("song.wav"), "--report")
    assert not (tmp_path / "drums").exists()
