import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.catalogue.checks import Limits, check_song
from tfsep.data.catalogue.layout import PARTS, SongFolder
from tfsep.data.catalogue.measure import measure_song

RATE_HZ = 44_100


@pytest.fixture
def check(tmp_path, limits, save_song):
    """Return a function that writes stems and their mixture, or another, and gives the findings by check, and the lines."""

    def run(stems, mixture=None, change=None, suffix=".wav", limits=limits):
        folder = tmp_path / "song"
        shutil.rmtree(folder, ignore_errors=True)
        save_song(folder, stems, mixture=mixture, suffix=suffix)
        if change:
            change(folder)
        files = tuple(sorted((path.stem, path) for path in folder.iterdir() if path.stem in PARTS))
        found = check_song(measure_song(SongFolder(name="song", files=files)), limits)
        return sorted((finding.severity, finding.check) for finding in found), [finding.line for finding in found]

    return run


def write(path, samples, rate_hz=RATE_HZ, subtype=None):
    Audio(np.asarray(samples, np.float32), rate_hz).write(path, subtype=subtype)


def test_good_songs(check, stems_of):
    assert check(stems_of[0]) == ([], [])
    assert check({stem: np.repeat(x, 2, axis=1) for stem, x in stems_of[0].items()}, suffix=".flac") == ([], [])


def test_a_mixture_of_another_gain(check, stems_of):
    mixture = sum(stems_of[0].values())
    found, (line,) = check(stems_of[0], mixture * 0.5)
    assert found == [("error", "sum")]
    assert "6.02 dB softer than the sum of its stems, SNR 0.0 dB" in line
    assert "multiply the mixture by 2.0000" in line
    found, (line,) = check(stems_of[0], -mixture)
    assert found == [("error", "sum")]
    assert "inverted" in line


def test_a_mixture_that_lacks_a_stem(check, stems_of):
    """With equal gain the SNR is that of the mixture against the stem that it lacks."""
    stems = stems_of[0]
    mixture = stems["drums"] + stems["bass"] + stems["other"]
    expected_db = 10 * np.log10((mixture**2).sum() / (stems["vocals"] ** 2).sum())
    found, (line,) = check(stems, mixture)
    assert found == [("error", "sum")]
    assert f"is not the sum of its stems, SNR {expected_db:.1f} dB" in line


def test_a_mastered_mixture_is_a_warning(check, stems_of, rng):
    mixture = sum(stems_of[0].values())
    noise = rng.normal(size=mixture.shape) * np.sqrt((mixture**2).mean()) * 10 ** (-20 / 20)
    found, (line,) = check(stems_of[0], mixture + noise)
    assert found == [("warning", "sum")]
    assert "SNR 20.0 dB" in line


@pytest.mark.parametrize("lag", [1105, -300])
def test_a_late_mixture(check, stems_of, lag):
    found, (line,) = check(stems_of[0], np.roll(sum(stems_of[0].values()), lag, axis=0))
    assert found == [("error", "sum")]
    assert f"{abs(lag)} samples ({abs(lag) / 44.1:.1f} ms) {'later' if lag > 0 else 'earlier'}" in line


def test_silence(check, stems_of):
    silent = stems_of[0] | {"vocals": 0 * stems_of[0]["vocals"]}
    assert check(silent)[0] == [("warning", "silence")]
    noisy = stems_of[0] | {"vocals": np.roll(stems_of[0]["vocals"], 7) * np.float32(1e-3)}
    found, lines = check(noisy)
    assert found == [("warning", "silence")]
    assert "its loudest second has" in lines[0]
    found, lines = check({stem: 0 * x for stem, x in stems_of[0].items()})
    assert found == [("error", "silence")] + [("warning", "silence")] * 4
    assert "song: is digital silence" in lines[4]


def test_only_drums(check, stems_of):
    """A song may have nothing but drums: then the mixture is the drums, and that is no copy."""
    stems = {stem: x if stem == "drums" else 0 * x for stem, x in stems_of[0].items()}
    assert check(stems)[0] == [("warning", "silence")] * 3


def test_clipping(check, stems_of):
    drums = np.clip(stems_of[0]["drums"] * 40, -32767 / 32768, 32767 / 32768)
    other = 0.1 * stems_of[0]["other"]
    found, lines = check({"drums": drums, "other": other}, drums + other)
    assert ("error", "clipping") in found
    assert any("drums.wav" in line and "runs at full scale" in line for line in lines)
    few = stems_of[0]["drums"].copy()
    few[1000:1005] = 32767 / 32768
    found, lines = check(stems_of[0] | {"drums": few})
    assert set(found) == {("warning", "clipping")}
    assert any("drums.wav: 1 runs at full scale" in line for line in lines)


def test_peaks_beyond_full_scale(check, stems_of):
    def change(folder):
        for path in list(folder.iterdir()):
            write(path, 3 * Audio.read(path).samples, subtype="float32")

    found, lines = check(stems_of[0], change=change)
    assert set(found) == {("warning", "peak")}
    assert "turns all files of the song down" in lines[0]

    def louder(folder):
        for path in list(folder.iterdir()):
            write(path, 32768 * Audio.read(path).samples, subtype="float32")

    assert ("error", "peak") in check(stems_of[0], change=louder)[0]


@pytest.mark.parametrize(("offset", "severity"), [(0.01, "warning"), (-0.05, "error")])
def test_dc(check, stems_of, offset, severity):
    stems = stems_of[0] | {"bass": stems_of[0]["bass"] + np.float32(offset)}
    found, lines = check(stems)
    assert set(found) == {(severity, "offset")}
    assert any("bass.wav" in line and f"mean {offset:+.4f}" in line for line in lines)


def test_not_a_number(check, stems_of):
    def change(folder):
        write(folder / "drums.wav", stems_of[0]["drums"], subtype="float32")
        content = bytearray((folder / "drums.wav").read_bytes())
        content[-400:-396] = np.float32(np.nan).tobytes()
        (folder / "drums.wav").write_bytes(content)

    found, (line,) = check(stems_of[0], change=change)
    assert found == [("error", "readable")]
    assert "song/drums.wav: the sample at" in line
    assert "is NaN" in line


def test_files_that_cannot_be_read(check, stems_of):
    def change(folder):
        (folder / "drums.wav").write_bytes(b"RIFF")
        whole = (folder / "bass.wav").read_bytes()
        (folder / "bass.wav").write_bytes(whole[: 3 * len(whole) // 4])

    found, lines = check(stems_of[0], change=change)
    assert found == [("error", "length"), ("error", "readable"), ("error", "readable")]
    assert any("song/drums.wav: is not audio" in line for line in lines)
    assert any("bass.wav" in line and "earlier than its header says" in line for line in lines)


def test_rates_and_lengths(check, stems_of):
    def change(folder):
        write(folder / "drums.wav", stems_of[0]["drums"][::2], 22_050)
        write(folder / "bass.wav", stems_of[0]["bass"][:60_000])
        write(folder / "other.wav", stems_of[0]["other"][:500], 400)

    found, lines = check(stems_of[0], change=change)
    assert found == [("error", name) for name in ("duration", "length", "rate", "rate", "readable")]
    assert any("22050 Hz (allowed: 44100 to 192000 Hz)" in line for line in lines)
    assert any("bass 1.36 s" in line for line in lines)


def test_stems_that_are_copies(check, stems_of):
    stems = stems_of[0] | {"other": 0.5 * stems_of[0]["vocals"]}
    found, lines = check(stems)
    assert found == [("error", "copy")]
    assert "other and vocals are the same recording" in lines[0]
    mixture = sum(stems_of[0].values())
    found, lines = check(stems_of[0] | {"drums": mixture}, mixture)
    assert ("error", "copy") in found
    assert any("drums is the mixture" in line for line in lines)


def test_bleed(check, stems_of, limits):
    """Vocals that carry the drums at -20 dB, as a headphone leaks. In so short a song bass and other go together as well."""
    short = replace(limits, bleed_shortest_s=2.0)
    stems = stems_of[1] | {"vocals": stems_of[1]["vocals"] + np.float32(0.1) * stems_of[1]["drums"]}
    assert not any("drums and vocals go together" in line for line in check(stems_of[1], limits=short)[1])
    assert any(line.startswith("warning: song: drums and vocals go together") for line in check(stems, limits=short)[1])
    assert check(stems) == ([], [])
    drums, vocals = 2 * stems_of[1]["drums"], stems_of[1]["vocals"]
    stems["vocals"] = vocals + drums  # a track that is in both
    (line,) = [line for line in check(stems, limits=short)[1] if "drums and vocals go together" in line]
    expected_db = 10 * np.log10((drums**2).sum() / ((vocals + drums) ** 2).sum())
    assert line.startswith("error: ")
    assert float(re.search(r", (-[0-9.]+) dB of their energy", line)[1]) == pytest.approx(expected_db, abs=0.5)


@pytest.mark.parametrize(("first", "second"), [("drums", "vocals"), ("drums", "other"), ("bass", "vocals"), ("drums", "bass")])
def test_swapped_stems(check, stems_of, first, second):
    stems = stems_of[2]
    found, lines = check(stems | {first: stems[second], second: stems[first]})
    assert set(found) == {("warning", "swapped")}
    assert any(f"{first} (" in line and f"another stem, {second} (" in line for line in lines)


def test_lossy_files_are_told(check, stems_of):
    found, _ = check(stems_of[0], suffix=".mp3")
    assert found.count(("warning", "lossy")) == 5
    assert not any(severity == "error" for severity, _ in found)


@pytest.mark.parametrize(
    "fields",
    [{"lowest_rate_hz": 100}, {"shortest_s": 0.0}, {"sum_db": 10.0}, {"bleed_shortest_s": -1.0}, {"offset_error": 0.0}],
)
def test_limits(fields):
    with pytest.raises(ValueError, match=r"=.*: use"):
        Limits(**fields)
