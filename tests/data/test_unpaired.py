import numpy as np
import pytest

from tfsep.audio import Audio, open_writer
from tfsep.data.unpaired import UnpairedSource
from tfsep.errors import DataError


def write(path, samples=800, rate_hz=8000, tags=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_writer(path, sample_rate_hz=rate_hz, channels=1, tags=tags) as writer:
        writer.write(np.full((samples, 1), 0.25, np.float32))
    return path


def test_finds_audio_at_any_depth(tmp_path):
    for name in ("b.wav", "a/2.flac", "a/deep/1.mp3", ".hidden.wav", ".trash/x.wav", "a/._1.wav"):
        write(tmp_path / name)
    (tmp_path / "cover.jpg").write_bytes(b"not audio")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    (tmp_path / "round").symlink_to(tmp_path)
    tracks = UnpairedSource(root=tmp_path, stem="drums").tracks()
    assert [track.name for track in tracks] == ["a/2.flac", "a/deep/1.mp3", "b.wav"]
    assert {track.stems for track in tracks} == {("drums",)}


def test_genre_is_that_of_the_tags(tmp_path):
    write(tmp_path / "a.flac", tags={"genre": "House", "title": "a"})
    write(tmp_path / "b.flac")
    (tmp_path / "c.flac").write_bytes(b"fLaC")
    assert [track.genre for track in UnpairedSource(root=tmp_path, stem="mixture").tracks()] == ["House", None, None]


def test_excludes_by_file_and_by_folder(tmp_path):
    for name in ("lithium.wav", "caesium/take 1.wav", "album/francium.flac", "rest.wav"):
        write(tmp_path / "data" / name)
    (tmp_path / "data" / "link.wav").symlink_to(write(tmp_path / "argon" / "drum track.wav"))

    def left(*names):
        return [track.name for track in UnpairedSource(root=tmp_path / "data", stem="drums", exclude=frozenset(names)).tracks()]

    assert left() == ["album/francium.flac", "caesium/take 1.wav", "link.wav", "lithium.wav", "rest.wav"]
    assert left("lithium", "caesium", "francium.flac", "argon") == ["rest.wav"]
    assert "link.wav" not in left("drum track")
    assert len(left("drum", "lith")) == 5


def test_the_same_file_may_be_of_several_kinds(tmp_path):
    write(tmp_path / "a.wav")
    recipes = {UnpairedSource(root=tmp_path, stem=stem).tracks()[0].recipe for stem in ("drums", "accompaniment", "mixture")}
    assert len(recipes) == 3


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("drums", "Bass.wav"),
        ("drums", "no_drums.flac"),
        ("accompaniment", "drums.wav"),
        ("mixture", "vocals.wav"),
        ("drums", "a.stem.mp4"),
    ],
)
def test_multitracks_by_mistake(tmp_path, stem, name):
    path = tmp_path / "song" / name
    path.parent.mkdir()
    path.write_bytes(b"not looked at")
    with pytest.raises(DataError, match=f"is to hold nothing but {stem}") as raised:
        UnpairedSource(root=tmp_path, stem=stem).tracks()
    assert str(path) in str(raised.value)


def test_an_empty_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=f"{tmp_path}: no audio files in it or below it"):
        UnpairedSource(root=tmp_path, stem="drums").tracks()


def test_reads_the_mixture_of_a_stem_file(tmp_path):
    from tfsep.audio import StemFileWriter

    stems = [np.full((2000, 2), 0.05 * (1 + at), np.float32) for at in range(4)]
    with StemFileWriter(tmp_path / "a.stem.mp4", sample_rate_hz=8000, codec="alac") as writer:
        writer.write(sum(stems), stems)
    (track,) = UnpairedSource(root=tmp_path, stem="mixture").tracks()
    np.testing.assert_allclose(track.read(8000, 2)["mixture"], Audio.read(tmp_path / "a.stem.mp4").samples)
