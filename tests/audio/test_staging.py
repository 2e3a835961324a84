import os
from pathlib import Path

import pytest

from tfsep.audio.staging import exchange


@pytest.fixture
def folders(tmp_path):
    """Return a folder of new files and one that holds older ones of two of the three names."""
    staged, out = tmp_path / "staged", tmp_path / "out"
    for folder, names in ((staged, "abc"), (out, "acd")):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(f"{folder.name} {name}")
    return staged, out


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_new_files_replace_old_ones(folders):
    staged, out = folders
    exchange(staged, out, "abc")
    assert contents(out) == {"a": "staged a", "b": "staged b", "c": "staged c", "d": "out d"}
    assert contents(staged / "replaced") == {"a": "out a", "c": "out c"}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, 6))
@pytest.mark.parametrize("failure", [OSError(28, "no space"), KeyboardInterrupt()])
def test_after_a_failure_all_is_as_it_was(folders, monkeypatch, call, failure, after):
    staged, out = folders
    before = contents(out)
    calls, replace = [], os.replace

    def failing(origin, target):
        calls.append(origin)
        if len(calls) != call:
            return replace(origin, target)
        if after:  # Ctrl-C when the file has just been renamed
            replace(origin, target)
        raise failure

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(type(failure)):
        exchange(staged, out, "abc")
    assert contents(out) == before
    assert not any((staged / "replaced").iterdir())
