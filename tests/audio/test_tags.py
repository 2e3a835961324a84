import pytest

from tfsep.audio import StemFileWriter, open_writer, read_info
from tfsep.audio.tags import normal_tags
from tfsep.errors import UsageError

TAGS = {
    "title": "Tïtle",
    "artist": "Ärtist",
    "album": "Album",
    "album_artist": "Various",
    "composer": "Composer",
    "date": "2020",
    "genre": "House",
    "track": "3/9",
    "disc": "1/2",
    "comment": "a comment",
    "copyright": "nobody",
    "publisher": "Label",
    "isrc": "XX1234567890",
    "bpm": "128",
    "key": "Am",
    "mood": "bright",
}


@pytest.mark.parametrize("picture", ["png", "jpeg", None])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".stem.mp4"])
def test_tags_and_cover_go_through_every_kind_of_file(tmp_path, tones, request, suffix, picture):
    cover = request.getfixturevalue(picture) if picture else None
    path, sound = tmp_path / f"song{suffix}", tones(5001)
    if suffix == ".stem.mp4":
        with StemFileWriter(path, sample_rate_hz=44_100, tags=TAGS, cover=cover) as writer:
            writer.write(sound, [sound / 4] * 4)
    else:
        with open_writer(path, sample_rate_hz=44_100, channels=2, tags=TAGS, cover=cover) as writer:
            writer.write(sound)
    info = read_info(path)
    assert info.tags == TAGS
    assert info.cover == cover
    assert info.frames == 5001


def test_tags_that_do_not_fit_a_number_are_kept_as_text(tmp_path, tones):
    tags = {"track": "A1", "bpm": "127.5", "disc": "70000"}
    sound = tones(3000)
    with StemFileWriter(tmp_path / "song.stem.mp4", sample_rate_hz=44_100, tags=tags) as writer:
        writer.write(sound, [sound] * 4)
    assert read_info(tmp_path / "song.stem.mp4").tags == tags


def test_names_are_made_one_and_facts_about_the_file_left_out():
    read = {"TBPM": "90", "INITIALKEY": "F", "encoder": "Lavf", "REPLAYGAIN_TRACK_GAIN": "-3 dB", "Title": "A", "empty": ""}
    assert normal_tags(read, {"title": "B", "LABEL": "C"}) == {"bpm": "90", "key": "F", "title": "A", "publisher": "C"}


def test_a_cover_that_is_no_picture_is_refused(tmp_path):
    for name in ("song.wav", "song.flac"):
        with pytest.raises(UsageError, match="JPEG or PNG"):
            open_writer(tmp_path / name, sample_rate_hz=44_100, channels=2, cover=b"GIF89a")
    with pytest.raises(UsageError, match="JPEG or PNG"):
        StemFileWriter(tmp_path / "song.stem.mp4", sample_rate_hz=44_100, cover=b"GIF89a")
    assert list(tmp_path.iterdir()) == []
