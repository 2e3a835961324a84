import errno
import os

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.cache import fingerprint, load_cached
from tfsep.data.folders import FolderSource
from tfsep.errors import AudioError

ALL = ("bass", "drums", "other", "vocals")


def only_track(root):
    (track,) = FolderSource(root=root).tracks()
    return track


@pytest.mark.parametrize("level", [0.5, 3.0])  # 3: a float file beyond full scale
def test_within_16_bits(tmp_path, write_song, level):
    write_song(tmp_path / "data" / "a", level=level)
    track = only_track(tmp_path / "data")
    cached = load_cached(track, tmp_path / "cache", sample_rate_hz=8000, channels=2)
    assert (cached.name, cached.stems, cached.length) == ("a", ALL, 4000)
    assert cached.samples.dtype == np.int16
    for stem, samples in track.read(8000, 2).items():
        read = cached.read(stem, ALL, 100, 500)
        assert read.dtype == np.float32
        np.testing.assert_allclose(read, samples[100:600], atol=0.51 * max(1, level) / 32767)
    assert cached.read("drums", ALL, 3900, 500).shape == (100, 2)


def test_is_decoded_once(tmp_path, write_song, monkeypatch):
    write_song(tmp_path / "data" / "a")
    first = load_cached(only_track(tmp_path / "data"), tmp_path / "cache", sample_rate_hz=8000, channels=2)
    monkeypatch.setattr(Audio, "read", None)
    again = load_cached(only_track(tmp_path / "data"), tmp_path / "cache", sample_rate_hz=8000, channels=2)
    assert again.key == first.key
    np.testing.assert_array_equal(again.samples, first.samples)


def test_changed_file_is_decoded_again(tmp_path, write_song):
    folder = write_song(tmp_path / "data" / "a")
    first = load_cached(only_track(tmp_path / "data"), tmp_path / "cache", sample_rate_hz=8000, channels=2)
    write_song(folder, ("drums",), level=0.1)  # as long as it was
    os.utime(folder / "drums.wav", ns=(0, 12345))
    again = load_cached(only_track(tmp_path / "data"), tmp_path / "cache", sample_rate_hz=8000, channels=2)
    assert again.key != first.key
    assert np.abs(again.read("drums", ALL, 0, 4000)).max() < 0.11


def test_key_depends_on_what_it_is_decoded_to(tmp_path, write_song):
    write_song(tmp_path / "a")
    track = only_track(tmp_path)
    assert len({fingerprint(track, 8000, 2), fingerprint(track, 8000, 1), fingerprint(track, 4000, 2)}) == 3


def test_parts(make_track):
    ones = np.ones((4, 1))
    track = make_track(drums=ones, bass=10 * ones, vocals=100 * ones)
    assert track.parts("drums", ("drums", "accompaniment")) == ("drums",)
    assert track.parts("accompaniment", ("drums", "accompaniment")) == ("bass", "vocals")
    assert track.parts("accompaniment", ("drums", "vocals", "accompaniment")) == ("bass",)
    assert track.parts("other", ALL) == ()
    rest = track.read("accompaniment", ("drums", "accompaniment"), 1, 2)
    np.testing.assert_allclose(rest, np.full((2, 1), 110 / 32767), rtol=1e-6)


def test_cache_that_cannot_be_written(tmp_path, write_song):
    write_song(tmp_path / "data" / "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match=r"cannot be written|is a file"):
        load_cached(only_track(tmp_path / "data"), tmp_path / "file" / "cache", sample_rate_hz=8000, channels=2)


def test_full_disk_leaves_nothing(tmp_path, write_song, monkeypatch):
    write_song(tmp_path / "data" / "a")

    def full(file, array):
        file.write(b"some of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(AudioError, match="the disk is full"):
        load_cached(only_track(tmp_path / "data"), tmp_path / "cache", sample_rate_hz=8000, channels=2)
    assert list((tmp_path / "cache").iterdir()) == []
