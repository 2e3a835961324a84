import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.errors import DataError, ModelError
from tfsep.models.genre_classifier import build_genre_classifier
from tfsep.training.genre import GenreTrainingConfig, score_songs, train_genre_classifier
from tfsep.training.genre_bundle import GenreBundle
from tfsep.training.genre_data import Excerpts, apart, artist_of, divided, read_songs

TOY = runpy.run_path(str(Path(__file__).parents[1] / "genre_toy.py"))
CONTRACT, RATE_HZ, sound, write_songs = (TOY[name] for name in ("CONTRACT", "RATE_HZ", "sound", "write_songs"))
CONFIG = GenreTrainingConfig(
    epochs=4, excerpts_per_song=4, batch=8, learning_rate=5e-3, widths=(4, 8), calibration_share=0.2, seed=1
)


def read(folder, tmp_path, said=None):
    return read_songs(str(folder), tmp_path / "cache", CONTRACT, on_skip=(said if said is not None else []).append)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genre")
    songs = read(write_songs(folder / "songs", 6), folder)
    lines = []
    bundle, scores = train_genre_classifier(CONFIG, CONTRACT, songs, record={"data": ["songs"]}, tell=lines.append)
    return bundle, scores, lines


def test_a_tiny_classifier_tells_tones_from_noise(trained, tmp_path):
    bundle, scores, lines = trained
    assert len(lines) == CONFIG.epochs
    assert scores["calibration"].songs == 2
    new = read(write_songs(tmp_path / "new", 3, first=100), tmp_path)
    assert score_songs(bundle, new).accuracy == 1.0
    assert bundle.contract.training["songs"] == {"electronic": 5, "rock": 5}
    assert bundle.contract.temperature != 1.0


def test_the_bundle_is_the_same_after_reading(trained, tmp_path):
    bundle, _, _ = trained
    bundle.write(tmp_path / "best")
    again = GenreBundle.load(tmp_path / "best")
    assert (again.contract, again.widths) == (bundle.contract, bundle.widths)
    heard = np.random.default_rng(0).normal(2, 1, (3, *CONTRACT.input_shape[1:])).astype(np.float32)
    np.testing.assert_array_equal(again.classifier(heard)["logits"], bundle.classifier(heard)["logits"])


def test_a_damaged_bundle_is_named(trained, tmp_path):
    trained[0].write(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"model\.keras: not the weights"):
        GenreBundle.load(tmp_path)
    (tmp_path / "genre.json").write_text("{}")
    with pytest.raises(ModelError, match="bundle version None"):
        GenreBundle.load(tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        GenreBundle.load(tmp_path / "nothing")


def test_excerpts_of_a_silent_song_are_left_out(tmp_path):
    folder = tmp_path / "songs" / "silence"
    folder.mkdir(parents=True)
    for stem in ("drums", "other"):
        Audio(np.zeros((8000, 1), np.float32), RATE_HZ).write(folder / f"{stem}.wav")
    (folder / "song.json").write_text('{"genre": "jazz"}')
    song = read(tmp_path / "songs", tmp_path)[0]
    assert len(Excerpts(CONTRACT).of_song(song)) == len(Excerpts(CONTRACT).varied(song, np.random.default_rng(0), 3)) == 0


def test_an_excerpt_does_not_depend_on_the_level():
    from tfsep.dsp.genre_excerpts import GenreInput

    heard = GenreInput(CONTRACT).log_mel
    whole = sound("metal", 0)[:, :1]
    np.testing.assert_allclose(heard(whole), heard(0.01 * whole), atol=1e-4)


def test_the_percussive_part_is_a_second_channel():
    from tfsep.dsp.genre_excerpts import GenreInput

    contract = replace(CONTRACT, percussive=True)
    hits = np.zeros((contract.excerpt_samples, 1), np.float32)
    hits[RATE_HZ // 8 :: RATE_HZ // 4] = 0.5
    tone = np.sin(2 * np.pi * 440 * np.arange(len(hits)) / RATE_HZ, dtype=np.float32)[:, None]
    heard = GenreInput(contract).log_mel(hits + tone)
    assert heard.shape == contract.input_shape[1:]
    np.testing.assert_array_equal(heard[..., 0], GenreInput(CONTRACT).log_mel(hits + tone)[..., 0])
    assert (heard[..., 1] <= heard[..., 0]).all()
    of_hits, of_tone = GenreInput(contract).log_mel(hits), GenreInput(contract).log_mel(tone)
    assert of_hits[..., 1].sum() > 0.7 * of_hits[..., 0].sum()
    assert of_tone[..., 1].sum() < 0.5 * of_tone[..., 0].sum()
    logits = build_genre_classifier(contract, (4, 4))(heard[None])["logits"]
    assert logits.shape == (1, len(contract.families))


def test_songs_of_a_held_out_artist_are_not_learnt_from(tmp_path):
    known = read(write_songs(tmp_path / "a", 1, artist="Xaver"), tmp_path)
    other = read(write_songs(tmp_path / "b", 1, first=5, artist="Yvonne"), tmp_path)
    held_out = read(write_songs(tmp_path / "c", 1, first=9, artist="xaver"), tmp_path)
    assert apart([*known, *other, *held_out], held_out) == other


def test_one_artist_is_never_on_both_sides_of_the_division(tmp_path):
    songs = read(write_songs(tmp_path / "songs", 8), tmp_path)
    songs = [replace(song, artist=f"artist {number // 2}") for number, song in enumerate(songs)]
    most, few = divided(songs, 0.3, seed=3)
    assert len(most) + len(few) == len(songs)
    assert few
    assert not {song.artist for song in most} & {song.artist for song in few}


def test_musdb18_names_tell_the_artist(tmp_path):
    from tfsep.data.files import FileTrack, Part

    track = FileTrack(name="Al James - Schoolboy Facination", parts=(Part(stem="drums", path=tmp_path / "x.wav"),))
    assert artist_of(track) == "al james"


def test_songs_without_a_genre_are_told_and_left_out(tmp_path):
    songs = write_songs(tmp_path / "songs", 2)
    (songs / "metal-1" / "song.json").write_text(json.dumps({"genre": "sounds of the sea"}))
    said = []
    assert len(read(songs, tmp_path, said)) == 3
    assert "1 of 4 songs have no genre" in said[0]
    for about in songs.glob("*/song.json"):
        about.unlink()
    with pytest.raises(DataError, match="none of its 4 songs has a genre"):
        read(songs, tmp_path)


def test_one_family_alone_cannot_be_learnt(tmp_path):
    songs = [song for song in read(write_songs(tmp_path / "songs", 2), tmp_path) if song.family == "rock"]
    with pytest.raises(DataError, match=r"all of the family \('rock',\)"):
        train_genre_classifier(CONFIG, CONTRACT, songs, record={}, tell=print)


def test_a_family_of_one_song_cannot_be_set_apart(tmp_path):
    songs = read(write_songs(tmp_path / "songs", 4), tmp_path)
    rock = [song for song in songs if song.family == "rock"]
    with pytest.raises(DataError, match="family rock: its 1 songs are too few to set 20% apart"):
        train_genre_classifier(CONFIG, CONTRACT, [song for song in songs if song not in rock[1:]], record={}, tell=print)


def test_a_family_of_one_artist_cannot_be_set_apart(tmp_path):
    songs = read(write_songs(tmp_path / "songs", 3, artist="one"), tmp_path)
    with pytest.raises(DataError, match="family electronic: its 3 songs are too few"):
        train_genre_classifier(CONFIG, CONTRACT, songs, record={}, tell=print)


def test_families_that_the_classifier_does_not_know_are_named(trained, tmp_path):
    songs = [replace(song, family="jazz") for song in read(write_songs(tmp_path / "songs", 1), tmp_path)]
    with pytest.raises(DataError, match="families jazz"):
        score_songs(trained[0], songs)


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"dropout": 1.0}, {"learning_rate": 0}, {"calibration_share": 0.5}, {"seed": -1}]
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        GenreTrainingConfig(**change)
