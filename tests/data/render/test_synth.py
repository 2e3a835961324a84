import numpy as np
import pytest

from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.data.render.score import Note
from tfsep.data.render.synth import Patch, Synth, draw_patch, midi_hz
from tfsep.data.render.vocals import harmony
from tfsep.data.render.voice import draw_singer, sing, speech_envelope


def peak_hz(audio: np.ndarray, low_hz: float = 20.0) -> float:
    """Frequency of the strongest line of `(samples,)`, by a parabola through its neighbours."""
    size = 2**18
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    spectrum[: int(low_hz * size / SAMPLE_RATE)] = 0
    k = int(np.argmax(spectrum))
    left, middle, right = np.log(spectrum[k - 1 : k + 2] + 1e-12)
    return (k + 0.5 * (left - right) / (left - 2 * middle + right)) * SAMPLE_RATE / size


@pytest.mark.parametrize("wave", ["saw", "square", "triangle", "sine", "pulse"])
@pytest.mark.parametrize("midi", [33, 57, 81])
def test_wavetable_notes_have_the_right_pitch(wave, midi):
    table = Synth(Patch(wave=wave, cutoff_hz=15000), np.random.default_rng(0)).table(midi, 1.0)
    assert peak_hz(table[0]) == pytest.approx(midi_hz(midi), rel=1e-3)


def test_fm_without_modulation_is_a_sine():
    table = Synth(Patch(fm_ratio=2.0, fm_index=0.0), np.random.default_rng(0)).table(69, 1.0)
    assert peak_hz(table[0]) == pytest.approx(440, rel=1e-3)


def test_high_notes_do_not_alias():
    table = Synth(Patch(wave="saw", cutoff_hz=20000, slope=1.0), np.random.default_rng(0)).table(96, 1.0)[0]
    spectrum = np.abs(np.fft.rfft(table[4096:36864] * np.hanning(32768)))
    frequency = np.arange(len(spectrum)) * SAMPLE_RATE / 32768
    nearest = np.abs(frequency / midi_hz(96) - np.round(frequency / midi_hz(96))) * midi_hz(96)
    between_harmonics = (nearest > 60) & (frequency > 100)
    assert spectrum[between_harmonics].max() < 1e-3 * spectrum.max()


def test_filter_envelope_closes():
    table = Synth(Patch(cutoff_hz=500, sweep_octaves=4, sweep_s=0.1), np.random.default_rng(0)).table(45, 1.5)[0]

    def share_above_1_khz(piece):
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
        return spectrum[1000 * len(piece) // SAMPLE_RATE :].sum() / spectrum.sum()

    assert share_above_1_khz(table[:4000]) > 20 * share_above_1_khz(table[-4000:])


def test_line_slides_from_the_pitch_it_is_told():
    note = Note(time_s=0.0, duration_s=1.5, midi=57, velocity=0.9, glide_from_midi=69, glide_s=0.3)
    audio = Synth(Patch(wave="sine"), np.random.default_rng(0)).line((note,), 2 * SAMPLE_RATE)
    assert peak_hz(audio[0, 500:3500]) > 1.5 * midi_hz(57)
    assert peak_hz(audio[0, SAMPLE_RATE : SAMPLE_RATE + 20000]) == pytest.approx(midi_hz(57), rel=3e-3)


@pytest.mark.parametrize(
    "sound", ["sub", "synth", "synth-pluck", "synth-pad", "synth-lead", "synth-arp", "synth-chord", "organ", "keys"]
)
def test_drawn_patches_sound(sound):
    rng = np.random.default_rng(3)
    for _ in range(6):
        table = Synth(draw_patch(sound, rng), rng).table(48, 0.3)
        assert table.shape[0] in (1, 2)
        assert np.isfinite(table).all()
        assert 1e-3 < np.abs(table).max() < 100


def test_unknown_wave_is_named():
    with pytest.raises(ValueError, match="use one of saw"):
        Patch(wave="noise")


def notes(*pitches: int) -> tuple[Note, ...]:
    return tuple(Note(time_s=0.2 + 0.8 * i, duration_s=0.7, midi=midi, velocity=0.8) for i, midi in enumerate(pitches))


@pytest.mark.parametrize("speech", [False, True])
def test_singer_sings_the_notes(speech):
    rng = np.random.default_rng(4)
    singer = draw_singer(60, "lead", rng)
    clap = [speech_envelope(rng.standard_normal((1, SAMPLE_RATE)).astype(np.float32))]
    clap = [(clap[0][0], np.ones_like(clap[0][1]))]
    audio = sing(notes(57, 64), 2 * SAMPLE_RATE, singer, "lead", rng, clap if speech else None)
    assert np.isfinite(audio).all()
    for start_s, midi in ((0.45, 57), (1.25, 64)):
        piece = audio[int(start_s * SAMPLE_RATE) : int((start_s + 0.4) * SAMPLE_RATE)]
        correlation = np.fft.irfft(np.abs(np.fft.rfft(piece, 2**16)) ** 2)[:1000]
        lag = 60 + int(np.argmax(correlation[60:400]))
        octaves = np.log2(SAMPLE_RATE / lag / midi_hz(midi))
        assert abs(octaves - round(octaves)) < 0.06


def test_singer_is_silent_where_there_are_no_notes():
    rng = np.random.default_rng(5)
    audio = sing(notes(60), 4 * SAMPLE_RATE, draw_singer(60, "lead", rng), "lead", rng)
    assert np.abs(audio[2 * SAMPLE_RATE :]).max() < 1e-3 * np.abs(audio).max()


def test_harmony_stays_in_the_scale():
    line = notes(60, 62, 64, 65, 67, 69, 71, 72)
    thirds = [note.midi for note in harmony(line, 0, "major", 2)]
    assert thirds == [64, 65, 67, 69, 71, 72, 74, 76]
    assert [note.midi for note in harmony(line, 0, "major", -7)] == [note.midi - 12 for note in line]
