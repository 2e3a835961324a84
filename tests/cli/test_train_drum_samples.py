import pytest

import tfsep.cli


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--workers", "0"), "--workers 0"), (("--steps", "0"), "steps=0"), (("--seed", "-1"), "seed=-1"), ((), "manifest.csv")],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capfd, arguments, said):
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("train-drum-samples",))
    command = ["train-drum-samples", "--material", str(tmp_path), "--out", str(tmp_path / "run"), *arguments]
    assert tfsep.cli.main(command) in (1, 2)
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()
