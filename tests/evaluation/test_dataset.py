"""Song folders: what is found, read and refused."""

import numpy as np
import pytest
import soundfile

from tfsep.errors import AudioError, DataError, UsageError
from tfsep.evaluation.dataset import SongAudio, find_songs, read_song, sum_song


def test_finds_songs_sorted_and_takes_some_evenly(write_song, stems, tmp_path):
    for name in ("c", "a", "b", "e", "d"):
        write_song(name, {"drums": stems["drums"][:100], "other": stems["other"][:100]})
    (tmp_path / "data" / ".hidden").mkdir()
    (tmp_path / "data" / "notes.txt").write_text("x")
    data = tmp_path / "data"
    assert [song.name for song in find_songs([data])] == list("abcde")
    assert [song.name for song in find_songs([data], limit=2)] == ["b", "d"]
    assert [song.name for song in find_songs([data], limit=9)] == list("abcde")
    assert [song.name for song in find_songs([data / "c"])] == ["c"]
    assert len(find_songs([data, data / "c"])) == 5


def test_folders_without_songs_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for name, said in (("empty", "holds no song"), ("nowhere", "no such folder"), ("file", "is a file")):
        with pytest.raises(DataError, match=rf"{name}: .*{said}"):
            find_songs([tmp_path / name])
    with pytest.raises(UsageError, match="--songs 0"):
        find_songs([tmp_path], limit=0)


def test_mixture_is_the_sum_where_it_has_no_file(write_song, stems):
    song = read_song(write_song("song", stems, genre="funk"))
    assert (song.genre, song.mixture, song.missing) == ("funk", None, ())
    with SongAudio(song) as audio:
        mixture = np.concatenate([mixture for mixture, _ in audio.blocks(12_345)])
    np.testing.assert_allclose(mixture, sum(stems.values()), atol=1e-6)


def test_sums_tell_whether_the_stems_make_up_the_mixture(write_song, stems):
    mixture = sum(stems.values())
    incomplete = {stem: sound for stem, sound in stems.items() if stem != "bass"}
    assert sum_song(read_song(write_song("sum", incomplete))).complete
    assert sum_song(read_song(write_song("all", stems, mixture=mixture))).complete
    sums = sum_song(read_song(write_song("more", incomplete, mixture=mixture)))
    assert not sums.complete
    expected = 10 * np.log10(np.sum(stems["bass"].astype(float) ** 2) / np.sum(mixture.astype(float) ** 2))
    assert sums.residual_db == pytest.approx(expected, abs=1e-3)
    assert sums.samples == len(mixture)


def test_mono_beside_stereo_is_on_both_channels(write_song, stems):
    folder = write_song("song", {"drums": stems["drums"], "other": stems["other"][:, :1]})
    with SongAudio(read_song(folder)) as audio:
        assert audio.channels == 2
        _, first = next(audio.blocks(100))
    np.testing.assert_array_equal(first["other"], np.repeat(stems["other"][:100, :1], 2, axis=1))


def test_broken_songs_are_refused_by_name(write_song, stems, tmp_path):
    short = write_song("short", stems | {"bass": stems["bass"][:-1]})
    with pytest.raises(DataError, match=r"different lengths.*drums.wav 160,000 samples, bass.wav 159,999 samples"):
        sum_song(read_song(short))
    rates = write_song("rates", stems)
    soundfile.write(rates / "vocals.wav", stems["vocals"], 16_000)
    with pytest.raises(DataError, match=r"different sample rates.*vocals.wav 16000 Hz"):
        sum_song(read_song(rates))
    damaged = write_song("damaged", stems)
    (damaged / "other.wav").write_bytes(b"not audio")
    with pytest.raises(AudioError, match=r"other.wav: is not audio"):
        sum_song(read_song(damaged))
    twice = write_song("twice", stems)
    (twice / "drums.flac").write_bytes(b"")
    with pytest.raises(DataError, match=r"both drums.flac and drums.wav"):
        read_song(twice)
    with pytest.raises(DataError, match=r"alone: has drums.wav and no mixture"):
        read_song(write_song("alone", {"drums": stems["drums"]}))


def test_odd_things_are_noted(write_song, stems):
    folder = write_song("song", stems)
    soundfile.write(folder / "piano.wav", stems["other"], 8000)
    (folder / "song.json").write_text("{")
    song = read_song(folder)
    assert song.genre is None
    assert any("piano.wav" in note for note in song.notes)
    assert any("song.json" in note for note in song.notes)
