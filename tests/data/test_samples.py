import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.samples import TRACK_S, LoopTrack, PatternTrack, SampleSource
from tfsep.errors import AudioError, DataError


def write(path, samples=400, rate_hz=8000, level=0.5):
    """Write a click: one sample, then silence."""
    path.parent.mkdir(parents=True, exist_ok=True)
    click = np.zeros((samples, 1), np.float32)
    click[0] = level
    Audio(click, rate_hz).write(path, subtype="float32")
    return path


def tracks(root, kind=None):
    return [track for track in SampleSource(root=root).tracks() if kind is None or isinstance(track, kind)]


def test_loops_and_one_shots(tmp_path):
    write(tmp_path / "Loops" / "funky 01.wav")
    write(tmp_path / "drums 120bpm.wav")
    write(tmp_path / "long.wav", samples=33_000)
    write(tmp_path / "kit" / "kick.wav", samples=31_000)
    (tmp_path / "kit" / "damaged.wav").write_bytes(b"RIFF")
    assert [track.name for track in tracks(tmp_path, LoopTrack)] == [
        "Loops/funky 01.wav", "drums 120bpm.wav", "kit/damaged.wav", "long.wav",
    ]  # fmt: skip
    assert [track.paths for track in tracks(tmp_path, PatternTrack)] == [(tmp_path / "kit" / "kick.wav",)]


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_loops_go_round(tmp_path, rate_hz):
    write(tmp_path / "loop.wav", samples=4000)
    (track,) = tracks(tmp_path)
    drums = track.read(rate_hz, 2)["drums"]
    assert drums.shape == (12 * rate_hz, 2)
    peaks = np.flatnonzero(drums[:, 0] > 0.2)
    np.testing.assert_array_equal(np.unique(np.round(peaks / (rate_hz / 2))), np.arange(24))


def test_a_long_loop_stays_as_it_is(tmp_path):
    write(tmp_path / "loop.wav", samples=100_001)
    assert len(tracks(tmp_path)[0].read(8000, 1)["drums"]) == 100_001


def test_other_instruments_are_left_out(tmp_path):
    for name in (
        "Bass/loop 1.wav",
        "Synth loop.wav",
        "vox/shout.wav",
        "808 kit/hat/x.wav",
        "Drum & Bass/y.wav",
        "z.wav",
        "808/snare.wav",
    ):
        write(tmp_path / name)
    used = {path.relative_to(tmp_path).as_posix() for track in tracks(tmp_path) for path in track.paths}
    assert used == {"808 kit/hat/x.wav", "Drum & Bass/y.wav", "z.wav", "808/snare.wav"}


def test_nothing_but_other_instruments(tmp_path):
    write(tmp_path / "bass.wav")
    with pytest.raises(DataError, match="no drum samples in it"):
        tracks(tmp_path)


def test_kits_stay_together_and_every_file_is_heard(tmp_path):
    kit = [write(tmp_path / "kit" / f"{name}.wav") for name in ("kick 1", "kick 2", "kick 3", "snare", "hh", "thing")]
    loose = [write(tmp_path / "loose" / folder / f"{number}.wav") for folder in ("Kicks", "Snares") for number in range(2)]
    found = tracks(tmp_path, PatternTrack)
    assert len(found) == 3 + 2
    for track in found:
        of_kit = set(track.paths) & set(kit)
        assert of_kit in (set(), set(track.paths))
        assert track.roles == (("hat", "kick", "perc", "snare") if of_kit else ("kick", "snare"))
    assert {path for track in found for path in track.paths} == {*kit, *loose}


def test_patterns_are_in_time_and_the_same_at_every_rate(tmp_path):
    for name in ("kick", "snare", "hat", "crash", "tom", "perc"):
        write(tmp_path / f"{name}.wav")
    (track,) = tracks(tmp_path)
    assert track.hits() == track.hits()
    assert all(0 <= start_s < TRACK_S for _, start_s, _ in track.hits())
    assert {number for number, _, _ in track.hits()} >= {track.roles.index(role) for role in ("kick", "snare", "hat", "cymbal")}
    for rate_hz in (8000, 4000):
        drums = track.read(rate_hz, 1)["drums"][:, 0]
        assert len(drums) == 12 * rate_hz
        expected = np.zeros(len(drums) + 1)
        for _, start_s, level in track.hits():
            expected[round(start_s * rate_hz)] += 0.5 * level
        if rate_hz == 8000:  # not resampled
            np.testing.assert_allclose(drums, expected[:-1], atol=1e-6)
        loud = np.flatnonzero(expected[:-1] > 0.3)
        assert (drums[loud] > 0.1).all()


def test_kits_have_patterns_of_their_own(tmp_path):
    for kit in "abcd":
        for name in ("kick", "snare"):
            write(tmp_path / kit / f"{name}.wav")
    found = tracks(tmp_path)
    assert len({str(track.hits()) for track in found}) == 4
    assert len({track.recipe for track in found}) == 4


def test_a_role_that_chance_leaves_out_is_heard_once(tmp_path):
    for number in range(40):
        write(tmp_path / f"tom {number}.wav")
    assert all(track.hits() for track in tracks(tmp_path))


def test_a_corrupt_hit_spoils_its_own_track_only(tmp_path):
    for number in range(4):
        write(tmp_path / f"kick {number}.wav")
    write(tmp_path / "snare.wav")
    content = (tmp_path / "kick 2.wav").read_bytes()
    (tmp_path / "kick 2.wav").write_bytes(content[:44] + b"\xff" * (len(content) - 44))  # NaN
    failed = []
    for track in tracks(tmp_path):
        try:
            track.read(8000, 1)
        except AudioError:
            failed.append(track.paths[0].name)
    assert failed == ["kick 2.wav"]
