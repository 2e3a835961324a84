import numpy as np
import pytest

from tfsep.audio import Audio, read_info, read_stem_atom
from tfsep.creative.mashup import MashupSettings, mash_up
from tfsep.creative.mashup.page import write_mashup_page
from tfsep.creative.mashup.plot import check_plot, write_plot
from tfsep.errors import AudioError, UsageError

RATE_HZ = 16_000


def files_below(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def beat_errors_s(stem: np.ndarray, beats_s: np.ndarray) -> np.ndarray:
    """Return how late the loudest 10 ms near each beat begin."""
    power = np.convolve((stem.mean(axis=1)) ** 2, np.ones(160) / 160, "full")[159:]
    errors = []
    for beat_s in beats_s:
        near = slice(round((beat_s - 0.06) * RATE_HZ), round((beat_s + 0.06) * RATE_HZ))
        errors.append((near.start + power[near].argmax()) / RATE_HZ - beat_s)
    return np.array(errors)


def test_beats_of_b_land_on_those_of_a(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120, first_s=0.1), make_song("b.wav", 108, first_s=0.35, root=2)
    settings = MashupSettings(drums="A", bass="B", other="B", vocals="B", tempo_a=120, tempo_b=108)
    result = mash_up(a, b, tmp_path / "out", settings, separator=separator)
    assert result.bpm == pytest.approx(120, rel=2e-3)
    deck_a, deck_b = result.decks
    assert deck_a.speed == pytest.approx(1)
    assert deck_b.speed == pytest.approx(120 / 108, rel=5e-3)
    for deck, first_s, bpm in ((deck_a, 0.1, 120), (deck_b, 0.35, 108)):
        off = (deck.beats_s - first_s) * bpm / 60
        assert np.abs(off - np.rint(off)).max() * 60 / bpm < 0.02
    drums = Audio.read(result.files["drums"]).samples
    errors = beat_errors_s(drums, deck_a.output_s[1:-1])
    assert np.abs(np.median(errors)) < 0.015


def test_stretched_drums_land_on_the_beats_of_a(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120, first_s=0.1), make_song("b.wav", 108, first_s=0.35)
    settings = MashupSettings(drums="B", bass="A", other="A", vocals="A", stretch="B", tempo_a=120, tempo_b=108)
    result = mash_up(a, b, tmp_path, settings, separator=separator)
    deck_a, deck_b = result.decks
    assert deck_b.speed == pytest.approx(120 / 108, rel=5e-3)
    np.testing.assert_array_equal(deck_a.output_s, deck_b.output_s)
    errors = beat_errors_s(Audio.read(result.files["drums"]).samples, deck_a.output_s[1:-1])
    assert len(errors) >= 11
    assert np.abs(np.median(errors)) < 0.015
    assert np.percentile(np.abs(errors), 90) < 0.03


@pytest.mark.parametrize(("semitones", "shifted_hz"), [(2, 493.88), (-2, 392.0)])
def test_a_shifted_stem_has_the_pitch_that_is_asked_for(make_song, separator, tmp_path, semitones, shifted_hz):
    a, b = make_song("a.wav", 120), make_song("b.wav", 108)
    song = Audio.read(b).samples
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(len(song)) / RATE_HZ, dtype=np.float32)
    Audio(song + tone[:, None], RATE_HZ).write(b, "float32")
    settings = MashupSettings(key_shift=semitones, tempo_a=120, tempo_b=108)
    other = Audio.read(mash_up(a, b, tmp_path, settings, separator=separator).files["other"]).samples.mean(axis=1)
    spectrum = np.abs(np.fft.rfft(other * np.hanning(len(other)), 1 << 20))
    peak_hz = spectrum.argmax() * RATE_HZ / (1 << 20)
    assert abs(1200 * np.log2(peak_hz / shifted_hz)) < 5  # cents


def test_stems_sum_to_the_mix_in_every_file(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120), make_song("b.wav", 120, rate_hz=22_050)
    result = mash_up(a, b, tmp_path / "out", MashupSettings(bars=2, key_shift=1), separator=separator, format="flac")
    mix = Audio.read(result.files["mix"])
    assert mix.sample_rate_hz == RATE_HZ
    assert len(mix.samples) == round(result.duration_s * RATE_HZ)
    stems = [Audio.read(result.files[stem]).samples for stem in ("drums", "bass", "other", "vocals")]
    np.testing.assert_array_equal(np.sum(stems, axis=0), mix.samples)
    assert all(np.abs(stem).max() > 1e-3 for stem in stems)
    assert files_below(tmp_path / "out") == sorted(path.name for path in result.files.values())
    assert [stem["name"] for stem in read_stem_atom(result.files["stem.mp4"])["stems"]] == ["Drums", "Bass", "Other", "Vocals"]
    assert read_info(result.files["stem.mp4"]).streams == 5


def test_the_deck_that_is_not_stretched_plays_as_it_is(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 118), make_song("b.wav", 124)
    result = mash_up(a, b, tmp_path, MashupSettings(bars=3, stretch="A"), separator=separator)
    assert result.bpm == pytest.approx(result.decks[1].deck.beats.bpm)
    first = round(result.decks[1].beats_s[0] * RATE_HZ)
    played = Audio.read(result.files["other"]).samples
    song = separator.separate(b)["other"].samples[first : first + len(played)]
    inner = slice(1000, -1000)
    gain = (played[inner] * song[inner]).sum() / (song[inner] ** 2).sum()
    np.testing.assert_allclose(played[inner], gain * song[inner], atol=2e-4)


def test_both_decks_at_another_tempo(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 118), make_song("b.wav", 124)
    result = mash_up(a, b, tmp_path, MashupSettings(bars=3, bpm=121), separator=separator)
    assert result.bpm == pytest.approx(121)
    assert result.duration_s == pytest.approx(3 * 4 * 60 / 121, abs=1e-3)


def test_loudness_is_matched_and_peaks_are_held(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120), make_song("b.wav", 120)
    louder = Audio.read(b)
    Audio(20 * louder.samples, RATE_HZ).write(b, "float32")
    result = mash_up(a, b, tmp_path / "out", MashupSettings(bars=2), separator=separator)
    assert result.decks[1].gain_db == pytest.approx(-26, abs=0.3)
    assert np.abs(Audio.read(result.files["mix"]).samples).max() <= 10 ** (-0.7 / 20)


def test_nothing_is_overwritten(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120), make_song("b.wav", 120)
    first = mash_up(a, b, tmp_path / "out", MashupSettings(bars=1), separator=separator)
    before = first.files["mix"].read_bytes()
    with pytest.raises(UsageError, match=r"mix\.wav: is there already: use --overwrite"):
        mash_up(a, b, tmp_path / "out", MashupSettings(bars=2), separator=separator)
    assert first.files["mix"].read_bytes() == before
    mash_up(a, b, tmp_path / "out", MashupSettings(bars=2), separator=separator, overwrite=True)
    assert first.files["mix"].read_bytes() != before


def silent(song: np.ndarray) -> np.ndarray:
    return 0 * song


def short(song: np.ndarray) -> np.ndarray:
    return song[: round(1.5 * RATE_HZ)]


@pytest.mark.parametrize(("change", "message"), [(silent, r"b\.wav: is silent"), (short, r"b\.wav: 1\.5 s hold no whole bar")])
def test_songs_that_cannot_be_used_leave_nothing(make_song, separator, tmp_path, change, message):
    a, b = make_song("a.wav", 120), make_song("b.wav", 120)
    Audio(change(Audio.read(b).samples), RATE_HZ).write(b, "float32")
    with pytest.raises(AudioError, match=message):
        mash_up(a, b, tmp_path / "out", separator=separator)
    assert files_below(tmp_path) == ["a.wav", "b.wav"]
    assert not (tmp_path / "out" / "a_x_b").exists()


def test_a_song_without_drums_cannot_give_them(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120), tmp_path / "b.wav"
    tone = 0.1 * np.sin(2 * np.pi * 400 * np.arange(6 * RATE_HZ) / RATE_HZ)
    Audio(tone[:, None].astype(np.float32), RATE_HZ).write(b, "float32")
    with pytest.raises(AudioError, match=r"b\.wav: there is no sound in its drums, which deck B is to play"):
        mash_up(a, b, tmp_path, MashupSettings(drums="B", bass="A", other="A", vocals="A"), separator=separator)


def test_a_song_without_drums_can_take_them(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120), make_song("b.wav", 120, drums=False)
    assert mash_up(a, b, tmp_path, MashupSettings(bars=2, tempo_b=120), separator=separator).alignment.bars == 2


def test_five_seconds_are_enough(make_song, separator, tmp_path):
    a, b = make_song("a.wav", 120, seconds=5), make_song("b.wav", 120)
    assert 1 <= mash_up(a, b, tmp_path, separator=separator).alignment.bars <= 2


def test_a_song_without_beats_is_pointed_out(make_song, separator, tmp_path, rng):
    a, b = make_song("a.wav", 120), tmp_path / "b.wav"
    Audio(rng.normal(0, 0.1, (8 * RATE_HZ, 2)).astype(np.float32), RATE_HZ).write(b, "float32")
    result = mash_up(a, b, tmp_path, MashupSettings(tempo_b=120), separator=separator)
    assert any("b.wav: hardly any beat was found" in note for note in result.notes)


def test_the_picture(make_song, separator, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "plot.png"
    check_plot(path, overwrite=False)
    a, b = make_song("Bada$$ - X.wav", 120), make_song("5$^_{.wav", 110)
    result = mash_up(a, b, tmp_path, MashupSettings(bars=3), separator=separator)
    write_plot(path, result)
    page = tmp_path / "page.html"
    write_mashup_page(page, result)
    html = page.read_text("utf-8")
    assert html.count("<audio") == 7  # the mix, four stems, two songs
    assert html.count("data:image/png;base64,") == 11  # the picture, and five spectrograms for light and for dark pages
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="is there already"):
        check_plot(path, overwrite=False)
    check_plot(path, overwrite=True)
    with pytest.raises(UsageError, match=r"name it something\.png"):
        check_plot(tmp_path / "plot.jpg", overwrite=False)
    with pytest.raises(UsageError, match=r"there is no folder .*missing: make it first"):
        check_plot(tmp_path / "missing" / "plot.png", overwrite=False)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_plot(tmp_path / "folder.png", overwrite=True)
