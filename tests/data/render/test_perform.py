from dataclasses import replace

import numpy as np
import pytest

from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.data.render.kits import Kit
from tfsep.data.render.material import Material
from tfsep.data.render.mix import CEILING_DB, Master, balance, loudness_db, master, quantise
from tfsep.data.render.perform import fit_loop, perform
from tfsep.data.render.sampler import Sampler, playable
from tfsep.data.render.score import DrumHit, Note, Part
from tfsep.data.render.studio import play_notes

FLAT = Master(
    loudness_db=-14, low_shelf_db=0, high_shelf_db=0, tilt_hz=4000, glue_db=0, glue_ratio=2, glue_fall_db_s=60, clip=False
)


def noise_stems(seconds: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        s: rng.standard_normal((2, int(seconds * SAMPLE_RATE))).astype(np.float32) for s in ("drums", "bass", "other", "vocals")
    }


def test_performance_sounds_only_where_there_are_parts(material_folder, score):
    stems = perform(score, Material.load(material_folder), np.random.default_rng(0)).stems
    assert not stems["vocals"].any()
    for stem in ("drums", "bass", "other"):
        assert stems[stem].shape == (2, 3 * SAMPLE_RATE)
        assert np.isfinite(stems[stem]).all()
        assert np.abs(stems[stem]).max() > 0.01


def test_performance_is_the_same_for_the_same_seed(material_folder, score):
    material = Material.load(material_folder)
    first, again = (perform(score, m, np.random.default_rng(7)) for m in (material, Material.load(material_folder)))
    for stem in first.stems:
        np.testing.assert_array_equal(first.stems[stem], again.stems[stem])
    assert first.sources == again.sources
    other = perform(score, material, np.random.default_rng(8)).stems
    assert any(not np.array_equal(first.stems[stem], other[stem]) for stem in other)


@pytest.mark.parametrize("sound", ["lead", "choir", "chops"])
def test_vocal_parts_sound_in_the_vocal_stem_alone(material_folder, score, sound):
    notes = tuple(Note(time_s=t, duration_s=0.6, midi=60, velocity=0.8) for t in (0.2, 1.0, 1.8))
    sung = replace(score, parts=(Part(stem="vocals", sound=sound, notes=notes),), drum_hits=())
    stems = perform(sung, Material.load(material_folder), np.random.default_rng(1)).stems
    assert np.abs(stems["vocals"]).max() > 0.01
    assert not any(stems[stem].any() for stem in ("drums", "bass", "other"))


def test_hits_start_within_10_ms_of_their_time(material_folder):
    material = Material.load(material_folder)
    for seed, style in enumerate(("acoustic", "electronic", "mixed", "electronic")):
        for drum in ("kick", "snare", "closed_hat", "open_hat", "crash", "ride", "tom", "percussion"):
            dry, _ = Kit(material, style, np.random.default_rng(seed)).play(
                (DrumHit(time_s=0.5, drum=drum, velocity=0.9),), SAMPLE_RATE
            )
            level = np.abs(dry).max(axis=0)
            assert not level[: SAMPLE_RATE // 2].any()
            assert np.argmax(level > 0.2 * level[: int(0.6 * SAMPLE_RATE)].max()) / SAMPLE_RATE - 0.5 < 0.010, drum


def test_closed_hat_chokes_the_open_one(material_folder):
    hits = (DrumHit(time_s=0.1, drum="open_hat", velocity=0.9), DrumHit(time_s=0.3, drum="closed_hat", velocity=0.05))
    material = Material.load(material_folder)
    ringing, _ = Kit(material, "acoustic", np.random.default_rng(0)).play(hits[:1], SAMPLE_RATE)
    choked, _ = Kit(material, "acoustic", np.random.default_rng(0)).play(hits, SAMPLE_RATE)
    after = slice(int(0.45 * SAMPLE_RATE), None)
    assert (choked[:, after] ** 2).sum() < 0.01 * (ringing[:, after] ** 2).sum()


def test_louder_hits_are_louder_and_brighter(material_folder):
    kit = Kit(Material.load(material_folder), "acoustic", np.random.default_rng(0))

    def spectrum(velocity):
        dry, _ = kit.play((DrumHit(time_s=0.0, drum="kick", velocity=velocity),), SAMPLE_RATE // 2)
        return np.abs(np.fft.rfft(dry[0])) ** 2

    loud, soft = spectrum(1.0), spectrum(0.2)
    assert loud.sum() > 4 * soft.sum()
    assert loud[4000:].sum() / loud.sum() > soft[4000:].sum() / soft.sum()


def test_sampler_plays_notes_that_were_not_recorded(material_folder):
    material = Material.load(material_folder)
    sampler = Sampler(material, playable(material.folders("bass")["plain"]), 0.05)
    for midi in (33, 36, 43, 47):
        table = sampler.table(midi, 0.8)[0]
        spectrum = np.abs(np.fft.rfft(table * np.hanning(len(table)), 2**18))
        assert np.argmax(spectrum) * SAMPLE_RATE / 2**18 == pytest.approx(440 * 2 ** ((midi - 69) / 12), rel=5e-3)
    assert [s.name for s in sampler.sources] == ["m033", "m045"]


def test_notes_end_and_monophonic_lines_do_not_overlap(material_folder):
    material = Material.load(material_folder)
    sampler = Sampler(material, playable(material.folders("other/piano")["upright"]), 0.02)
    note = Note(time_s=0.1, duration_s=0.2, midi=57, velocity=0.8)
    audio = play_notes(sampler, (note,), SAMPLE_RATE, False)
    assert not audio[:, : int(0.1 * SAMPLE_RATE)].any()
    assert not audio[:, int(0.4 * SAMPLE_RATE) :].any()
    long = (replace(note, duration_s=0.8), replace(note, time_s=0.5, duration_s=0.1, midi=69))
    assert not play_notes(sampler, long, SAMPLE_RATE, True)[:, int(0.7 * SAMPLE_RATE) :].any()


@pytest.mark.parametrize(
    "settings", [FLAT, replace(FLAT, loudness_db=-4), replace(FLAT, loudness_db=-5, clip=True, glue_db=12)]
)
def test_mastering_is_one_gain_for_all_stems_and_never_clips(settings):
    stems = noise_stems()
    stems["vocals"] = np.zeros_like(stems["vocals"])
    stems["bass"] -= stems["drums"]  # stems that cancel: each is louder than the sum
    out = master(stems, settings)
    ceiling = 10 ** (CEILING_DB / 20) + 1e-4
    assert np.abs(sum(out.values())).max() <= ceiling
    gains = [out[stem] / stems[stem] for stem in ("drums", "bass", "other")]
    np.testing.assert_allclose(gains[0], gains[1], rtol=1e-3)
    np.testing.assert_allclose(gains[0], gains[2], rtol=1e-3)
    assert all(np.abs(audio).max() <= ceiling for audio in out.values())
    assert not out["vocals"].any()


def test_mastering_of_silence_is_silence():
    stems = {stem: np.zeros_like(audio) for stem, audio in noise_stems().items()}
    assert not any(audio.any() for audio in master(stems, FLAT).values())


def test_quantised_stems_sum_to_the_mixture():
    stems, mixture = quantise({stem: 0.1 * np.clip(audio, -2, 2) for stem, audio in noise_stems().items()})
    assert mixture.dtype == np.int16
    assert mixture.shape == (SAMPLE_RATE, 2)
    np.testing.assert_array_equal(sum(audio.astype(int) for audio in stems.values()), mixture)


def test_loudness_of_a_sine_at_1_khz():
    """ITU-R BS.1770-4: a full-scale 997 Hz sine in one channel reads -3.01 LKFS; both channels add 3.01 dB, and the constant
    of -0.691 dB cancels the weighting's gain at that frequency."""
    sine = np.sin(2 * np.pi * 997 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    assert loudness_db(np.stack([sine, sine])) - 0.691 == pytest.approx(0.0, abs=0.35)
    assert loudness_db(np.zeros((2, SAMPLE_RATE))) == -120


def test_balance_keeps_silence():
    stems = noise_stems()
    stems["vocals"] = np.zeros_like(stems["vocals"])
    balanced = balance(stems, np.random.default_rng(0))
    assert not balanced["vocals"].any()
    levels = [loudness_db(balanced[stem]) for stem in ("drums", "bass", "other")]
    assert all(-35 < level < -10 for level in levels)


@pytest.mark.parametrize(
    ("seconds", "name", "tempo", "expected"),
    [
        (4.0, "Drums_120BPM", 120.0, (1.0, 8)),
        (4.0, "120-crossed", 132.0, (1.1, 8)),
        (4.0, "Drums_120BPM", 170.0, None),
        (4.0, "Drums_5-8_75BPM", 75.0, None),  # five eighths are not four beats
        (1.9, "loop_any", 120.0, (0.95, 4)),
        (3.0, "loop_any", 120.0, None),
    ],
)
def test_loops_are_fitted_to_whole_bars(seconds, name, tempo, expected):
    fit = fit_loop(seconds, name, tempo)
    assert (fit is None) == (expected is None)
    if fit:
        assert fit == pytest.approx(expected)
