import re

import numpy as np
import pytest

from tfsep.audio import Audio, read_info
from tfsep.creative.enhance import enhance_file
from tfsep.errors import AudioError, UsageError


def test_a_file_is_restored_beside_it(enhancer, narrow, write):
    source, told = write("song.wav", narrow.samples), []
    result = enhance_file(source, enhancer=enhancer, progress=lambda what, share: told.append((what, share)))
    assert result.path == source.with_name("song.enhanced.wav")
    assert result.cutoff_hz == pytest.approx(6000, abs=200)
    assert Audio.read(result.path).samples.shape == narrow.samples.shape
    assert [what for what, share in told if share == 1.0] == ["listening", "restoring"]


def test_an_8_khz_file_comes_out_at_44_khz(enhancer, narrow, write, tmp_path):
    source = write("call.flac", narrow.samples[::6], 8000)
    result = enhance_file(source, tmp_path / "wide.flac", enhancer=enhancer)
    assert read_info(result.path).sample_rate_hz == 44_100


@pytest.mark.parametrize(("name", "level", "message"), [("silent.wav", 0.0, "is silent"), ("full.wav", 0.1, "it is full-band")])
def test_what_needs_nothing_is_left_alone(enhancer, rng, write, name, level, message):
    source = write(name, (level * rng.normal(0, 1, (44_100, 1))).astype(np.float32))
    result = enhance_file(source, enhancer=enhancer)
    assert result.path is None
    assert message in result.note
    assert [path.name for path in source.parent.iterdir()] == [name]


def test_sound_that_ends_low_is_left_alone(enhancer, write):
    tone = 0.5 * np.sin(2 * np.pi * 400 * np.arange(44_100) / 44_100)[:, np.newaxis]
    result = enhance_file(write("hum.wav", tone.astype(np.float32)), enhancer=enhancer)
    assert result.path is None
    assert "below the 2500 Hz" in result.note
    assert "--cutoff" not in result.note


def test_a_cutoff_above_where_the_sound_ends(enhancer, narrow, write, tmp_path):
    """What is continued is the octave below the cutoff: there is nothing in it, or not enough."""
    source, silent = write("song.wav", narrow.samples), write("silent.wav", 0 * narrow.samples[:44_100])
    for path, cutoff_hz, said in (
        (source, 6000.0, None),
        (source, 8000.0, r"song\.wav: ends at \d+ Hz, below --cutoff 8000"),
        (silent, 8000.0, r"silent\.wav: is silent"),
    ):
        result = enhance_file(path, enhancer=enhancer, cutoff_hz=cutoff_hz, overwrite=True)
        assert result.path.is_file()
        assert len(result.warnings) == (said is not None)
        assert said is None or re.search(said, result.warnings[0])
    call = write("call.wav", narrow.samples[::6], 8000)
    with pytest.raises(UsageError, match=r"--cutoff 6000: sound at 8000 Hz goes up to 4000 Hz"):
        enhance_file(call, enhancer=enhancer, cutoff_hz=6000.0)
    assert not (tmp_path / "call.enhanced.wav").exists()


def test_nothing_is_overwritten(enhancer, narrow, write, tmp_path):
    source = write("song.wav", narrow.samples)
    there = write("song.enhanced.wav", narrow.samples[:10])
    with pytest.raises(UsageError, match="is there already: add --overwrite"):
        enhance_file(source, enhancer=enhancer)
    assert len(Audio.read(there).samples) == 10
    enhance_file(source, enhancer=enhancer, overwrite=True)
    assert len(Audio.read(there).samples) == len(narrow.samples)
    with pytest.raises(UsageError, match="is the file that is to be enhanced"):
        enhance_file(source, tmp_path / "." / "song.wav", enhancer=enhancer, overwrite=True)


def test_unreadable_files_and_places_leave_nothing(enhancer, narrow, write, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        enhance_file(broken, enhancer=enhancer)
    source = write("song.wav", narrow.samples)
    with pytest.raises(AudioError, match="does not exist"):
        enhance_file(source, tmp_path / "none" / "out.wav", enhancer=enhancer)
    with pytest.raises(UsageError, match="cannot be written: use"):
        enhance_file(source, tmp_path / "out.txt", enhancer=enhancer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.wav", "song.wav"]
