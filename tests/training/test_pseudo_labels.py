"""A model that takes the lows for drums: sure of tones, unsure of what it shares out evenly."""

import json

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.data.folders import FolderSource
from tfsep.errors import AudioError, DataError, UsageError
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec
from tfsep.training.pseudo_labels import confidence, excerpts, pseudo_label

RATE_HZ = 8000
STEMS = ("drums", "other")


class Lows:
    """Below 1 kHz all is drums, below 2 kHz all is other, above half of each."""

    workers = 1
    contract = ModelContract(
        spec=SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=256, hop_samples=64, channels=1, frames=16),
        stems=STEMS,
        overlap_frames=4,
    )

    def predict(self, features):
        hertz = np.arange(features.shape[1]) * RATE_HZ / 256
        drums = np.where(hertz < 1000, 1.0, np.where(hertz < 2000, 0.0, 0.5))[None, :, None]
        drums = np.broadcast_to(drums, features.shape).astype(np.float32)
        return {"drums": drums, "other": 1 - drums}


@pytest.fixture
def separator():
    return Separator(Lows())


def tone(hertz, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ, dtype=np.float32)[:, None]


@pytest.fixture
def song(tmp_path):
    """Three seconds: sure, silent, unsure; and a short rest."""
    path = tmp_path / "songs" / "song.wav"
    path.parent.mkdir()
    Audio(np.concatenate([tone(500), 0 * tone(500), tone(3000), tone(500, 0.5)]), RATE_HZ).write(path)
    return path


def test_confidence_of_known_separations():
    sure = {"drums": tone(500), "other": tone(1500)}
    assert confidence(sure, Lows.contract.spec) == pytest.approx(1, abs=1e-3)
    assert confidence({"drums": tone(500), "other": tone(500)}, Lows.contract.spec) == pytest.approx(0.5, abs=1e-6)
    # amplitudes 2 : 1 in the same cells are energies 4 : 1
    assert confidence({"drums": tone(500), "other": tone(500) / 2}, Lows.contract.spec) == pytest.approx(0.8, abs=1e-6)
    assert confidence({"drums": 0 * tone(500), "other": 0 * tone(500)}, Lows.contract.spec) == 0


def test_excerpts_are_the_song_without_its_silence(separator, song):
    found = list(excerpts(separator, song, seconds=1.0))
    assert [excerpt.start_s for excerpt in found] == [0.0, 2.0]
    assert found[0].confidence > 0.95 > 0.7 > found[1].confidence
    whole = Audio.read(song).samples
    for excerpt in found:
        start = round(excerpt.start_s * RATE_HZ)
        np.testing.assert_allclose(sum(excerpt.stems.values()), whole[start : start + RATE_HZ], atol=1e-5)


def test_what_is_kept_can_be_trained_on(separator, song, tmp_path):
    done = pseudo_label(separator, [song], tmp_path / "new" / "labels", keep=0.5, seconds=1.0, model="lows")
    assert (len(done.kept), done.considered, done.skipped) == (1, 2, ())
    (track,) = FolderSource(root=tmp_path / "new" / "labels").tracks()
    assert track.stems == STEMS
    stems = track.read(RATE_HZ, 1)
    np.testing.assert_allclose(stems["drums"][200:-200], tone(500)[200:-200], atol=1e-3)
    about = json.loads((done.kept[0] / "song.json").read_text())["pseudo_label"]
    assert (about["of"], about["start_s"], about["model"]) == ("song.wav", 0.0, "lows")
    assert about["confidence"] > 0.95
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["labels"]  # no folder to work in is left


def test_a_song_that_cannot_be_read_is_skipped(separator, song, tmp_path):
    bad = song.with_name("bad.wav")
    bad.write_bytes(b"no sound")
    done = pseudo_label(separator, [bad, song], tmp_path / "labels", keep=1.0, seconds=1.0)
    assert len(done.kept) == 2
    assert len(done.skipped) == 1
    assert "bad.wav is skipped" in done.skipped[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0.0}, "--keep 0.0: use more than 0, at most 1"),
        ({"keep": 1.5}, "--keep 1.5"),
        ({"seconds": 0.5}, "--seconds 0.5"),
    ],
)
def test_arguments_out_of_range(separator, song, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        pseudo_label(separator, [song], tmp_path / "labels", **options)
    assert not (tmp_path / "labels").exists()


def test_nothing_is_lost_or_left(separator, song, tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="is there already"):
        pseudo_label(separator, [song], tmp_path / "labels")
    assert (tmp_path / "labels" / "mine.txt").read_text() == "kept"
    with pytest.raises(DataError, match="no excerpt of 60 s in the 1 songs"):
        pseudo_label(separator, [song], tmp_path / "other", seconds=60.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError):
        pseudo_label(separator, [song], tmp_path / "file" / "labels")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "labels", "songs"]
