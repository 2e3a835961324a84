import os

import pytest

from tfsep.separation.songs import find_songs


@pytest.fixture
def music(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b/song.mp3", "b/song.wav", "a/Song.flac", "a/deep/one.wav", "a/notes.txt", "a/.hidden.wav", "a/._one.wav",
                 "stems/song/drums.wav", "x.stem.mp4", "[live] take.wav", "empty/readme.md"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(arguments, out):
    songs, problems = find_songs(arguments, out)
    return {song.path.as_posix(): song.name for song in songs}, problems


def test_files(music):
    found, problems = names(["x.stem.mp4", "b/song.mp3", "missing.wav"], music / "stems")
    assert found == {"x.stem.mp4": "x", "b/song.mp3": "song", "missing.wav": "missing"}  # reading says what is wrong
    assert problems == []


def test_folder_is_searched_in_order_without_hidden_files_and_stems(music):
    found, problems = names(["."], music / "stems")
    assert list(found) == ["[live] take.wav", "x.stem.mp4", "a/Song.flac", "a/deep/one.wav", "b/song.mp3", "b/song.wav"]
    assert problems == []


def test_folder_inside_the_stems_may_be_asked_for(music):
    found, _ = names(["stems/song"], music / "stems")
    assert list(found) == ["stems/song/drums.wav"]


def test_songs_of_one_name_are_told_apart(music):
    found, _ = names(["a", "b"], music / "stems")
    assert sorted(found.values()) == ["Song.flac", "one", "song.mp3", "song.wav"]
    (music / "c").mkdir()
    (music / "c/song.wav").touch()
    (music / "c/one.wav").touch()
    found, _ = names(["a", "b", "c"], music / "stems")
    assert found["b/song.wav"] == "b - song.wav"
    assert found["c/song.wav"] == "c - song.wav"
    assert found["b/song.mp3"] == "song.mp3"
    assert found["a/deep/one.wav"] == "deep - one.wav"
    lower = [name.casefold() for name in found.values()]
    assert len(set(lower)) == len(lower)


def test_names_that_still_meet_are_numbered(music):
    for folder in ("p/x", "q/x"):
        (music / folder).mkdir(parents=True)
        (music / folder / "same.wav").touch()
    found, _ = names(["p", "q"], music / "stems")
    assert list(found.values()) == ["x - same.wav", "x - same.wav (2)"]


def test_one_song_named_twice_is_taken_once(music):
    os.symlink(music / "b/song.mp3", music / "link.mp3")
    found, _ = names(["b/song.mp3", "./b/../b/song.mp3", "link.mp3"], music / "stems")
    assert list(found) == ["b/song.mp3"]


def test_globs(music):
    found, problems = names(["*/song.*", "a/**/*.wav"], music / "stems")
    assert list(found) == ["b/song.mp3", "b/song.wav", "a/deep/one.wav"]
    assert problems == []
    found, problems = names(["[live] take.wav"], music / "stems")  # a name, not a pattern
    assert list(found) == ["[live] take.wav"]


def test_nothing_found(music):
    found, problems = names(["empty", "*.ogg", "a/*.txt"], music / "stems")
    assert found == {}
    assert "empty: there is no audio in this folder" in problems[0]
    assert problems[1] == "*.ogg: nothing matches this pattern: check it"
    assert problems[2] == "a/*.txt: no audio file matches this pattern: check it"
