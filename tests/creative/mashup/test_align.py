from dataclasses import replace

import numpy as np
import pytest

from tfsep.creative.mashup.align import Bars, align, matched_beats
from tfsep.creative.mashup.beats import BeatGrid
from tfsep.creative.mashup.settings import MashupSettings
from tfsep.errors import UsageError


def grid(bpm: float, first_downbeat: int = 1, beats: int = 41) -> BeatGrid:
    return BeatGrid(np.arange(beats) * 60 / bpm + 0.2, first_downbeat, True, 0.8, 0.9)


def bars(count: int, phrase: int = 0, quiet: slice = slice(0)) -> Bars:
    levels = np.ones(count)
    levels[quiet] = 0.05
    return Bars(levels, np.zeros((count, 12)), phrase)


@pytest.mark.parametrize(
    ("bpm", "wanted", "matched"), [(120, 126, 120), (70, 140, 140), (174, 88, 87), (90, 130, 180), (60, 88, 120)]
)
def test_half_and_double_time(bpm, wanted, matched):
    result = matched_beats(grid(bpm), wanted, "b.wav")
    assert result.bpm == pytest.approx(matched)
    assert set(np.round(result.bar_lines_s(), 6)) & set(np.round(grid(bpm).bar_lines_s(), 6))
    assert result.bar_lines_s()[0] == pytest.approx(grid(bpm).bar_lines_s()[0])


def test_tempi_too_far_apart():
    with pytest.raises(UsageError, match=r"b\.wav: 50\.0 BPM .* half or double time: use .* --bpm 100"):
        matched_beats(grid(50), 200, "b.wav")


def test_a_song_too_short_for_half_time():
    with pytest.raises(UsageError, match=r"b\.wav: holds no whole bar at half time, 70\.0 BPM: .* --bpm 140"):
        matched_beats(grid(140, first_downbeat=3, beats=9), 75, "b.wav")


def test_bars_are_whole():
    assert grid(120).bars == 9
    assert grid(120, first_downbeat=0).bars == 10
    assert grid(120, first_downbeat=2).bars == 9
    assert len(grid(120).bar_lines_s()) == 10
    assert replace(grid(120), beats_s=np.arange(4) * 0.5).bars == 0


def test_loud_bars_are_brought_together():
    found = align(bars(32, quiet=slice(0, 8)), bars(24), MashupSettings(), (0, 0))
    assert (found.start_a, found.start_b, found.bars) == (8, 0, 24)


def test_phrases_begin_together():
    found = align(bars(40, phrase=3), bars(40, phrase=1), MashupSettings(bars=16), (0, 0))
    assert (found.start_a - 3) % 8 == 0
    assert (found.start_b - 1) % 8 == 0
    assert found.bars == 16


@pytest.mark.parametrize("length", [16, 17, 18, 20])
def test_a_length_that_fits_no_phrase(length):
    found = align(bars(20, phrase=4), bars(20, phrase=4), MashupSettings(bars=length), (0, 0))
    assert found.bars == length
    assert found.start_a == (4 if length == 16 else found.start_b)
    assert max(found.start_a, found.start_b) + length <= 20


@pytest.mark.parametrize("semitones", [0, 2])
def test_harmony_decides_where_nothing_else_does(semitones):
    chords = np.eye(12)
    a = Bars(np.ones(4), chords[[0, 5, 7, 0]], 0)
    order = [2, 2, 3, 10, 1, 1, 6, 6, 0, 5, 7, 0]  # from the ninth bar on that of a
    b = Bars(np.ones(12), np.roll(chords[order], -semitones, axis=1), 0)
    assert align(a, b, MashupSettings(bars=4, start_a=1), (0, semitones)).start_b == 8


def test_sections_that_are_asked_for():
    found = align(bars(20), bars(20), MashupSettings(start_a=5, start_b=9, bars=4), (0, 0))
    assert (found.start_a, found.start_b, found.bars) == (4, 8, 4)
    assert align(bars(20), bars(20), MashupSettings(start_a=5, start_b=9), (0, 0)).bars == 12


@pytest.mark.parametrize("section", [{"start_a": 21}, {"start_b": 18, "bars": 4}, {"bars": 30}])
def test_sections_beyond_the_song(section):
    with pytest.raises(UsageError, match=r"whole bars: choose a section"):
        align(bars(20), bars(20), MashupSettings(**section), (0, 0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"drums": "C"}, "--drums C: use A, B or none"),
        ({"drums": "B"}, "no stem comes from deck A"),
        ({"stretch": "none"}, "--stretch none: use A or B"),
        ({"bpm": 300.0}, "--bpm 300: use 40 to 250"),
        ({"tempo_a": 10.0}, "--tempo-a 10: use 40 to 250"),
        ({"key_shift": 3}, "--key-shift 3: use auto or -2 to 2"),
        ({"bars": 0}, "--bars 0: use 1 or more"),
    ],
)
def test_settings_that_cannot_be_followed(settings, message):
    with pytest.raises(UsageError, match=message):
        MashupSettings(**settings)
