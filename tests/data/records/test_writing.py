import json
import resource
import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from tfsep.audio.atomic import AtomicFile
from tfsep.data.cache import load_cached
from tfsep.data.folders import FolderSource
from tfsep.data.records import writing
from tfsep.data.records.index import check_hashes, read_index
from tfsep.data.records.spec import RecordSpec
from tfsep.data.records.stream import RecordFolder, SegmentStream
from tfsep.data.records.writing import segment_bounds, write_records
from tfsep.errors import AudioError, DataError, MissingExtraError, UsageError


def segments(folder, index, epochs=1):
    stream = SegmentStream(RecordFolder(str(folder), index), seed=0)
    return list(islice(stream.start_at(0), epochs * index.segments))


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"codec": "mp3"}, "codec='mp3': use pcm or flac"),
        ({"segment_s": 0}, "segment_s=0: use 0.1 to 600"),
        ({"shard_mb": float("nan")}, "shard_mb=nan"),
        ({"channels": 9}, "channels=9: use 1 to 8"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_spec_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        RecordSpec(**fields)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (149, 1), (150, 2), (151, 2), (1000, 10), (1049, 10), (1051, 11)])
def test_segments_cover_a_song_and_are_alike(length, count):
    bounds = segment_bounds(length, 100)
    assert len(bounds) == count
    assert [start for start, _ in bounds] == [0, *(stop for _, stop in bounds[:-1])]
    assert bounds[-1][1] == length
    lengths = {stop - start for start, stop in bounds}
    assert max(lengths) - min(lengths) <= 1
    if length >= 75:
        assert 75 <= min(lengths) <= max(lengths) <= 150


@pytest.mark.parametrize("codec", ["pcm", "flac"])
def test_every_sample_is_there_once_and_as_in_the_cache(pack, songs, tmp_path, spec, codec):
    folder, index = pack(spec=replace(spec, codec=codec))
    found = segments(folder, index)
    for track in FolderSource(root=songs).tracks():
        cached = load_cached(track, tmp_path / "cache", sample_rate_hz=8000, channels=2)
        parts = sorted((s for s in found if s.name == track.name), key=lambda s: int(s.key.split(":")[1]))
        np.testing.assert_array_equal(np.concatenate([part.samples for part in parts], axis=1), cached.samples)
        assert {part.stems for part in parts} == {cached.stems}
        assert {np.float32(part.gain) for part in parts} == {np.float32(cached.gain)}
    assert index.samples == sum(song.samples for song in index.songs) == sum(s.length for s in found) == 5 * 4000 + 1000
    assert index.hours == pytest.approx(21_000 / 8000 / 3600)


def test_songs_are_shuffled_among_shards(pack, spec):
    folder, index = pack(spec=replace(spec, group_mb=10))
    names = [s.name for s in segments(folder, index)]
    first = names[: len(names) // 3]
    assert set(first) == set("abcde")


def test_genre_and_loud_songs_are_kept(tmp_path, write_song, pack):
    folder = write_song(tmp_path / "loud" / "x", level=3.0)
    (folder / "song.json").write_text(json.dumps({"genre": "techno"}))
    write_song(tmp_path / "loud" / "y")
    folder, index = pack(root=tmp_path / "loud")
    genres = {s.name: s.genre for s in segments(folder, index)}
    assert genres == {"x": "techno", "y": None}
    assert index.genres == ("techno",)
    peaks = [np.abs(s.samples).max() * s.gain for s in segments(folder, index) if s.name == "x"]
    assert max(peaks) == pytest.approx(3, rel=0.01)


def test_same_bytes_again_whatever_the_threads_and_others_for_another_seed(pack, spec):
    one, _ = pack("one", threads=1)
    three, _ = pack("three", threads=3)
    other, _ = pack("other", spec=replace(spec, seed=1))
    assert contents(one) == contents(three)
    assert contents(one).keys() == contents(other).keys()
    assert contents(one)["shard-00000.tfrecord"] != contents(other)["shard-00000.tfrecord"]


def test_interrupted_packing_goes_on(pack, tmp_path, monkeypatch, songs):
    whole, index = pack("whole")
    assert len(index.shards) > 4
    commits = []

    def stop_in_the_second_group(self):
        commits.append(self.path.name)
        if len(commits) == 6:
            self.discard()
            raise KeyboardInterrupt
        return commit(self)

    commit = AtomicFile.commit
    with monkeypatch.context() as patch:
        patch.setattr(AtomicFile, "commit", stop_in_the_second_group)
        with pytest.raises(KeyboardInterrupt):
            pack("broken")
    broken = tmp_path / "broken"
    left = contents(broken)
    assert "index.json" not in left
    assert all(content == contents(whole)[name] for name, content in left.items() if name != "packing.json")
    with pytest.raises(DataError, match="packing was interrupted: run the same  tfsep pack  again"):
        read_index(str(broken))
    read = []
    monkeypatch.setattr(writing, "_read", lambda track, spec, of=writing._read: read.append(track.name) or of(track, spec))
    pack("broken")
    assert contents(broken) == contents(whole)
    assert 0 < len(read) < 5  # what was packed is not read again


def test_done_is_left_alone_and_something_else_refused(pack, spec, songs, write_song):
    folder, index = pack()
    before = contents(folder)
    assert pack()[1] == index
    with pytest.raises(UsageError, match="holds records of other songs or settings"):
        pack(spec=replace(spec, segment_s=0.2))
    write_song(songs / "f")
    with pytest.raises(UsageError, match="holds records of other songs or settings"):
        pack()
    assert contents(folder) == before


def test_unreadable_song_is_skipped_and_named(pack, songs):
    (songs / "c" / "bass.wav").write_bytes(b"no audio")
    folder, index = pack()
    assert [song.name for song in index.skipped] == ["c"]
    assert "bass.wav" in index.skipped[0].reason
    assert {s.name for s in segments(folder, index)} == set("abde")
    assert read_index(str(folder)) == index


def test_nothing_to_pack(pack, songs, tmp_path, spec):
    with pytest.raises(DataError, match="no songs to pack"):
        write_records([], tmp_path / "none", spec=spec)
    for song in "abcde":
        (songs / song / "bass.wav").write_bytes(b"no audio")
    with pytest.raises(DataError, match=r"none of the 5 songs can be packed; the first: .*bass\.wav"):
        pack()
    assert contents(tmp_path / "records") == {}


def test_song_of_nan_is_skipped(tmp_path, pack, songs):
    import soundfile

    soundfile.write(songs / "a" / "bass.wav", np.full((4000, 2), np.nan, np.float32), 8000, subtype="FLOAT")
    _, index = pack()
    assert [song.name for song in index.skipped] == ["a"]


def test_names_by_which_a_song_can_be_excluded(tmp_path, songs, pack):
    root = tmp_path / "linked"
    (root / "set").mkdir(parents=True)
    (root / "set" / "alias").symlink_to(songs / "a", target_is_directory=True)
    _, index = pack(root=root)
    assert set(index.songs[0].names) == {"set/alias", "set", "alias", "a"}
    assert index.names == {"set/alias", "set", "alias", "a"}


def test_full_disk_leaves_no_shard(pack, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(AudioError, match=r"shard-00000\.tfrecord: cannot be written"):
            pack()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path / "records") == {}


def test_flac_without_soundfile(pack, spec, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match=r"records compressed with FLAC .*tfsep\[train\]"):
        pack(spec=replace(spec, codec="flac"))
    assert len(list(check_hashes(str(pack()[0]), pack()[1].shards))) == len(pack()[1].shards)
