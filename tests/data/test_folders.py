import json
import os

import numpy as np
import pytest

from tfsep.data.folders import FolderSource, folder_names
from tfsep.errors import AudioError, DataError


def test_finds_songs_at_any_depth_sorted(tmp_path, write_song):
    write_song(tmp_path / "b")
    write_song(tmp_path / "a" / "deep", ("drums", "other"))
    write_song(tmp_path / "c", ("vocals", "other"), suffix=".flac")
    (tmp_path / "c" / "song.json").write_text(json.dumps({"genre": "house", "tempo_bpm": 120}))
    (tmp_path / "b" / "mixture.wav").write_bytes(b"not looked at")
    (tmp_path / "b" / "notes.txt").write_text("nor this")
    tracks = FolderSource(root=tmp_path).tracks()
    assert [track.name for track in tracks] == [os.path.join("a", "deep"), "b", "c"]
    assert [track.stems for track in tracks] == [("drums", "other"), ("bass", "drums", "other", "vocals"), ("other", "vocals")]
    assert [track.genre for track in tracks] == [None, None, "house"]
    assert tracks[2].paths == (tmp_path / "c" / "other.flac", tmp_path / "c" / "vocals.flac")


def test_one_song_is_a_source_too(tmp_path, write_song, monkeypatch):
    folder = write_song(tmp_path / "one")
    assert [track.name for track in FolderSource(root=folder).tracks()] == ["one"]
    monkeypatch.chdir(folder)
    assert [track.name for track in FolderSource(root=folder.relative_to(folder)).tracks()] == ["one"]


def test_excluded_songs_are_not_there(tmp_path, write_song):
    for name in ("a", "b", "album/c"):
        write_song(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "b")
    names = [track.name for track in FolderSource(root=tmp_path, exclude=frozenset({"b", "c"})).tracks()]
    assert names == ["a"]
    with pytest.raises(DataError, match="all of its 3 songs are excluded or held out"):
        FolderSource(root=tmp_path, exclude=frozenset({"a", "b", "c"})).tracks()


def test_links_are_followed_and_each_song_is_there_once(tmp_path, write_song):
    write_song(tmp_path / "material" / "a")
    held = tmp_path / "held"
    held.mkdir()
    (held / "x").symlink_to(tmp_path / "material" / "a")
    assert [track.name for track in FolderSource(root=held).tracks()] == ["x"]
    assert folder_names(held / "x") == {"x", "a"}
    (held / "y").symlink_to(tmp_path / "material")
    (tmp_path / "material" / "round").symlink_to(tmp_path)
    assert len(FolderSource(root=held).tracks()) == 1
    assert len(FolderSource(root=tmp_path).tracks()) == 1


def test_no_song(tmp_path):
    with pytest.raises(DataError, match="not a folder; give a folder of songs"):
        FolderSource(root=tmp_path / "gone").tracks()
    with pytest.raises(DataError, match="no song in it"):
        FolderSource(root=tmp_path).tracks()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "song.wav").write_bytes(b"")
    with pytest.raises(DataError, match="no song in it"):
        FolderSource(root=tmp_path).tracks()


def test_a_stem_twice(tmp_path, write_song):
    write_song(tmp_path / "a")
    write_song(tmp_path / "a", ("bass",), suffix=".flac")
    with pytest.raises(DataError, match=r"a: bass is there twice, bass\.flac and bass\.wav: keep one"):
        FolderSource(root=tmp_path).tracks()


def test_a_single_stem(tmp_path, write_song):
    write_song(tmp_path / "a", ("drums",))
    with pytest.raises(DataError, match="a: only drums is there"):
        FolderSource(root=tmp_path).tracks()


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"text"', b"\xff\xfe", b'{"genre": 5}'])
def test_bad_description(tmp_path, write_song, content):
    (write_song(tmp_path / "a") / "song.json").write_bytes(content)
    with pytest.raises(DataError, match=r"song\.json"):
        FolderSource(root=tmp_path).tracks()


def test_read(tmp_path, write_song):
    write_song(tmp_path / "a", ("drums", "other"))
    (track,) = FolderSource(root=tmp_path).tracks()
    stems = track.read(8000, 2)
    expected = np.random.default_rng(1).uniform(-0.5, 0.5, (4000, 2)).astype(np.float32)
    np.testing.assert_array_equal(stems["other"], expected)
    mono = track.read(4000, 1)
    assert {stem: samples.shape for stem, samples in mono.items()} == {"drums": (2000, 1), "other": (2000, 1)}


def test_lengths(tmp_path, write_song):
    write_song(tmp_path / "a", ("drums", "other"))
    write_song(tmp_path / "a", ("vocals",), samples=3300)
    (track,) = FolderSource(root=tmp_path).tracks()
    assert {len(samples) for samples in track.read(8000, 2).values()} == {3300}  # an encoder's padding is no error
    write_song(tmp_path / "a", ("vocals",), samples=3199)
    with pytest.raises(DataError, match=r"the stems differ in length \(drums 0.50 s, other 0.50 s, vocals 0.40 s\)"):
        track.read(8000, 2)


def test_unreadable_stem_is_named(tmp_path, write_song):
    (write_song(tmp_path / "a") / "drums.wav").write_bytes(b"RIFF")
    (track,) = FolderSource(root=tmp_path).tracks()
    with pytest.raises(AudioError, match=r"drums\.wav"):
        track.read(8000, 2)


def test_a_song_in_two_parts(tmp_path, write_song):
    write_song(tmp_path / "song", ("drums", "accompaniment"))
    (track,) = FolderSource(root=tmp_path).tracks()
    assert track.stems == ("accompaniment", "drums")
