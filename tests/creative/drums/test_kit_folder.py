import numpy as np
import pytest

from tfsep.audio import Audio, AudioReader
from tfsep.creative.drums import kit_folder
from tfsep.creative.drums.kit_folder import KitFolder
from tfsep.dsp.hit_grid import ONSET_SAMPLES
from tfsep.errors import AudioError, DataError


def write(path, seconds=0.2, level=0.5, rate=44_100, decay_s=0.03, channels=1):
    time_s = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal((len(time_s), channels)) * np.exp(-time_s / decay_s)[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    Audio((level * noise / np.abs(noise).max()).astype(np.float32), rate).write(path)


def test_names_tell_the_drums(tmp_path):
    for name in ("Kick 01.wav", "snares/dry.wav", "hat closed.wav", "hat open.wav", "crash.wav", "cowbell.wav"):
        write(tmp_path / name)
    write(tmp_path / "hh_long.flac", seconds=1.5, decay_s=0.5, rate=48_000, channels=2)
    kit = KitFolder.read(tmp_path, 44_100)
    assert {drum: len(clips) for drum, clips in kit.clips.items()} == {
        "kick": 1, "snare": 1, "closed_hat": 1, "open_hat": 2, "cymbal": 1, "percussion": 1,
    }  # fmt: skip
    assert kit.missing == ("tom",)
    for clips in kit.clips.values():
        for clip in clips:
            assert np.abs(clip).max() == pytest.approx(1, abs=1e-6)
            assert np.argmax(np.abs(clip) > 1 / 30) == ONSET_SAMPLES


def test_loops_are_cut(tmp_path):
    write(tmp_path / "kick.wav", seconds=6, decay_s=10)
    (clip,) = KitFolder.read(tmp_path, 44_100).clips["kick"]
    assert len(clip) <= 4 * 44_100 + ONSET_SAMPLES


def test_of_a_long_file_only_the_beginning_is_read(tmp_path, monkeypatch):
    write(tmp_path / "kick.wav", seconds=20, decay_s=10, rate=8000)
    read, blocks = [], AudioReader.blocks

    def counted(reader, *arguments):
        for block in blocks(reader, *arguments):
            read.append(len(block))
            yield block

    monkeypatch.setattr(AudioReader, "blocks", counted)
    KitFolder.read(tmp_path, 44_100)
    assert sum(read) < 12 * 8000


def test_more_files_than_a_kit_has_are_refused(tmp_path, monkeypatch):
    for number in range(3):
        write(tmp_path / f"kick {number}.wav")
    monkeypatch.setattr(kit_folder, "MOST_FILES", 2)
    with pytest.raises(DataError, match="has 3 audio files in it or below it: name a folder of one kit, 2 at most"):
        KitFolder.read(tmp_path, 44_100)


@pytest.mark.parametrize("what", ["missing", "file", "empty", "no audio"])
def test_no_kit_is_one_clear_line(tmp_path, what):
    path = tmp_path / "kit"
    if what == "file":
        path.write_text("x")
    elif what != "missing":
        path.mkdir()
        if what == "no audio":
            (path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="kit") as raised:
        KitFolder.read(path, 44_100)
    assert "\n" not in str(raised.value)


def test_an_unreadable_file_is_named(tmp_path):
    write(tmp_path / "kick.wav")
    (tmp_path / "snare.wav").write_bytes(b"not audio")
    with pytest.raises(AudioError, match=r"snare\.wav"):
        KitFolder.read(tmp_path, 44_100)


def test_a_silent_file_is_named(tmp_path):
    write(tmp_path / "kick.wav", level=0.0)
    with pytest.raises(DataError, match=r"kick\.wav: is silent"):
        KitFolder.read(tmp_path, 44_100)
