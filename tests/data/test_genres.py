import numpy as np
import pytest

from tfsep.audio import open_writer
from tfsep.data.files import FileTrack, Part
from tfsep.data.genres import FAMILIES, FAMILY_TITLES, family_of, genre_of
from tfsep.data.render.genres import GENRES

# The values of "Genre" in the list published with MUSDB18, github.com/sigsep/website, content/datasets/assets/tracklist.csv.
MUSDB18_GENRES = {
    "Country": "pop", "Electronic": "electronic", "Heavy Metal": "rock", "Jazz": "jazz", "Pop": "pop", "Pop/Rock": "rock",
    "Rap": "hip_hop", "Reggae": "latin", "Rock": "rock", "Singer/Songwriter": "jazz",
}  # fmt: skip


def test_rendered_genres_are_in_the_family_they_are_rendered_as():
    assert {name: family_of(name) for name in GENRES} == {name: genre.family for name, genre in GENRES.items()}


def test_every_genre_of_musdb18_has_a_family():
    assert {genre: family_of(genre) for genre in MUSDB18_GENRES} == MUSDB18_GENRES


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_known_by_name_and_title(family):
    assert family_of(family) == family_of(family.upper()) == family_of(FAMILY_TITLES[family]) == family


@pytest.mark.parametrize(
    ("genre", "family"),
    [
        ("Drum & Bass", "electronic"), ("HIP-HOP", "hip_hop"), ("Hip Hop/Rap", "hip_hop"), ("R&B", "pop"), ("Bossa Nova", "latin"),
        ("Techno; Jazz", "electronic"), ("Other, Metal", "rock"), ("Melodic Deep House", "electronic"), ("Latin Jazz", "latin"),
        ("Trip-Hop", "electronic"), ("Vienna jazz", "jazz"), ("Jazz/Blues/Rock", "jazz"),
        (None, None), ("", None), ("???", None), ("Podcast", None), ("house music we like", None),
    ],
)  # fmt: skip
def test_spellings_lists_and_unknown_genres(genre, family):
    assert family_of(genre) == family


def _track(folder, *, genre=None, tag=None):
    path = folder / "loop.flac"
    folder.mkdir(parents=True)
    with open_writer(path, sample_rate_hz=44_100, channels=1, tags={"genre": tag} if tag else {}) as writer:
        writer.write(np.zeros((441, 1), np.float32))
    return FileTrack(name="loop", genre=genre, parts=(Part(stem="drums", path=path),))


def test_the_source_is_asked_before_tags_and_tags_before_folders(tmp_path):
    assert genre_of(_track(tmp_path / "jazz" / "a", genre="techno", tag="Metal")) == "techno"
    assert genre_of(_track(tmp_path / "jazz" / "b", tag="Metal")) == "Metal"
    assert genre_of(_track(tmp_path / "jazz" / "c")) == "jazz"
    assert genre_of(_track(tmp_path / "jazz" / "metal" / "d")) == "metal"


def test_a_genre_that_the_table_does_not_know_hides_no_other(tmp_path):
    assert genre_of(_track(tmp_path / "a", genre="sounds of the sea", tag="Salsa")) == "Salsa"
    assert genre_of(_track(tmp_path / "salsa" / "b", tag="Unknown")) == "salsa"


def test_words_of_artists_and_titles_are_no_genres(tmp_path):
    assert genre_of(_track(tmp_path / "Daft Punk" / "Brave New World")) is None
    assert genre_of(_track(tmp_path / "Drum & Bass" / "Smooth Jazz Hits of Rock")) == "Drum & Bass"
    assert genre_of(_track(tmp_path / "Daft Punk" / "a", tag="french house")) == "french house"


def test_folders_far_above_the_song_do_not_count(tmp_path):
    assert genre_of(_track(tmp_path / "rock" / "1" / "2" / "3")) is None
