"""The files of a song's hits: all of them, or none."""

import errno
import json
from pathlib import Path

import pytest

from tfsep.creative.drums.files import REPLACED_FILE, HitFiles, hits_json
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.song import SongHits
from tfsep.errors import AudioError, UsageError

NO_HITS = SongHits(Path("song.wav"), (), 1.0, ())


def test_hits_are_written_and_read_back(tmp_path):
    hits = (Hit(0.1234567, "kick", 0.98765), Hit(1.0, "tom", 0.5))
    found = SongHits(Path("a/song.mp3"), hits, 12.5, ())
    files = HitFiles(tmp_path / "out", Path("a/song.mp3"), midi=True)
    assert not (tmp_path / "out").exists()
    with files:
        files.write(found, models=["default", "drums"])
    assert sorted(path.name for path in (tmp_path / "out" / "song").iterdir()) == ["drums.mid", "hits.json"]
    assert json.loads((tmp_path / "out" / "song" / "hits.json").read_text()) == {
        "song": "song.mp3",
        "duration_s": 12.5,
        "models": ["default", "drums"],
        "hits": [
            {"time_s": 0.12346, "drum": "kick", "velocity": 0.988},
            {"time_s": 1.0, "drum": "tom", "velocity": 0.5},
        ],
    }


def test_no_hits_are_an_empty_list():
    assert json.loads(hits_json(NO_HITS, ["drums"]))["hits"] == []


def test_what_is_there_is_kept_unless_it_may_be_replaced(tmp_path):
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "drums.mid").write_text("old")
    HitFiles(tmp_path, Path("song.wav"))
    with pytest.raises(UsageError, match=r"drums\.mid: is there already: use --overwrite"):
        HitFiles(tmp_path, Path("song.wav"), midi=True)
    with HitFiles(tmp_path, Path("song.wav"), midi=True, overwrite=True) as files:
        files.write(NO_HITS, models=[])
    assert (tmp_path / "song" / "drums.mid").read_bytes().startswith(b"MThd")


def test_no_file_takes_its_name_unless_all_are_there(tmp_path):
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "hits.json").write_text("old")
    with (
        pytest.raises(AudioError, match=r"hits\.json"),
        HitFiles(tmp_path, Path("song.wav"), midi=True, others=[REPLACED_FILE], overwrite=True) as files,
    ):
        files.write(NO_HITS, models=[])  # and nobody writes the other
    assert [path.name for path in (tmp_path / "song").iterdir()] == ["hits.json"]
    assert (tmp_path / "song" / "hits.json").read_text() == "old"


def test_folders_that_were_made_go_with_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), HitFiles(tmp_path / "a" / "b", Path("song.wav")):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["drums.mid", "hits.json", REPLACED_FILE])
def test_a_folder_of_a_files_name_is_named(tmp_path, name):
    (tmp_path / "song" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match=f"{name}: is a folder"):
        HitFiles(tmp_path, Path("song.wav"), midi=True, others=[REPLACED_FILE], overwrite=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"hits\.json: cannot be written \(File name too long\)"):
        HitFiles(tmp_path / ("long" * 100), Path("song.wav"))


def test_a_link_to_the_song_is_the_song(tmp_path):
    (tmp_path / "song").mkdir()
    (tmp_path / "song.wav").write_text("sound")
    (tmp_path / "song" / REPLACED_FILE).hardlink_to(tmp_path / "song.wav")
    with pytest.raises(UsageError, match="is the song itself"):
        HitFiles(tmp_path, tmp_path / "song.wav", others=[REPLACED_FILE], overwrite=True)


def test_a_folder_that_may_not_be_written_to_is_said_on_entering(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    files = HitFiles(tmp_path / "out", Path("song.wav"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(AudioError, match="no permission to write into"), files:
        pytest.fail("nothing may be heard first")
