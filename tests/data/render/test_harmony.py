import json

import numpy as np
import pytest

from tfsep.data.render.genres import GENRES
from tfsep.data.render.harmony import (
    MAJOR,
    MINOR,
    Chord,
    Progressions,
    built_in_progressions,
    choose_progression,
    extended,
    local_scale,
    parse_chord,
    parse_progression,
    voice,
)
from tfsep.errors import DataError


@pytest.mark.parametrize(
    ("token", "scale", "key", "name"),
    [
        ("I", MAJOR, 0, "C"),
        ("vi", MAJOR, 0, "Am"),
        ("vii", MAJOR, 0, "Bdim"),
        ("I7", MAJOR, 0, "Cmaj7"),
        ("V7", MAJOR, 0, "G7"),
        ("ii7", MAJOR, 0, "Dm7"),
        ("Idom7", MAJOR, 0, "C7"),
        ("IM-5", MAJOR, 0, "C-5"),
        ("viadd9", MAJOR, 0, "Amadd9"),
        ("bVIIM", MAJOR, 0, "Bb"),
        ("bVIM7", MAJOR, 0, "Abmaj7"),
        ("ivm6", MAJOR, 0, "Fm6"),
        ("#IVdim", MAJOR, 0, "Gbdim"),
        ("i", MINOR, 9, "Am"),
        ("ii", MINOR, 9, "Bdim"),
        ("V", MINOR, 9, "E"),
        ("III7", MINOR, 9, "Cmaj7"),
        ("VI69", MINOR, 9, "F69"),
        ("isus4", MINOR, 9, "Asus4"),
        ("Vdom7-9", MINOR, 9, "E7-9"),
    ],
)
def test_roman_numerals_name_the_chords_a_musician_expects(token, scale, key, name):
    assert parse_chord(token, scale=scale).name(key) == name


@pytest.mark.parametrize("token", ["H", "viiq", "VIII", "I-", "iI"])
def test_what_is_no_chord_is_refused_by_name(token):
    with pytest.raises(ValueError, match=token):
        parse_chord(token, scale=MAJOR)


def test_extended_chords_stay_in_the_scale_and_leave_others_alone():
    assert extended(parse_chord("V", scale=MAJOR), "major", 4).intervals == (0, 4, 7, 10)
    assert extended(parse_chord("iii", scale=MAJOR), "major", 5).intervals == (0, 3, 7, 10)  # its ninth would be flat
    assert extended(parse_chord("V", scale=MINOR), "minor", 4).intervals == (0, 4, 7, 10)
    assert extended(parse_chord("bIIM", scale=MAJOR), "major", 5) == parse_chord("bIIM", scale=MAJOR)


def test_over_the_dominant_of_a_minor_key_the_seventh_is_raised():
    a_minor_over_e = local_scale(parse_chord("V", scale=MINOR), 9, "minor")
    assert 8 in a_minor_over_e  # G sharp
    assert 7 not in a_minor_over_e
    assert local_scale(parse_chord("i", scale=MINOR), 9, "minor") == (0, 2, 4, 5, 7, 9, 11)


def test_voicings_hold_the_chord_within_the_range_and_move_little():
    chords = [parse_chord(token, scale=MAJOR) for token in ["ii7", "V7", "I7", "vi7", "IV", "iii", "V", "I"]] * 2
    previous = None
    for chord in chords:
        notes = voice(chord, 5, previous=previous, low=50, high=75)
        assert notes[0] >= 50
        assert notes[-1] <= 75
        assert list(notes) == sorted(set(notes))
        assert {note % 12 for note in notes} == set(chord.pitch_classes(5))
        if previous is not None:
            assert abs(notes[-1] - previous[-1]) <= 5
        previous = notes


def test_five_note_chords_leave_their_root_to_the_bass():
    ninth = Chord(0, (0, 4, 7, 11, 14))
    notes = voice(ninth, 0, previous=None, low=50, high=75)
    assert {note % 12 for note in notes} == {4, 7, 11, 2}


def test_every_progression_of_the_genres_can_be_read():
    for genre in GENRES.values():
        for text in genre.own_major:
            assert parse_progression(text, scale=MAJOR).chords
        for text in genre.own_minor:
            assert parse_progression(text, scale=MINOR).chords


def _write(path, **lists):
    path.write_text(json.dumps({"prog_maj": ["I V"], "prog_min": ["i VI"], "prog_modal": [], **lists}), encoding="utf-8")
    return path


def test_a_collection_is_sorted_into_major_and_minor(tmp_path):
    file = _write(
        tmp_path / "p.json", prog_maj=["I I7 Idom7 IV =Relaxed Nostalgic"], prog_modal=["im bVIIM =Dark", "I bVIIM IV =Joyful"]
    )
    loaded = Progressions.load(file)
    assert [chord.name(0) for chord in loaded.major[0].chords] == ["C", "Cmaj7", "C7", "F"]
    assert loaded.major[0].moods == ("Relaxed", "Nostalgic")
    assert [chord.name(0) for chord in loaded.minor[-1].chords] == ["Cm", "Bb"]
    assert len(loaded.major) == 2


def test_wanted_moods_and_own_progressions_are_favoured(tmp_path):
    loaded = Progressions.load(_write(tmp_path / "p.json", prog_maj=["I V =Joyful", "I IV =Sad"]))
    rng = np.random.default_rng(0)
    sad = sum(loaded.choose("major", rng, moods=("Sad",)).moods == ("Sad",) for _ in range(500))
    assert 350 < sad < 450  # four to one
    own = choose_progression("major", ("ii7 V7",), 1.0, loaded, rng)
    assert [chord.name(0) for chord in own.chords] == ["Dm7", "G7"]


@pytest.mark.parametrize(
    "content", ["", "[1, 2]", "{}", '{"prog_maj": ["I Q"], "prog_min": ["i"], "prog_modal": []}', '{"prog_maj": 3}']
)
def test_a_damaged_collection_is_an_error_that_names_the_file(tmp_path, content):
    file = tmp_path / "progressions.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"progressions\.json"):
        Progressions.load(file)


def test_a_missing_or_one_sided_collection_is_an_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        Progressions.load(tmp_path / "none.json")
    with pytest.raises(DataError, match="both are needed"):
        Progressions.load(_write(tmp_path / "p.json", prog_min=[]))


def test_built_in_progressions_stay_within_their_keys():
    for scale, progressions in ((MAJOR, built_in_progressions().major), (MINOR, built_in_progressions().minor)):
        foreign = {tone for entry in progressions for chord in entry.chords for tone in chord.pitch_classes(0)} - set(scale)
        assert foreign <= {11}  # the raised seventh of minor
