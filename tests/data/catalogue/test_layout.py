import pytest

from tfsep.data.catalogue.contribution import Contribution
from tfsep.data.catalogue.layout import read_layout


@pytest.fixture
def touch(tmp_path):
    def make(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        return tmp_path

    return make


def song(name: str, suffix: str = ".wav") -> list[str]:
    return [f"{name}/{part}{suffix}" for part in ("mixture", "drums", "bass", "other", "vocals")]


def test_good(touch, describe):
    folder = touch(*song("b"), *song("a", ".FLAC"), "contribution.json", ".DS_Store", "b/.hidden", "b/song.json", "LICENSE.txt")
    songs, found = read_layout(folder, Contribution.from_json(describe("a", "b")))
    assert found == []
    assert [song.name for song in songs] == ["a", "b"]
    assert songs[1].stems == ("bass", "drums", "other", "vocals")
    assert dict(songs[0].files)["mixture"] == folder / "a" / "mixture.FLAC"


def test_all_that_can_be_wrong(touch, tmp_path, describe):
    touch(*song("a"), "a/drums.flac", "a/guitar.wav", "b/mixture.wav", "b/vocals.wav", "c/drums.wav", "c/bass.wav", "track.wav")
    (tmp_path / "a" / "stems").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "c" / "vocals.wav").symlink_to(tmp_path / "b" / "vocals.wav")
    _, found = read_layout(tmp_path, Contribution.from_json(describe("a", "b", "gone")))
    told = [(finding.severity, finding.path, finding.value) for finding in found]
    assert sorted(told) == sorted(
        [
            ("error", "a/drums.wav", "is there as drums.flac as well"),
            ("error", "a/guitar.wav", "is a file of another name"),
            ("error", "a/stems", "is a folder of another name"),
            ("error", "b", "has 1 stems (vocals)"),
            ("error", "c", "has no mixture"),
            ("warning", "c", "has no other"),
            ("warning", "c", "has no vocals"),
            ("error", "c/vocals.wav", "is a symbolic link"),
            ("error", "link", "is a symbolic link"),
            ("error", "track.wav", "is a file beside the songs"),
            ("error", "c", "is not described in contribution.json"),
            ("error", "contribution.json", "describes 'gone', which is no folder"),
        ]
    )
    assert all("\n" not in finding.line for finding in found)


def test_no_song(tmp_path):
    songs, found = read_layout(tmp_path, None)
    assert songs == []
    assert [finding.value for finding in found] == ["holds no song"]


def test_a_name_cannot_forge_a_line(touch):
    folder = touch("a\nerror: x/mixture.wav")
    _, found = read_layout(folder, None)
    assert all("\n" not in finding.line and "a\\nerror" in finding.line for finding in found)
    assert "has control characters in its name" in [finding.value for finding in found]
