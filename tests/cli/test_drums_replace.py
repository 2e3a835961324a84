"""`tfsep drums --replace` with the files that ship."""

import numpy as np
import pytest

import tfsep.cli
from tfsep.audio import Audio


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep drums` on a stem in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("drums",))
    rng, time_s = np.random.default_rng(0), np.arange(2 * 44_100) / 44_100
    since_s = np.mod(time_s - 0.1, 0.5)
    kick = np.sin(2 * np.pi * (50 * since_s + 4 * (1 - np.exp(-30 * since_s)))) * np.exp(-12 * since_s)
    sound = np.where(time_s >= 0.1, 0.4 * kick, 0) + rng.normal(0, 0.001, len(time_s))
    Audio(sound[:, None].astype(np.float32), 44_100).write(tmp_path / "stem.wav")

    def run(*arguments):
        code = tfsep.cli.main(["drums", "stem.wav", "--stem", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.mark.parametrize("what", ["generated", "nearest"])
def test_the_stem_is_played_anew(run, tmp_path, what):
    code, _, err = run("--replace", what, "--amount", "1")
    assert code == 0
    assert "hits played anew" in err
    made, was = (Audio.read(path).samples for path in (tmp_path / "drums/stem/drums_replaced.wav", tmp_path / "stem.wav"))
    assert made.shape == was.shape
    assert np.corrcoef(made[:, 0], was[:, 0])[0, 1] > 0.9


def test_a_kit_without_a_drum_leaves_it_and_says_so(run, tmp_path):
    (tmp_path / "kit").mkdir()
    rng = np.random.default_rng(0)
    Audio(rng.normal(0, 0.1, (4000, 1)).astype(np.float32), 44_100).write(tmp_path / "kit" / "snare.wav")
    code, _, err = run("--replace", "kit")
    assert code == 0
    assert "kit: no sample for kick," in err


@pytest.mark.parametrize(
    ("arguments", "said", "expected"),
    [
        (("--replace", "nearest", "--amount", "1.2"), "--amount 1.2: use 0", 2),
        (("--amount", "-1"), "--amount -1: use 0", 2),
        (("--replace", "nowhere"), "nowhere: is no folder of drum samples", 1),
        (("--replace", "empty"), "empty: no audio files", 1),
        (("--replace", "broken"), "broken/kick.wav", 1),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(run, tmp_path, arguments, said, expected):
    for name in ("empty", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "kick.wav").write_bytes(b"no audio")
    code, out, err = run(*arguments)
    assert (code, out) == (expected, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "drums").exists()
