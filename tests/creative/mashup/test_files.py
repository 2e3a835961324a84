import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio, read_info
from tfsep.audio.writer import AudioWriter
from tfsep.creative.mashup.files import LONGEST_NAME, STEM_FILE, MashupFiles, mashup_folder
from tfsep.creative.mashup.settings import STEMS
from tfsep.errors import AudioError, UsageError


@pytest.fixture
def make(tmp_path):
    """Return a function that writes a mash-up of two seconds of noise of a given level."""
    for name in ("a.wav", "b.wav"):
        Audio(np.zeros((8000, 2), np.float32), 8000).write(tmp_path / name)
    info = replace(read_info(tmp_path / "a.wav"), frames=None)

    def write(level: float, overwrite: bool = False) -> dict[str, Path]:
        noise = level * np.random.default_rng(0).normal(size=(16_000, 2)).astype(np.float32)
        with MashupFiles(tmp_path / "out", tmp_path / "a.wav", tmp_path / "b.wav", info, "flac", overwrite) as files:
            files.write(4 * noise, dict.fromkeys(STEMS, noise))
        return files.paths

    return write


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("failure", [AudioError("the disk is full"), KeyboardInterrupt()])
@pytest.mark.parametrize("there_before", [False, True])
def test_a_failure_in_the_last_file_leaves_no_other(make, tmp_path, monkeypatch, failure, there_before):
    if there_before:
        make(0.01)
    before = contents(tmp_path)
    closed, close = [], AudioWriter.close

    def failing(writer: AudioWriter) -> None:
        closed.append(writer.path.stem)
        if len(closed) == 5:
            writer.discard()
            raise failure
        close(writer)

    monkeypatch.setattr(AudioWriter, "close", failing)
    with pytest.raises(type(failure)):
        make(0.02, overwrite=True)
    assert sorted(closed) == sorted(("mix", *STEMS))
    assert contents(tmp_path) == before
    assert list((tmp_path / "out").iterdir()) == ([tmp_path / "out" / "a_x_b"] if there_before else [])


def test_files_are_replaced_only_if_they_may_be(make):
    paths = make(0.01)
    before = contents(paths["mix"].parent)
    with pytest.raises(UsageError, match="is there already: use --overwrite"):
        make(0.02)
    assert contents(paths["mix"].parent) == before
    make(0.02, overwrite=True)
    after = contents(paths["mix"].parent)
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in before)


def test_a_folder_in_the_way(make, tmp_path):
    (tmp_path / "out" / "a_x_b" / "mix.flac").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"mix\.flac: is a folder"):
        make(0.01, overwrite=True)


def test_long_names_are_cut(tmp_path):
    a, b = Path("п" * 120 + ".wav"), Path("short.wav")
    folder = mashup_folder(tmp_path, a, b)
    assert folder.name == "п" * (LONGEST_NAME // 2) + "_x_short"
    assert (
        len(os.fsencode(mashup_folder(tmp_path, a, a).name + "." + STEM_FILE)) < 230
    )  # room for a hidden name while it is written
