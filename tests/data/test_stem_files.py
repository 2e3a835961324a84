import json

import numpy as np
import pytest

from tfsep.audio import Audio, StemFileWriter, StemInfo
from tfsep.data.stem_files import StemFileSource
from tfsep.errors import AudioError, DataError

TRAKTOR = ("Drums", "Bass", "Other", "Vocals")


def write(path, names=TRAKTOR, tags=None):
    """Write a lossless stem file whose stems are 1/64, 2/64, 3/64, 4/64."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stems = [np.full((1500, 2), number / 64, np.float32) for number in (1, 2, 3, 4)]
    infos = [StemInfo(name=name, colour="#000000") for name in names]
    with StemFileWriter(path, sample_rate_hz=8000, codec="alac", stems=infos, tags=tags) as writer:
        writer.write(sum(stems), stems)
    return path


def levels(track):
    return {stem: float(samples[700, 0] * 64) for stem, samples in track.read(8000, 2).items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (TRAKTOR, {"drums": 1, "bass": 2, "other": 3, "vocals": 4}),
        (("Vox", "Synths", "BASS", "drums"), {"vocals": 1, "other": 2, "bass": 3, "drums": 4}),
        (("Melody", "Beats", "Lead Vocal", "Sub"), {"other": 1, "drums": 2, "vocals": 3, "bass": 4}),
        (("Kick", "Tops", "Bass", "Chords"), {"drums": 3, "bass": 3, "other": 4}),  # two of one stem; no vocals known
    ],
)
def test_stems_are_told_by_name_in_any_order(tmp_path, names, expected):
    write(tmp_path / "a.stem.mp4", names, tags={"genre": "Techno"})
    (track,) = StemFileSource(root=tmp_path).tracks()
    assert (track.name, track.genre, track.stems) == ("a.stem.mp4", "Techno", tuple(sorted(expected)))
    assert levels(track) == expected


def test_configuration_of_the_nearest_folder(tmp_path):
    for folder in ("a", "a/deep", "b"):
        write(tmp_path / folder / "x.stem.mp4", ("Track 1", "Bass", "Track 3", "Rain"))
    (tmp_path / "stems.json").write_text(json.dumps({"names": {"track 1": "vocals", "TRACK 3 ": "drums", "Rain": "ignore"}}))
    (tmp_path / "a" / "stems.json").write_text(json.dumps({"names": {"Track 1": "drums", "Track 3": "other", "Rain": "other"}}))
    a, deep, b = sorted(
        StemFileSource(root=tmp_path).tracks(), key=lambda track: track.name.count("/") + (track.name[0] == "b") * 5
    )
    assert [track.name for track in (a, deep, b)] == ["a/x.stem.mp4", "a/deep/x.stem.mp4", "b/x.stem.mp4"]
    assert levels(a) == levels(deep) == {"drums": 1, "bass": 2, "other": 7}
    assert levels(b) == {"vocals": 1, "bass": 2, "drums": 3}


def test_files_without_names(tmp_path):
    path = write(tmp_path / "a.stem.m4a.stem.mp4").rename(tmp_path / "a.stem.m4a")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"stem{", b"skip{"))  # the box's name, so that lengths stay
    with pytest.raises(DataError, match=r"a\.stem\.m4a \(no names at all\)"):
        StemFileSource(root=tmp_path).tracks()
    (tmp_path / "stems.json").write_text('{"order": ["vocals", "other", "bass", "drums"]}')
    (track,) = StemFileSource(root=tmp_path).tracks()
    assert levels(track) == {"vocals": 1, "other": 2, "bass": 3, "drums": 4}


def test_order_is_not_for_files_with_names(tmp_path):
    write(tmp_path / "a.stem.mp4")
    (tmp_path / "stems.json").write_text('{"order": ["vocals", "other", "bass", "drums"]}')
    assert levels(StemFileSource(root=tmp_path).tracks()[0])["drums"] == 1


def test_all_unknown_names_are_listed_at_once(tmp_path):
    write(tmp_path / "a.stem.mp4", ("Drums", "Bass", "Qwerty", "Stem 4"))
    write(tmp_path / "b.stem.mp4", ("Drums & Bass", "Bass", "Keys", "Vox"))
    write(tmp_path / "c.stem.mp4")
    with pytest.raises(DataError, match="stems of unknown names in 2 of its files") as raised:
        StemFileSource(root=tmp_path).tracks()
    message = str(raised.value)
    assert "a.stem.mp4 (Qwerty, Stem 4); b.stem.mp4 (Drums & Bass)" in message
    assert f'{tmp_path / "stems.json"} what they are, such as {{"names": {{"Plucks": "other"' in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ('{"Drums": "drums"}', 'use {"names"'),
        ('{"names": []}', 'use {"names"'),
        ('{"order": "drums"}', 'use {"names"'),
        ('{"names": {"Rain": "mixture"}}', '"Rain" is given the stem'),
        ('{"order": [1]}', '"order" is given the stem 1'),
    ],
)
def test_bad_configuration(tmp_path, content, message):
    write(tmp_path / "a.stem.mp4")
    (tmp_path / "stems.json").write_text(content)
    with pytest.raises(DataError, match=message) as raised:
        StemFileSource(root=tmp_path).tracks()
    assert str(tmp_path / "stems.json") in str(raised.value)


def test_damaged_files_fail_when_they_are_read(tmp_path):
    write(tmp_path / "a.stem.mp4")
    whole = write(tmp_path / "b.stem.mp4").read_bytes()
    (tmp_path / "b.stem.mp4").write_bytes(whole[: len(whole) // 2])
    write(tmp_path / "c.stem.mp4")
    (tmp_path / "c.stem.mp4").write_bytes((tmp_path / "c.stem.mp4").read_bytes().replace(b'"stems"', b'"parts"'))
    Audio(np.zeros((800, 1), np.float32), 8000).write(tmp_path / "d.wav")
    (tmp_path / "d.wav").rename(tmp_path / "d.stem.mp4")
    (tmp_path / "stems.json").write_text('{"order": ["drums", "bass", "other", "vocals"]}')
    good, *bad = StemFileSource(root=tmp_path).tracks()
    assert good.stems == ("bass", "drums", "other", "vocals")
    for track, error in zip(bad, (AudioError, AudioError, DataError), strict=True):
        with pytest.raises(error, match=str(track.paths[0])):
            track.read(8000, 2)


def test_all_of_one_stem(tmp_path):
    write(tmp_path / "a.stem.mp4", ("Kick", "Snare", "Hats", "Toms"))
    (track,) = StemFileSource(root=tmp_path).tracks()
    with pytest.raises(DataError, match="all of its streams are drums"):
        track.read(8000, 2)


def test_reads_what_stempeg_ships(tmp_path):
    """The example of NI's own kind in the package stempeg, which is not ours to copy."""
    stempeg = pytest.importorskip("stempeg", exc_type=(ImportError, RuntimeError))
    (tmp_path / "x.stem.mp4").symlink_to(stempeg.example_stem_path())
    (track,) = StemFileSource(root=tmp_path).tracks()
    assert [(part.stem, part.stream) for part in track.parts] == [("drums", 1), ("bass", 2), ("other", 3), ("vocals", 4)]
