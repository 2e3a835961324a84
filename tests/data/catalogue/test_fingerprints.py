import numpy as np
import pytest

from tfsep.audio import Audio, open_audio
from tfsep.data.catalogue.fingerprints import Fingerprint, Fingerprinter, compare, fingerprint

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def songs(stems_of):
    return [sum(stems.values()) for stems in stems_of]


@pytest.fixture(scope="module")
def prints(songs):
    return [fingerprint([song], RATE_HZ) for song in songs]


def test_the_same_twice(prints):
    match = compare(prints[0], prints[0])
    assert match.aligned == len(prints[0]) > 60
    assert (match.share, match.offset_s, match.same) == (1.0, 0.0, True)


def test_different_songs_do_not_match(prints):
    for first in range(3):
        for second in range(first):
            match = compare(prints[first], prints[second])
            assert not match.same
            assert match.aligned <= 4


@pytest.mark.parametrize("block", [1000, 4410, 44_100])
def test_blocks_do_not_matter(songs, prints, block):
    parts = fingerprint((songs[0][start : start + block] for start in range(0, len(songs[0]), block)), RATE_HZ)
    np.testing.assert_array_equal(parts.hashes, prints[0].hashes)
    np.testing.assert_array_equal(parts.frames, prints[0].frames)


def test_gain_and_polarity(songs, prints):
    assert compare(fingerprint([songs[1] * np.float32(-0.05)], RATE_HZ), prints[1]).share > 0.95


def test_mp3(songs, prints, tmp_path):
    Audio(songs[1], RATE_HZ).write(tmp_path / "song.mp3")
    with open_audio(tmp_path / "song.mp3") as reader:
        coded = fingerprint(reader.blocks(), RATE_HZ)
    assert compare(coded, prints[1]).share > 0.6
    assert not compare(coded, prints[0]).same


def test_cut_at_any_place(songs, prints):
    cut = fingerprint([songs[2][round(1.2345 * RATE_HZ) :] * np.float32(0.5)], RATE_HZ)
    match = compare(cut, prints[2])
    assert match.same
    assert match.offset_s == pytest.approx(1.2345, abs=0.05)


def test_stereo_and_another_rate(songs, prints):
    stereo = np.repeat(songs[0], 2, axis=1)
    np.testing.assert_array_equal(fingerprint([stereo], RATE_HZ).hashes, prints[0].hashes)
    halved = fingerprint([songs[0][::2]], RATE_HZ // 2)  # aliased above 11 kHz, which no landmark comes from
    assert compare(halved, prints[0]).same


def test_nothing_to_compare(prints):
    for samples in (np.zeros((RATE_HZ, 1), np.float32), np.zeros((0, 1), np.float32)):
        empty = fingerprint([samples], RATE_HZ)
        assert len(empty) == 0
        assert not compare(empty, prints[0]).same
        assert not compare(empty, empty).same
    assert len(Fingerprinter(RATE_HZ).finish()) == 0
    one = Fingerprint(prints[0].hashes[:1], prints[0].frames[:1])
    assert not compare(one, prints[0]).same  # one landmark is no evidence
