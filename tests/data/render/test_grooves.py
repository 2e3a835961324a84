import numpy as np
import pytest

from tfsep.data.render.grooves import GrooveEntry, GrooveLibrary
from tfsep.data.render.score import DRUM_CLASSES
from tfsep.errors import DataError

mido = pytest.importorskip("mido")
TICKS = 480


def write_midi(path, strokes, *, ticks_per_beat=TICKS):
    """Write (beat, note, velocity) strokes as a drum track; each is released after 10 ticks."""
    events = []
    for beat, note, velocity in strokes:
        start = round(beat * ticks_per_beat)
        events += [(start, "note_on", note, velocity), (start + 10, "note_off", note, 0)]
    midi = mido.MidiFile(type=0, ticks_per_beat=ticks_per_beat)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    now = 0
    for tick, kind, note, velocity in sorted(events):
        track.append(mido.Message(kind, channel=9, note=note, velocity=velocity, time=tick - now))
        now = tick
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.save(path)
    return path


def rock_bars(bars, swing=0.5):
    strokes = []
    for bar in range(bars):
        strokes += [(4 * bar + beat + step, 42, 80) for beat in range(4) for step in (0.0, swing)]
        strokes += [(4 * bar, 36, 110), (4 * bar + 2, 36, 100), (4 * bar + 1, 38, 120), (4 * bar + 3, 38, 118)]
    return strokes


def test_a_performance_keeps_time_touch_and_class(tmp_path):
    strokes = [
        (0.0, 36, 127),
        (1.02, 38, 64),
        (1.5, 22, 30),
        (2.0, 46, 90),
        (3.0, 51, 70),
        (3.5, 43, 100),
        (4.0, 49, 127),
        (4.3, 37, 50),
    ]
    write_midi(tmp_path / "drummer1__session1__1_rock_120_beat_4-4.mid", [*strokes, (5.0, 20, 100)])  # 20 is no drum
    library = GrooveLibrary.load(tmp_path)
    assert library.entries[0].style == "rock"
    played = library.performance(library.entries[0])
    assert (played.tempo_bpm, played.beats_per_bar, len(played.bars)) == (120.0, 4, 2)
    found = [(4 * index + offset, drum, velocity) for index, bar in enumerate(played.bars) for offset, drum, velocity, _ in bar]
    expected = ["kick", "snare", "closed_hat", "open_hat", "ride", "tom", "crash", "percussion"]
    assert [drum for _, drum, _ in found] == expected
    assert set(expected) <= set(DRUM_CLASSES)
    np.testing.assert_allclose([beat for beat, _, _ in found], [beat for beat, _, _ in strokes], atol=0.5 / TICKS)
    np.testing.assert_allclose([velocity * 127 for _, _, velocity in found], [velocity for _, _, velocity in strokes])


def test_a_stroke_just_before_the_bar_line_belongs_to_the_next_bar(tmp_path):
    write_midi(tmp_path / "d__1_rock_100_beat_4-4.mid", [(0.0, 36, 100), (3.95, 36, 100)])
    library = GrooveLibrary.load(tmp_path)
    first, second = library.performance(library.entries[0]).bars
    assert len(first) == 1
    assert second[0][0] == pytest.approx(-0.05)


@pytest.mark.parametrize(("swing", "expected"), [(0.5, 0.5), (2 / 3, 0.667), (0.6, 0.6)])
def test_swing_is_measured_on_the_eighths(tmp_path, swing, expected):
    write_midi(tmp_path / "d__1_jazz_100_beat_4-4.mid", rock_bars(4, swing))
    library = GrooveLibrary.load(tmp_path)
    assert library.performance(library.entries[0]).swing(8) == pytest.approx(expected, abs=0.005)


def test_choice_goes_by_style_meter_kind_and_nearness_of_tempo(tmp_path):
    for name in (
        "1_rock_100_beat_4-4",
        "2_rock_118_beat_4-4",
        "3_jazz_100_beat_4-4",
        "4_rock-indie_101_fill_4-4",
        "5_rock_100_beat_3-4",
    ):
        write_midi(tmp_path / f"d__{name}.mid", rock_bars(2))
    library = GrooveLibrary.load(tmp_path)
    rng = np.random.default_rng(0)
    wanted = {"tempo_bpm": 100.0, "beats_per_bar": 4, "rng": rng}
    names = [library.choose(styles=("rock",), kind="beat", **wanted).source for _ in range(100)]
    assert set(names) <= {"d__1_rock_100_beat_4-4.mid", "d__2_rock_118_beat_4-4.mid"}
    assert names.count("d__1_rock_100_beat_4-4.mid") > 70
    assert library.choose(styles=("rock",), kind="fill", **wanted).source.startswith("d__4")
    assert library.choose(styles=("funk",), kind="beat", **wanted) is None
    assert library.choose(styles=("rock",), kind="beat", **{**wanted, "tempo_bpm": 40.0}) is None


def test_a_file_is_read_when_it_is_chosen_and_only_once(tmp_path):
    file = write_midi(tmp_path / "deep" / "d__1_rock_100_beat_4-4.mid", rock_bars(1))
    library = GrooveLibrary.load(tmp_path)
    first = library.performance(library.entries[0])
    file.unlink()
    assert library.performance(library.entries[0]) is first


def test_a_damaged_file_is_an_error_that_names_it_only_when_it_is_read(tmp_path):
    bad = tmp_path / "d__1_rock_100_beat_4-4.mid"
    bad.write_bytes(b"this is not midi")
    library = GrooveLibrary.load(tmp_path)
    with pytest.raises(DataError, match=r"d__1_rock_100_beat_4-4\.mid: cannot be read as MIDI"):
        library.performance(library.entries[0])
    whole = write_midi(tmp_path / "d__2_rock_100_beat_4-4.mid", rock_bars(4)).read_bytes()
    for cut in (10, 30, len(whole) // 2):
        bad.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="d__1_rock"):
            GrooveLibrary.load(tmp_path).performance(library.entries[0])


def test_a_file_without_drums_is_an_error(tmp_path):
    write_midi(tmp_path / "d__1_rock_100_beat_4-4.mid", [(0.0, 100, 90)])
    library = GrooveLibrary.load(tmp_path)
    with pytest.raises(DataError, match="no drum stroke"):
        library.performance(library.entries[0])


def test_foreign_names_are_left_out_with_one_warning(tmp_path):
    write_midi(tmp_path / "d__1_rock_100_beat_4-4.mid", rock_bars(1))
    write_midi(tmp_path / "song.mid", rock_bars(1))
    write_midi(tmp_path / "other.mid", rock_bars(1))
    with pytest.warns(UserWarning, match="2 MIDI files with other names") as caught:
        library = GrooveLibrary.load(tmp_path)
    assert len(caught) == 1
    assert [entry.path.name for entry in library.entries] == ["d__1_rock_100_beat_4-4.mid"]


def test_a_missing_or_empty_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        GrooveLibrary.load(tmp_path / "none")
    with pytest.raises(DataError, match="holds no file named like"):
        GrooveLibrary.load(tmp_path)


def test_an_entry_that_vanished_is_an_error(tmp_path):
    entry = GrooveEntry(tmp_path / "gone.mid", "rock", 100.0, "beat", 4)
    with pytest.raises(DataError, match="gone"):
        GrooveLibrary((entry,)).performance(entry)
