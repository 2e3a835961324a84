"""`tfsep pack` as it is typed."""

import json

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.cli import main


@pytest.fixture
def songs(tmp_path):
    for number, name in enumerate("abc"):
        folder = tmp_path / "songs" / name
        folder.mkdir(parents=True)
        for stem in ("drums", "other"):
            noise = np.random.default_rng(number).uniform(-0.3, 0.3, (4000, 2)).astype(np.float32)
            Audio(noise, 8000).write(folder / f"{stem}.wav")
    return tmp_path / "songs"


@pytest.fixture
def run(capsys):
    """Return a function that runs a command line and returns exit code, output and errors."""

    def call(*words):
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_packs_says_what_and_checks(run, songs, tmp_path):
    out = tmp_path / "records"
    (songs / "b" / "drums.wav").write_bytes(b"nothing")
    command = (
        "pack",
        "--data",
        songs,
        "--out",
        out,
        "--rate",
        8000,
        "--segment",
        0.25,
        "--codec",
        "pcm",
        "--seed",
        5,
        "--jobs",
        1,
    )
    code, said, err = run(*command)
    assert (code, err) == (0, "")
    lines = said.splitlines()
    assert lines[0].startswith("b is skipped: ")
    assert lines[1] == f"{out}: 2 songs, 0.00 hours, 4 segments in 1 shards, 0.1 MB; 1 songs skipped"
    index = json.loads((out / "index.json").read_text())
    assert (
        index["spec"] | {"segment_s": 0.25, "codec": "pcm", "sample_rate_hz": 8000, "channels": 2, "seed": 5} == index["spec"]
    )
    assert run(*command) == (0, said, "")
    assert run("pack", "--check", out) == (0, f"{out}: 1 shards, 0.1 MB, all as the index says\n", "")
    shard = out / "shard-00000.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    code, said, err = run("pack", "--check", out)
    assert (code, said) == (1, "")
    assert err.startswith(f"tfsep: {shard}: damaged or of other records")
    assert err.count("\n") == 1


def test_excluded_songs_stay_out(run, songs, tmp_path):
    code, said, _ = run("pack", "--data", songs, "--out", tmp_path / "r", "--rate", 8000, "--exclude", "a", "c")
    assert code == 0
    assert "1 songs" in said
    assert [song["name"] for song in json.loads((tmp_path / "r" / "index.json").read_text())["songs"]] == ["b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--codec", "mp3"], "codec='mp3': use pcm or flac"),
        (["--segment", "0"], "segment_s=0.0: use 0.1 to 600"),
        (["--jobs", "0"], "--jobs 0: use 1 or more"),
        (["--exclude", "z"], "--exclude z: no song of that name in the data"),
    ],
)
def test_wrong_options(run, songs, tmp_path, options, message):
    code, said, err = run("pack", "--data", songs, "--out", tmp_path / "r", *options)
    assert (code, said) == (2, "")
    assert err.startswith(f"tfsep: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_wrong_places(run, songs, tmp_path):
    assert run("pack", "--data", songs) == (2, "", "tfsep: --out is missing: give a folder for the records\n")
    code, _, err = run("pack", "--data", tmp_path / "gone", "--out", tmp_path / "r")
    assert code == 1
    assert err.startswith(f"tfsep: {tmp_path / 'gone'}: ")
    (tmp_path / "file").write_text("")
    code, _, err = run("pack", "--data", songs, "--out", tmp_path / "file")
    assert code == 1
    assert err.count("\n") == 1
    code, _, err = run("pack", "--check", songs)
    assert (code, err) == (1, f"tfsep: {songs}: holds no records (index.json is missing): make them with  tfsep pack\n")
