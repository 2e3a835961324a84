from dataclasses import replace

import numpy as np
import pytest

from tfsep.data.render.arrange import BarPlan, SectionPlan, choose_window, plan_bars, plan_form
from tfsep.data.render.bass import BASS_STYLES, Bassist
from tfsep.data.render.comping import player_for
from tfsep.data.render.drummer import Drummer
from tfsep.data.render.genres import GENRES
from tfsep.data.render.harmony import MAJOR, Progression, parse_progression
from tfsep.data.render.melody import Tune, harmonise

SECTION = SectionPlan("verse", "A", 0, 8, "full", True, True, 1.0, 0.7, 0)


def bars(text="I vi IV V", *, section=SECTION, each=1.0, beats=4):
    progression: Progression = parse_progression(text, scale=MAJOR)
    return plan_bars((section,), {section.letter: (progression, each)}, beats)


def bassist(style, **changes):
    return Bassist(style, "electric", key=0, mode="major", rng=np.random.default_rng(3), **changes)


def drummer(genre, seed=0):
    return Drummer(GENRES[genre], tempo_bpm=120.0, beats_per_bar=4, grooves=None, rng=np.random.default_rng(seed))


def test_chords_are_laid_over_bars_and_half_bars():
    names = [[chord.name(0) for _, _, chord in bar.chords] for bar in bars()]
    assert names == [["C"], ["Am"], ["F"], ["G"]] * 2
    assert bars()[3].next_chord == bars()[0].chords[0][2]
    halves = bars(each=0.5)[1]
    assert [(offset, length, chord.name(0)) for offset, length, chord in halves.chords] == [(0.0, 2.0, "F"), (2.0, 2.0, "G")]
    assert halves.chord_at(1.9).name(0) == "F"
    assert halves.chord_at(2.0).name(0) == "G"
    waltz = bars(each=0.5, beats=3)[0]
    assert [(offset, length) for offset, length, _ in waltz.chords] == [(0.0, 2.0), (2.0, 1.0)]


@pytest.mark.parametrize("style", BASS_STYLES)
@pytest.mark.parametrize("beats", [3, 4])
def test_every_bass_style_stays_in_its_bars_and_range(style, beats):
    player = bassist(style)
    for bar in bars(each=0.5, beats=beats):
        for tone in player.bar(bar, [0.0, 1.5]):
            assert bar.start_beat <= tone.beat < bar.start_beat + beats
            assert tone.beat + tone.beats <= bar.start_beat + beats + 1e-9
            assert 27 <= tone.midi <= 60


def test_a_walking_bass_plays_each_beat_and_the_root_where_a_chord_begins():
    player = bassist("walking")
    for bar in bars():
        tones = player.bar(bar, [])
        assert {tone.beat - bar.start_beat for tone in tones} >= {0.0, 1.0, 2.0, 3.0}
        assert tones[0].midi % 12 == bar.chords[0][2].root
        leading = next(tone for tone in tones if tone.beat - bar.start_beat == 3.0)
        distance = (leading.midi - bar.next_chord.root) % 12
        assert min(distance, 12 - distance) <= 2  # a step from the next root


def test_a_locked_bass_plays_with_the_kick():
    tones = bassist("kick_lock").bar(bars()[0], [0.0, 0.75, 2.5])
    assert [tone.beat for tone in tones] == [0.0, 0.75, 2.5]


def test_an_unknown_style_or_role_is_refused():
    with pytest.raises(ValueError, match="style='polka'"):
        bassist("polka")
    song = {"key": 0, "mode": "major", "tempo_bpm": 100.0, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match="role='drone'"):
        player_for("drone", "", "pad", **song)
    with pytest.raises(ValueError, match="rhythm='polka'"):
        player_for("comp", "polka", "pad", **song)


def test_strums_go_down_from_the_lowest_string_and_up_from_the_highest():
    player = player_for("strum", "strum", "guitar-acoustic", key=0, mode="major", tempo_bpm=100.0, rng=np.random.default_rng(0))
    for bar in bars():
        strokes = {round(offset, 6): mark for offset, _, mark, _ in player.strokes(bar)}
        tones = player.bar(bar)
        for offset, mark in strokes.items():
            stroke = sorted((t for t in tones if 0 <= t.beat - bar.start_beat - offset < 0.2), key=lambda t: t.beat)
            pitches = [tone.midi for tone in stroke]
            assert pitches == sorted(pitches, reverse=mark == "U")
            assert len(pitches) >= 3


def test_a_build_grows_louder_and_denser():
    section = replace(SECTION, drums="build", bars=4)
    player = drummer("house")
    snares = [[hit for hit in player.bar(bar) if hit[1] == "snare"] for bar in bars(section=section)]
    assert len(snares[0]) < len(snares[-1])
    loud = [np.mean([velocity for _, _, velocity, _ in bar]) for bar in snares]
    assert loud == sorted(loud)


@pytest.mark.parametrize(
    ("mode", "allowed"), [("kick", {"kick"}), ("tops", {"closed_hat", "open_hat", "ride", "percussion"}), ("none", set())]
)
def test_reduced_drums_leave_the_rest_out(mode, allowed):
    player = drummer("house")
    assert {hit[1] for bar in bars(section=replace(SECTION, drums=mode)) for hit in player.bar(bar)} <= allowed


def test_fills_come_at_the_ends_of_phrases_only():
    """Rock patterns without fills have no toms; toms sound in every fourth bar at most."""
    with_toms = set()
    for seed in range(40):
        player = drummer("rock", seed)
        if "rock_tom" in player.pattern_names.values():
            continue
        with_toms |= {bar.in_section for bar in bars() if any(hit[1] == "tom" for hit in player.bar(bar))}
    assert with_toms == {3, 7}


def test_a_tune_returns_to_its_motif_and_harmony_runs_in_parallel():
    tune = Tune(
        key=0, mode="major", pace="song", low=57, high=76, phrase_bars=2, breath_beats=(1.0, 2.0), span=5,
        rng=np.random.default_rng(5),
    )  # fmt: skip
    section: list[BarPlan] = bars()
    tones = [tune.section(section) for _ in range(2)]
    rhythms = [{(round(t.beat % 8, 4), round(t.beats, 4)) for t in run if t.beat % 32 < 8} for run in tones]
    assert rhythms[0] == rhythms[1]
    lead = tones[0]
    second = harmonise(lead, 0, "major", lambda beat: section[int(beat // 4) % 8].chord_at(beat % 4), 2)
    assert {b.midi - a.midi for a, b in zip(lead, second, strict=True)} <= {3, 4}
    assert all(57 <= tone.midi <= 76 for tone in lead)


@pytest.mark.parametrize("name", ["pop", "house", "jazz", "ambient", "trap"])
def test_forms_are_long_enough_and_windows_fit(name):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        plans = plan_form(GENRES[name], 70, rng, with_vocals=seed % 2 == 0)
        assert sum(plan.bars for plan in plans) >= 70
        assert [plan.start_bar for plan in plans[1:]] == [plan.start_bar + plan.bars for plan in plans[:-1]]
        assert seed % 2 == 0 or not any(plan.vocals for plan in plans)
        start = choose_window(plans, 20.0, rng)
        assert 0 <= start <= sum(plan.bars for plan in plans) - 20.0
