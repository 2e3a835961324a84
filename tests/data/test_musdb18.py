import shutil

import numpy as np
import pytest

from tfsep.audio import Audio, StemFileWriter
from tfsep.data.musdb18 import Musdb18Source
from tfsep.errors import DataError, MissingExtraError, UsageError

TRAIN, VALID, TEST = ("A - One", "B - Two"), ("ANiMAL - Rockshow", "Leaf - Summerghost"), ("C - Three",)
STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture(autouse=True)
def _musdb():
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        pytest.skip("musdb cannot be imported without ffmpeg and ffprobe: apt-get install ffmpeg")
    pytest.importorskip("musdb")


def song(name):
    rng = np.random.default_rng(sum(name.encode()))
    return [np.rint(rng.uniform(-4000, 4000, (3000, 2))).astype(np.float32) / 32768 for _ in STEMS]


@pytest.fixture(params=["streams", "hq"])
def root(request, tmp_path):
    """The layout of MUSDB18 and of its 7-second sample, or of MUSDB18-HQ."""
    for subset, names in (("train", TRAIN + VALID), ("test", TEST)):
        folder = tmp_path / subset
        folder.mkdir()
        for name in names:
            stems = song(name)
            if request.param == "streams":
                with StemFileWriter(folder / f"{name}.stem.mp4", sample_rate_hz=44_100, codec="alac") as writer:
                    writer.write(sum(stems), stems)
            else:
                (folder / name).mkdir()
                for stem, samples in zip(("mixture", *STEMS), (sum(stems), *stems), strict=True):
                    Audio(samples, 44_100).write(folder / name / f"{stem}.wav", subtype="pcm_16")
    return tmp_path


@pytest.mark.parametrize(("split", "names"), [("train", TRAIN), ("valid", VALID), ("test", TEST)])
def test_splits_as_published(root, split, names):
    assert [track.name for track in Musdb18Source(root=root, split=split).tracks()] == list(names)


def test_splits_do_not_exclude_each_other(root):
    held = Musdb18Source(root=root, split="valid").names()
    assert len(Musdb18Source(root=root, exclude=held).tracks()) == 2
    assert len(Musdb18Source(root=root, exclude=frozenset({"A - One"})).tracks()) == 1


@pytest.mark.parametrize("split", ["valid", "test"])
def test_agrees_with_musdb(root, split):
    import musdb

    wav = not list(root.glob("*/*.stem.mp4"))
    subset = {"subsets": "test"} if split == "test" else {"subsets": "train", "split": split}
    theirs = {track.name: track for track in musdb.DB(root=str(root), is_wav=wav, **subset)}
    ours = Musdb18Source(root=root, split=split).tracks()
    assert {track.name for track in ours} == set(theirs)
    read = ours[0].read(44_100, 2)
    assert sorted(read) == sorted(STEMS)
    for stem, samples in read.items():
        np.testing.assert_array_equal(samples, song(ours[0].name)[STEMS.index(stem)])
    np.testing.assert_allclose(read["bass"], theirs[ours[0].name].sources["bass"].audio, atol=1 / 32768)


def test_genres_of_the_published_list(root):
    assert {track.genre for track in Musdb18Source(root=root).tracks()} == {None}
    (root / "tracklist.csv").write_text(
        "Track Name,Genre,Source,License\nB - Two,Pop/Rock,DSD,Restricted\nZ - X,Rap,DSD,Restricted\n"
    )
    assert [track.genre for track in Musdb18Source(root=root).tracks()] == [None, "Pop/Rock"]


@pytest.mark.parametrize("content", [b"Name,Genre\nB - Two,Rap\n", b"\xff\xfe\n", b'Track Name,Genre\n"B'])
def test_bad_list(root, content):
    (root / "tracklist.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"tracklist\.csv: is not the published list"):
        Musdb18Source(root=root).tracks()


def test_a_stem_without_a_file_is_not_known(tmp_path):
    for stem in ("drums", "other", "mixture"):
        (tmp_path / "train" / "A - One").mkdir(parents=True, exist_ok=True)
        Audio(song("A")[0], 44_100).write(tmp_path / "train" / "A - One" / f"{stem}.wav")
    (track,) = Musdb18Source(root=tmp_path).tracks()
    assert track.stems == ("drums", "other")


def test_a_file_with_too_few_streams(tmp_path):
    (tmp_path / "train").mkdir()
    Audio(song("A")[0], 44_100).write(tmp_path / "a.wav")
    (tmp_path / "a.wav").rename(tmp_path / "train" / "A - One.stem.mp4")
    (track,) = Musdb18Source(root=tmp_path).tracks()
    with pytest.raises(DataError, match=r"A - One\.stem\.mp4: has 1 audio streams, but bass is to be number 3"):
        track.read(44_100, 2)


def test_other_layouts(tmp_path):
    with pytest.raises(DataError, match=r"train/ is not in it: give the folder with train/ and test/"):
        Musdb18Source(root=tmp_path).tracks()
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="train: no song in it"):
        Musdb18Source(root=tmp_path).tracks()
    (tmp_path / "train" / "A - One.stem.mp4").write_bytes(b"")
    with pytest.raises(DataError, match="none of its songs is of the split valid"):
        Musdb18Source(root=tmp_path, split="valid").tracks()
    (tmp_path / "train" / "A - One").mkdir()
    (tmp_path / "train" / "A - One" / "drums.wav").write_bytes(b"")
    with pytest.raises(DataError, match="holds stem files and folders of songs"):
        Musdb18Source(root=tmp_path).tracks()


def test_unknown_split(tmp_path):
    with pytest.raises(UsageError, match="split='dev': use one of train, valid, test"):
        Musdb18Source(root=tmp_path, split="dev")


def test_without_musdb(root, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "musdb", None)
    with pytest.raises(MissingExtraError, match="reading MUSDB18 needs the package musdb"):
        Musdb18Source(root=root).tracks()
