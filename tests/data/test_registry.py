from pathlib import Path

import pytest

from tfsep.data.folders import FolderSource
from tfsep.data.registry import KINDS, open_source, source_names, split_kind
from tfsep.data.unpaired import UnpairedSource
from tfsep.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("songs", "folders", "songs"),
        ("folders:songs", "folders", "songs"),
        ("drums:breaks", "drums", "breaks"),
        ("musdb18-test:/data/MUSDB18", "musdb18-test", "/data/MUSDB18"),
        ("drums:a:b", "drums", "a:b"),
        ("c:songs", "folders", "c:songs"),  # a drive
        ("C:\\Music", "folders", "C:\\Music"),
        ("./my:songs", "folders", "./my:songs"),
        ("My_Songs:1", "folders", "My_Songs:1"),
    ],
)
def test_kind_and_path(text, kind, path):
    assert split_kind(text) == (kind, Path(path))


def test_home_after_a_kind(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert split_kind("drums:~/breaks") == ("drums", Path("/home/me/breaks"))
    assert split_kind("~/breaks") == ("folders", Path("~/breaks"))  # the shell's to replace


def test_unknown_kind_names_all_kinds():
    with pytest.raises(UsageError, match=r"'musdb' is no kind of source") as raised:
        open_source("musdb:/data")
    assert all(kind in str(raised.value) for kind in KINDS)
    assert "./musdb:/data" in str(raised.value)


@pytest.mark.parametrize("text", ["", "drums:"])
def test_no_path(text):
    with pytest.raises(UsageError, match="path"):
        open_source(text)


def test_opens_without_looking_at_the_disk():
    assert open_source("gone", exclude=frozenset({"a"})) == FolderSource(root=Path("gone"), exclude=frozenset({"a"}))
    assert open_source("no-drums:gone") == UnpairedSource(root=Path("gone"), stem="accompaniment")


def test_names(tmp_path, write_song):
    write_song(tmp_path / "data" / "album" / "a")
    (tmp_path / "data" / "b").symlink_to(write_song(tmp_path / "elsewhere"))
    assert source_names(str(tmp_path / "data")) == {"a", "b", "elsewhere"}
    songs = write_song(tmp_path / "x" / "y", ("song",)).parent
    assert source_names(f"mixtures:{songs}") == {"y/song.wav", "y/song", "song.wav", "song"}
    for text in ("gone", "drums:gone"):
        with pytest.raises(DataError, match="gone"):
            source_names(text)
