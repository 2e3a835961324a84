import errno

import numpy as np
import pytest

from tfsep.data.files import FileTrack, Part
from tfsep.data.loading import load_tracks
from tfsep.data.mixing import CropMixer, MixingConfig, Pool
from tfsep.data.registry import open_source
from tfsep.errors import AudioError, DataError

ALL = ("bass", "drums", "other", "vocals")


def load(text, cache, **options):
    return load_tracks(open_source(str(text)), cache, **({"sample_rate_hz": 8000, "channels": 2} | options))


@pytest.mark.parametrize(
    ("songs", "bad", "allowed"), [(2, 1, True), (1, 1, False), (5, 2, False), (20, 2, True), (20, 3, False)]
)
def test_how_many_may_be_bad(tmp_path, write_song, songs, bad, allowed):
    for number in range(songs):
        folder = write_song(tmp_path / "data" / f"{number:02d}", ("drums", "other"), samples=200)
        if number < bad:
            (folder / "drums.wav").write_bytes(b"RIFF")
    if allowed:
        loaded = load(tmp_path / "data", tmp_path / "cache")
        assert (len(loaded.tracks), len(loaded.skipped)) == (songs - bad, bad)
    else:
        with pytest.raises(DataError, match=f"{bad} of {songs} tracks cannot be read") as raised:
            load(tmp_path / "data", tmp_path / "cache")
        assert "00/drums.wav" in str(raised.value)
        assert "\n" not in str(raised.value)


def test_many_bad_files_are_not_all_named_in_the_error(tmp_path):
    (tmp_path / "data").mkdir()
    for number in range(30):
        (tmp_path / "data" / f"{number:02d}.wav").write_bytes(b"RIFF")
    told = []
    with pytest.raises(DataError, match="30 of 30 tracks") as raised:
        load(f"drums:{tmp_path / 'data'}", tmp_path / "cache", on_skip=told.append)
    assert str(raised.value).count("is skipped") == 5
    assert len(told) == 30


def test_stems_of_unequal_length_are_bad_too(tmp_path, write_song):
    write_song(tmp_path / "data" / "a", ("drums", "other"))
    write_song(write_song(tmp_path / "data" / "b", ("drums", "other")), ("vocals",), samples=900)
    loaded = load(tmp_path / "data", tmp_path / "cache")
    assert [track.name for track in loaded.tracks] == ["a"]
    assert "b is skipped: " in loaded.skipped[0]
    assert "differ in length" in loaded.skipped[0]


def test_a_file_that_is_gone_or_too_short(tmp_path, write_song):
    for name in "ab":
        write_song(tmp_path / "data" / name, ("x",), samples=1)
        write_song(tmp_path / "data" / name, ("y",))
    source = open_source(f"mixtures:{tmp_path / 'data'}")
    tracks = source.tracks()
    (tmp_path / "data" / "b" / "y.wav").unlink()

    class Listed:
        paired = False

        def tracks(self):
            return tracks[1:]  # a/y, b/x, b/y

    with pytest.raises(DataError, match=r"2 of 3 .* there is no sample of it at 2000 Hz; b/y.wav is skipped: .*No such file"):
        load_tracks(Listed(), tmp_path / "cache", sample_rate_hz=2000, channels=1)


def test_a_cache_that_cannot_be_written_is_not_the_tracks_fault(tmp_path, write_song, monkeypatch):
    write_song(tmp_path / "data" / "a")
    write_song(tmp_path / "data" / "b")

    def full(file, array):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(AudioError, match="the disk is full"):
        load(tmp_path / "data", tmp_path / "cache")


def test_one_file_as_several_kinds_in_one_cache(tmp_path, write_song):
    write_song(tmp_path / "data", ("x",))
    loaded = [load(f"{kind}:{tmp_path / 'data'}", tmp_path / "cache").tracks[0] for kind in ("drums", "no-drums", "mixtures")]
    assert [track.stems for track in loaded] == [("drums",), ("accompaniment",), ("mixture",)]
    assert len({track.key for track in loaded}) == 3


def test_song_folders_keep_their_place_in_the_cache(tmp_path, write_song):
    write_song(tmp_path / "data" / "a")
    (track,) = load(tmp_path / "data", tmp_path / "cache").tracks
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [f"{track.key}.json", f"{track.key}.npy"]


def test_a_stem_missing_in_some_songs_stays_unknown(tmp_path, write_song):
    write_song(tmp_path / "data" / "a")
    write_song(tmp_path / "data" / "b", ("drums", "other"))
    tracks = load(tmp_path / "data", tmp_path / "cache").tracks
    assert [track.stems for track in tracks] == [ALL, ("drums", "other")]
    config = MixingConfig(remix_probability=0, speed_probability=0)
    mixer = CropMixer([Pool(tracks=tracks)], stems=ALL, samples=500, channels=2, config=config, seed=0)
    audio, known = mixer.batch(0, 32)
    assert {tuple(row) for row in known} == {(1, 1, 1, 1), (0, 1, 1, 0)}
    silent = np.abs(audio).max(axis=(2, 3)) == 0
    np.testing.assert_array_equal(silent, known == 0)


def test_silent_tracks_are_silent(tmp_path, write_song):
    write_song(tmp_path / "data" / "a", level=0.0)
    (track,) = load(tmp_path / "data", tmp_path / "cache").tracks
    np.testing.assert_array_equal(track.samples, 0)
    assert np.isfinite(track.gain)


def test_sums_beyond_full_scale_are_kept(tmp_path, write_song):
    write_song(tmp_path / "data", ("x", "y"), level=0.9)
    paths = sorted((tmp_path / "data").iterdir())
    track = FileTrack(name="a", parts=tuple(Part(stem="drums", path=path) for path in paths))

    class One:
        paired = False

        def tracks(self):
            return [track]

    (cached,) = load_tracks(One(), tmp_path / "cache", sample_rate_hz=8000, channels=2).tracks
    expected = track.read(8000, 2)["drums"]
    assert np.abs(expected).max() > 1.5
    np.testing.assert_allclose(cached.read("drums", ("drums",), 0, 4000), expected, atol=2e-5 * 2)
