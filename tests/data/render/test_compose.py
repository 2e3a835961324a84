import dataclasses
import json
import math
from functools import lru_cache

import numpy as np
import pytest

from tfsep.data.render.bass import BASS_STYLES, LOWEST, Tone
from tfsep.data.render.comping import RHYTHMS, guitar_chord, power_chord, tie_over
from tfsep.data.render.compose import compose
from tfsep.data.render.feel import Feel
from tfsep.data.render.genre import FAMILIES
from tfsep.data.render.genres import GENRES
from tfsep.data.render.grooves import GrooveEntry, GrooveLibrary, Performance
from tfsep.data.render.harmony import MAJOR, MINOR, Chord
from tfsep.data.render.score import DRUM_CLASSES, PERCUSSION_PIECES
from tfsep.data.render.singers import VOCAL_LINE_UPS, monophonic
from tfsep.errors import UsageError


@lru_cache(maxsize=512)
def song(genre, seed=0, seconds=12.0):
    return compose(genre, seconds=seconds, rng=np.random.default_rng(seed), grooves=None, progressions=None)


def share_of_time(spans, seconds):
    """Share of a duration that (start, end) spans cover."""
    covered = np.zeros(math.ceil(seconds * 50), bool)
    for start, end in spans:
        covered[int(start * 50) : max(int(end * 50), int(start * 50) + 1)] = True
    return covered.mean()


def test_there_are_genres_of_every_family():
    assert len(GENRES) >= 20
    assert {genre.family for genre in GENRES.values()} == set(FAMILIES)


@pytest.mark.parametrize("name", sorted(GENRES))
def test_genres_name_only_what_exists(name):
    genre = GENRES[name]
    assert {style for style, _ in genre.bass} <= set(BASS_STYLES)
    assert {sound for sound, _ in genre.bass_sounds} <= set(LOWEST)
    assert {line_up for line_up, _ in genre.vocals} <= set(VOCAL_LINE_UPS)
    assert {entry.rhythm for entry in genre.layers} - {""} <= set(RHYTHMS)
    assert {kit for kit, _ in genre.kits} <= {"acoustic", "electronic", "mixed"}
    assert 0 < genre.vocal_share < 1


@pytest.mark.parametrize("name", sorted(GENRES))
@pytest.mark.parametrize(("seed", "seconds"), [(0, 12.0), (1, 12.0), (2, 47.3), (3, 1.0)])
def test_every_genre_composes_a_score_that_keeps_its_promises(name, seed, seconds):
    score, genre = song(name, seed, seconds), GENRES[name]
    assert score.genre == name
    assert score.tags["family"] == genre.family
    assert score.duration_s == seconds
    assert genre.tempo_bpm[0] - 0.01 <= score.tempo_bpm <= genre.tempo_bpm[1] + 0.01
    assert score.key in range(12)
    assert score.mode in ("major", "minor")
    assert score.kit_style in {kit for kit, _ in genre.kits}
    assert [hit.time_s for hit in score.drum_hits] == sorted(hit.time_s for hit in score.drum_hits)
    for hit in score.drum_hits:
        assert 0 <= hit.time_s < seconds
        assert hit.drum in DRUM_CLASSES
        assert 0 < hit.velocity <= 1
        assert 0 <= hit.piece < {"tom": 3, "percussion": len(PERCUSSION_PIECES)}.get(hit.drum, 1)
    limits = {"bass": (24, 64), "vocals": (36, 90), "other": (33, 108)}
    for part in score.parts:
        low, high = limits[part.stem]
        assert part.notes
        assert -1 <= part.pan <= 1
        assert 0 <= part.duck <= 1
        assert [note.time_s for note in part.notes] == sorted(note.time_s for note in part.notes)
        for note in part.notes:
            assert 0 <= note.time_s < seconds
            assert note.duration_s > 0
            assert note.time_s + note.duration_s <= seconds + 1e-9
            assert low <= note.midi <= high
            assert 0 < note.velocity <= 1
    assert score.sections[0].time_s == 0
    assert score.chords[0].time_s == 0
    assert json.loads(json.dumps(dataclasses.asdict(score)))["genre"] == name


@pytest.mark.parametrize("name", ["techno", "jazz", "ballad"])
def test_beats_are_exact(name):
    for seed in range(6):
        score = song(name, seed, 20.0)
        beat_s = 60 / score.tempo_bpm
        np.testing.assert_allclose(np.diff(score.beats_s), beat_s, atol=1e-9)
        np.testing.assert_allclose(np.diff(score.downbeats_s), beat_s * int(score.tags["beats_per_bar"]), atol=1e-9)
        assert 0 <= score.beats_s[0] < beat_s
        assert score.duration_s - beat_s <= score.beats_s[-1] < score.duration_s
        assert min(np.abs(np.array(score.beats_s)[:, None] - np.array(score.downbeats_s)).min(axis=0)) < 1e-9


def test_same_seed_same_song_other_seed_other_song():
    def one(seed):
        return compose("funk", seconds=15.0, rng=np.random.default_rng(seed), grooves=None, progressions=None)

    assert one(4) == one(4)
    assert one(4) != one(5)


@pytest.mark.parametrize("name", sorted(GENRES))
def test_pitches_are_of_the_scale_or_the_chord(name):
    """A pick-up may sound the chord that it leads to; only the bass may take chromatic steps besides."""
    bass_notes = bass_foreign = 0
    for seed in range(4):
        score = song(name, seed, 12.0)
        scale = {(score.key + step) % 12 for step in (MAJOR if score.mode == "major" else MINOR)}
        around = 60 / score.tempo_bpm + 0.06
        ends = [*[span.time_s for span in score.chords[1:]], score.duration_s + 10]
        for part in score.parts:
            for note in part.notes:
                near = [
                    set(span.pitch_classes)
                    for span, end in zip(score.chords, ends, strict=True)
                    if span.time_s - around <= note.time_s < end + around
                ]
                fits = note.midi % 12 in scale.union(*near)
                if part.stem == "bass":
                    bass_notes, bass_foreign = bass_notes + 1, bass_foreign + (not fits)
                else:
                    assert fits or note.time_s == 0.0, (part.role, note, score.chords)
    assert bass_foreign <= 0.1 * bass_notes


def test_house_is_four_on_the_floor():
    on_beats = beats = kicks_total = kicks_on_beat = 0
    for seed in range(12):
        score = song("house", seed, 30.0)
        kicks = np.array([hit.time_s for hit in score.drum_hits if hit.drum == "kick"])
        starts = [*[section.time_s for section in score.sections], score.duration_s]
        for section, end in zip(score.sections, starts[1:], strict=True):
            if section.drums != "full":
                continue
            grid = np.array([beat for beat in score.beats_s if section.time_s <= beat < end])
            inside = kicks[(kicks >= section.time_s - 1e-6) & (kicks < end - 1e-6)]
            beats += len(grid)
            on_beats += sum(np.abs(inside - beat).min(initial=9) < 1e-6 for beat in grid)
            kicks_total += len(inside)
            kicks_on_beat += sum(np.abs(np.array(score.beats_s) - kick).min() < 1e-6 for kick in inside)
    assert beats > 200
    assert on_beats >= 0.88 * beats  # fills and stops take some away
    assert kicks_on_beat >= 0.97 * kicks_total


@pytest.mark.parametrize("unit", [8, 16])
@pytest.mark.parametrize("swing", [0.5, 0.58, 2 / 3])
def test_swing_moves_the_second_of_each_pair_and_nothing_else(swing, unit):
    feel = Feel(swing, unit)
    pair = 1.0 if unit == 8 else 0.5
    for index in range(-4, 12):
        assert feel.at(index * pair) == pytest.approx(index * pair)
        assert feel.at((index + 0.5) * pair) == pytest.approx((index + swing) * pair)
    moved = [feel.at(beat) for beat in np.linspace(-1, 4, 400)]
    assert np.all(np.diff(moved) > 0)


@pytest.mark.parametrize(("swing", "unit"), [(0.4, 8), (0.9, 8), (0.6, 4)])
def test_impossible_swing_is_refused(swing, unit):
    with pytest.raises(ValueError, match="swing"):
        Feel(swing, unit)


def test_a_swung_song_plays_its_off_eighths_late():
    """Blues shuffles on eighths: off-beat strokes fall where the score says, between 0.6 and 0.67 of the beat."""
    phases = []
    for seed in range(6):
        score = song("blues", seed, 20.0)
        assert score.tags["swing_unit"] == "8"
        beats = np.array(score.beats_s)
        times = np.array([hit.time_s for hit in score.drum_hits if hit.drum in ("closed_hat", "ride")])
        phase = ((times[times > beats[0]] - beats[0]) * score.tempo_bpm / 60) % 1.0
        off = phase[(phase > 0.3) & (phase < 0.85)]
        phases += list(off - score.swing)
    assert len(phases) > 50
    assert abs(np.median(phases)) < 0.02


def test_sequenced_genres_lie_on_the_grid_and_played_ones_scatter():
    def off_grid(score):
        beats = np.array([hit.time_s for hit in score.drum_hits if hit.drum == "snare"]) - score.beats_s[0]
        steps = beats * score.tempo_bpm / 60 * 4
        return np.abs(steps - np.round(steps))

    assert np.median(np.concatenate([off_grid(song("synthwave", seed)) for seed in range(6)])) < 1e-6
    assert np.median(np.concatenate([off_grid(song("ballad", seed)) for seed in range(6)])) > 1e-4


def test_nobody_drums_where_the_section_has_no_drums():
    quiet = 0
    for i, name in enumerate(("trance", "ballad", "pop", "hip_hop")):
        for seed in range(8):
            score = song(name, 8 * i + seed, 30.0)
            ends = [*[section.time_s for section in score.sections[1:]], score.duration_s]
            for section, end in zip(score.sections, ends, strict=True):
                if section.drums == "none":
                    quiet += 1
                    assert not [hit for hit in score.drum_hits if section.time_s + 0.05 <= hit.time_s < end - 0.05]
    assert quiet > 3


def test_voices_and_bass_sing_one_note_at_a_time():
    for name in ("pop", "jazz", "trap", "rock"):
        for seed in range(4):
            for part in song(name, seed).parts:
                if part.stem == "bass" or part.sound == "lead":
                    for note, following in zip(part.notes, part.notes[1:], strict=False):
                        assert note.time_s + note.duration_s <= following.time_s + 0.08  # scatter of a live player


def test_singers_breathe():
    """Within eight seconds of singing there is a gap of a quarter of a second."""
    for name in ("pop", "ballad", "hip_hop", "metal"):
        for seed in range(5):
            for part in song(name, seed, 40.0).parts:
                if part.stem != "vocals" or part.sound != "lead":
                    continue
                phrase_start = part.notes[0].time_s
                for note, following in zip(part.notes, part.notes[1:], strict=False):
                    if following.time_s - (note.time_s + note.duration_s) >= 0.2:
                        phrase_start = following.time_s
                    assert following.time_s - phrase_start < 13.0


def test_how_much_plays_over_many_songs():
    seconds, scores = 12.0, [song(name, 4 * i + seed) for i, name in enumerate(sorted(GENRES)) for seed in range(4)]
    drums = [share_of_time([(h.time_s, h.time_s + 0.3) for h in score.drum_hits], seconds) for score in scores]
    stems = {
        stem: [
            share_of_time(
                [(n.time_s, n.time_s + n.duration_s) for p in score.parts if p.stem == stem for n in p.notes], seconds
            )
            for score in scores
        ]
        for stem in ("bass", "other", "vocals")
    }
    assert 0.7 < np.mean(drums) < 0.97
    assert 0.55 < np.mean(stems["bass"]) < 0.92
    assert 0.65 < np.mean(stems["other"]) < 0.97
    assert 0.35 < np.mean(stems["vocals"]) < 0.7
    assert 0.65 < np.mean(np.array(stems["vocals"]) > 0) < 0.92  # some are instrumentals, some excerpts have nobody singing
    for name in ("bass", "other"):
        assert np.mean(np.array(stems[name]) > 0) > 0.9
    assert np.mean(np.array(drums) > 0) > 0.93


def test_excerpts_begin_in_the_middle_too():
    starts = [song(name, seed).sections[0].name for name in ("house", "pop", "jazz", "trap") for seed in range(8)]
    assert len(set(starts)) >= 5
    assert np.mean([start == "intro" for start in starts]) < 0.5


def _library(bars):
    entry = GrooveEntry(path="a.mid", style="rock", tempo_bpm=120.0, kind="beat", beats_per_bar=4)
    return GrooveLibrary((entry,), {"a.mid": Performance("a.mid", "rock", 120.0, 4, bars)})


def test_a_performance_is_played_as_it_was_recorded():
    strokes = ((0.013, "kick", 0.9, 0), (1.02, "snare", 0.8, 0), (2.49, "kick", 0.7, 0), (3.01, "snare", 0.85, 0))
    library = _library((strokes,) * 8)
    used, exact = 0, []
    for seed in range(30):
        score = compose("rock", seconds=10.0, rng=np.random.default_rng(seed), grooves=library, progressions=None)
        if score.tags["drums"] != "a.mid" or {section.drums for section in score.sections} != {"full"}:
            continue
        used += 1
        snares = np.array([hit.time_s for hit in score.drum_hits if hit.drum == "snare" and hit.time_s > score.downbeats_s[0]])
        places = ((snares - score.downbeats_s[0]) * score.tempo_bpm / 60) % 4
        off = np.minimum(np.abs(places - 1.02), np.abs(places - 3.01))
        exact += list(off < 1e-6)
    assert used > 3
    assert np.mean(exact) > 0.6  # the others are fills


def test_notes_that_touch_are_tied_and_overlaps_of_a_voice_cut():
    tied = tie_over([Tone(4, 4, 60, 0.5), Tone(0, 4, 60, 0.5), Tone(8, 4, 62, 0.5), Tone(13, 1, 60, 0.5)])
    assert [(tone.beat, tone.beats, tone.midi) for tone in tied] == [(0, 8, 60), (8, 4, 62), (13, 1, 60)]
    cut = monophonic([Tone(0, 3, 60, 0.5), Tone(1, 1, 62, 0.5), Tone(1, 2, 64, 0.5)])
    assert [(tone.beat, tone.beats, tone.midi) for tone in cut] == [(0, 1, 60), (1, 1, 62)]


def test_guitars_play_chords_that_hands_can_hold():
    assert power_chord(Chord(0, (0, 4, 7)), 4, 40) == (40, 47, 52)
    for key in range(12):
        for intervals in ((0, 4, 7), (0, 3, 7, 10), (0, 4, 7, 11, 14)):
            notes = guitar_chord(Chord(0, intervals), key)
            assert 4 <= len(notes) <= 6
            assert notes[0] % 12 == key
            assert min(np.diff(notes)) >= 3
            assert {note % 12 for note in notes} <= set(Chord(0, intervals).pitch_classes(key))


def test_an_unknown_genre_is_refused_with_the_names():
    with pytest.raises(UsageError, match=r"'polka' is unknown: use one of ambient, .*house"):
        compose("polka", seconds=10.0, rng=np.random.default_rng(0), grooves=None, progressions=None)


@pytest.mark.parametrize("seconds", [0.0, -3.0, float("nan"), float("inf")])
def test_a_song_without_length_is_refused(seconds):
    with pytest.raises(UsageError, match="seconds="):
        compose("house", seconds=seconds, rng=np.random.default_rng(0), grooves=None, progressions=None)


def test_four_minutes_are_composed_whole():
    score = song("rock", 1, 240.0)
    assert len(score.sections) >= 6
    assert score.drum_hits[-1].time_s > 200
