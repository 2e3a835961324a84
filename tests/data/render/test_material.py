import csv

import numpy as np
import pytest
import soundfile

from tfsep.data.render import material as material_module
from tfsep.data.render.kits import suits
from tfsep.data.render.material import Material, Sample, estimate_note, note_number, trim
from tfsep.errors import AudioError, DataError

RATE = 44100


def append_row(folder, path, role, grade="A"):
    with (folder / "manifest.csv").open("a", newline="") as file:
        csv.writer(file).writerow([path, role, "CC0-1.0", "nobody", grade])


@pytest.mark.parametrize(
    ("name", "midi"),
    [
        ("m060_v84", 60),
        ("m033", 33),
        ("femalevoice_aa_Db4", 61),
        ("malevoice_oo_C_4", 61),
        ("piano_Eb5", 75),
        ("piano_F_3", 54),
        ("femalevoices_oo2_c6", 84),
        ("ahntone_c4_2", 60),
        ("hat-01", None),
        ("kick_1", None),
        ("vocal_hum_1", None),
    ],
)
def test_notes_are_read_from_names(name, midi):
    assert note_number(name) == midi


@pytest.mark.parametrize("midi", [31, 45.3, 60, 77.5])
def test_pitch_is_estimated(midi):
    time_s = np.arange(RATE) / RATE
    phase = 2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * time_s
    tone = sum(np.sin(n * phase) / n for n in range(1, 8)) * np.exp(-2 * time_s)
    assert estimate_note(tone[None]) == pytest.approx(midi, abs=0.1)


def test_noise_has_no_pitch():
    assert estimate_note(np.random.default_rng(0).standard_normal((1, RATE))) is None


def test_trim_starts_at_the_attack_and_scales_to_one():
    audio = np.zeros((2, RATE), np.float32)
    audio[:, 5000:9000] = 0.25 * np.random.default_rng(0).standard_normal((2, 4000))
    piece = trim(audio)
    assert 4000 <= piece.shape[1] <= 4100
    assert np.abs(piece).max() == pytest.approx(1, abs=0.05)
    assert trim(np.zeros((1, 100), np.float32)).shape == (1, 1)


def test_index_by_role(material_folder):
    material = Material.load(material_folder)
    assert list(material.folders("drums/snare")) == ["kit"]
    assert [s.name for s in material.folders("bass")["plain"]] == ["m033", "m040", "m045"]
    assert material.folders("drums/tom") == {}


def test_grade_b_and_sampled_breaks_are_left_out(material_folder):
    source = (material_folder / "drums/kick/kit/kick_1.wav").read_bytes()
    for name in ("grade_b", "break_amen_1", "cajon_flamenco"):
        (material_folder / f"drums/kick/kit/{name}.wav").write_bytes(source)
    append_row(material_folder, "drums/kick/kit/grade_b.wav", "drums/kick", "B")
    append_row(material_folder, "drums/kick/kit/break_amen_1.wav", "drums/kick")
    append_row(material_folder, "drums/kick/kit/cajon_flamenco.wav", "drums/kick")

    def names(**options):
        return [s.name for s in Material.load(material_folder, **options).folders("drums/kick")["kit"]]

    assert names() == ["cajon_flamenco", "kick_1"]
    assert names(grade_b=True) == ["cajon_flamenco", "grade_b", "kick_1"]


def test_missing_manifest_row_and_column_are_named(tmp_path, material_folder):
    with pytest.raises(DataError, match=r"no manifest\.csv"):
        Material.load(tmp_path)
    append_row(material_folder, "drums/kick/kit/gone.wav", "drums/kick")
    with pytest.raises(DataError, match=r"line 15: drums/kick/kit/gone\.wav does not exist"):
        Material.load(material_folder)
    (material_folder / "manifest.csv").write_text("path,role\n")
    with pytest.raises(DataError, match="licence, licence_confidence is missing"):
        Material.load(material_folder)
    (material_folder / "manifest.csv").write_text("path,role,licence,licence_confidence\n")
    with pytest.raises(DataError, match="no row can be used"):
        Material.load(material_folder)


def test_undecodable_and_non_finite_files_are_named(material_folder):
    (material_folder / "drums/kick/kit/kick_1.wav").write_bytes(b"not audio")
    soundfile.write(material_folder / "drums/cymbal/kit/crash.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    material = Material.load(material_folder)
    with pytest.raises(AudioError, match=r"kick_1\.wav: cannot be decoded"):
        material.audio(material.folders("drums/kick")["kit"][0])
    with pytest.raises(AudioError, match="not numbers"):
        material.audio(material.folders("drums/cymbal")["kit"][0])


def test_other_rates_are_resampled_and_the_cache_is_bounded(material_folder, monkeypatch):
    time_s = np.arange(24000) / 48000
    soundfile.write(material_folder / "bass/plain/m033.wav", np.sin(2 * np.pi * 55 * time_s), 48000)
    material = Material.load(material_folder)
    low, middle, high = material.folders("bass")["plain"]
    first = material.audio(low)
    assert first.shape[1] == pytest.approx(RATE / 2, abs=200)
    assert material.audio(low) is first
    monkeypatch.setattr(material_module, "CACHE_BYTES", 300_000)
    material.audio(middle)
    material.audio(high)
    again = material.audio(low)
    assert again is not first
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize(
    ("name", "drum"),
    [
        ("hihat-closed", "closed_hat"),
        ("hhopen-2", "open_hat"),
        ("k46_v112", "open_hat"),
        ("k42_v70", "closed_hat"),
        ("half_open_3", "open_hat"),
        ("half_closed_1", "closed_hat"),
        ("distkit-hatclsd", "closed_hat"),
        ("ch-lofi", "closed_hat"),
        ("oh00-lofi", "open_hat"),
        ("ride-01", "ride"),
        ("CrashL_1", "crash"),
        ("k51_v108", "ride"),
        ("china_cymbal1", "crash"),
    ],
)
def test_hats_and_cymbals_are_told_by_name(material_folder, name, drum):
    role = "drums/hat" if "hat" in drum else "drums/cymbal"
    sample = Sample(path=f"{role}/kit/{name}.flac", role=role, folder="kit", licence="", attribution="")
    other = {"closed_hat": "open_hat", "open_hat": "closed_hat", "ride": "crash", "crash": "ride"}[drum]
    material = Material.load(material_folder)
    assert suits(sample, material, drum, 0)
    assert not suits(sample, material, other, 0)


def test_hats_without_a_telling_name_are_told_by_their_decay(material_folder):
    for name, source in (("one", "hat-closed"), ("two", "hat-open")):
        (material_folder / f"drums/hat/kit/{name}.wav").write_bytes(
            (material_folder / f"drums/hat/kit/{source}.wav").read_bytes()
        )
        append_row(material_folder, f"drums/hat/kit/{name}.wav", "drums/hat")
    material = Material.load(material_folder)
    hats = {s.name: s for s in material.folders("drums/hat")["kit"]}
    assert suits(hats["one"], material, "closed_hat", 0)
    assert suits(hats["two"], material, "open_hat", 0)
