"""How the three programs end when they cannot go on."""

import sys

import pytest
from tfsep_export import cli as exporting
from tfsep_export.ios_demo import cli as ios_demo
from tfsep_tuning import cli as tuning

from tfsep.cli.outcome import exit_code
from tfsep.errors import ModelError, UsageError


def failing(error):
    def run(*args):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ModelError("no such model"), 1, "it: no such model\n"),
        (UsageError("no such option"), 2, "it: no such option\n"),
        (KeyboardInterrupt(), 130, "it: interrupted; what was finished is kept\n"),
    ],
)
def test_a_failure_is_one_line(error, code, line, capsys):
    assert exit_code(failing(error), program="it", debug=False) == code
    assert capsys.readouterr().err == line


def test_what_a_command_returns_is_passed_on():
    assert [exit_code(lambda code=code: code, program="it", debug=True) for code in (0, 3)] == [0, 3]


def test_debug_keeps_the_traceback_and_slips_of_ours_are_not_hidden():
    with pytest.raises(ModelError):
        exit_code(failing(ModelError("x")), program="it", debug=True)
    with pytest.raises(ZeroDivisionError):
        exit_code(failing(ZeroDivisionError()), program="it", debug=False)


@pytest.mark.parametrize(
    ("main", "place", "arguments", "line"),
    [
        (exporting.main, (exporting, "run"), ["default"], "tfsep-export: interrupted; what was finished is kept"),
        (ios_demo.main, (ios_demo, "_make"), ["--songs", "x"], "tfsep-export ios-demo: interrupted; the folder is as it was"),
        (
            tuning.main,
            (tuning, "_list"),
            ["list"],
            "tfsep-tune: interrupted; what was finished is kept, the same command goes on",
        ),
    ],
)
def test_every_program_ends_with_a_line_after_ctrl_c(main, place, arguments, line, monkeypatch, capsys):
    monkeypatch.setattr(*place, failing(KeyboardInterrupt()))
    assert main(arguments) == 130
    assert capsys.readouterr().err.strip() == line


def test_a_reader_that_has_gone_is_no_error(monkeypatch, tmp_path):
    with (tmp_path / "out").open("w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        assert exit_code(failing(BrokenPipeError()), program="it", debug=False) == 0
