"""The hits of whole songs and their files, with a network and a separator that are formulas."""

import json
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.contract_drums import CLASSES, ONSETS, VELOCITIES, DrumContract
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.song import HitFiles, SongHits, find_hits, hits_json
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

RATE_HZ = 16_000
TIMES_S = [0.25, 0.8, 1.5, 2.1]


class HighRises:
    """Hears a closed hat wherever the highest band rises."""

    workers = 1
    contract = DrumContract(
        spec=SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=640, hop_samples=160, channels=1, frames=64),
        mel_bands=8,
        high_hz=7900.0,
        context_frames=8,
    )

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        rise = np.diff(features[:, -1, 0], prepend=features[0, -1, 0])
        logits = np.full((len(features), len(CLASSES)), -20, np.float32)
        logits[:, 2] = 200 * (rise - 0.05)
        return {ONSETS: logits, VELOCITIES: np.full_like(logits, 0.5)}


class ByFrequency:
    """Gives what is above 3 kHz to the drums."""

    workers = 1

    def __init__(self, stems: tuple[str, str] = ("drums", "other")):
        spec = SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=1024, hop_samples=256, frames=64)
        self.contract = ModelContract(spec=spec, stems=stems, overlap_frames=8)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        high = np.broadcast_to((np.arange(features.shape[1]) >= 192)[None, :, None], features.shape).astype(np.float32)
        return dict(zip(self.contract.stems, (high, 1 - high), strict=True))


def write_song(path: Path, *, drums: bool = True, seconds: float = 2.5, rate_hz: int = RATE_HZ, channels: int = 2) -> Path:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    song = (
        0.2 * np.sin(2 * np.pi * 440 * t) * np.clip(np.minimum(t, seconds - t) / 0.2, 0, 1) ** 2
    )  # without a click at the ends
    for time_s in TIMES_S if drums else []:
        since_s = t - time_s
        song += np.where(since_s >= 0, 0.3 * np.sin(2 * np.pi * 7000 * since_s) * np.exp(-np.maximum(since_s, 0) / 0.01), 0)
    Audio(np.repeat(song[:, None], channels, axis=1).astype(np.float32), rate_hz).write(path)
    return path


@pytest.fixture
def transcriber() -> DrumTranscriber:
    return DrumTranscriber(HighRises())


@pytest.mark.parametrize(("rate_hz", "channels"), [(RATE_HZ, 2), (RATE_HZ, 1), (44_100, 2)])
@pytest.mark.parametrize("separator", [None, Separator(ByFrequency())])
def test_hits_of_a_song_and_of_a_stem(tmp_path, transcriber, separator, rate_hz, channels):
    song, shares = write_song(tmp_path / "song.wav", rate_hz=rate_hz, channels=channels), []
    found = find_hits(song, transcriber=transcriber, separator=separator, progress=shares.append)
    assert [hit.time_s for hit in found.hits] == pytest.approx(TIMES_S, abs=0.005)
    assert {hit.drum for hit in found.hits} == {"closed_hat"}
    assert found.duration_s == pytest.approx(2.5, abs=0.001)
    assert shares[-1] == 1


def test_a_song_without_drums_has_no_hits(tmp_path, transcriber):
    song = write_song(tmp_path / "song.wav", drums=False)
    assert find_hits(song, transcriber=transcriber, separator=Separator(ByFrequency())).hits == ()


def test_a_model_without_drums_is_refused(tmp_path, transcriber):
    song = write_song(tmp_path / "song.wav")
    with pytest.raises(ModelError, match="has the stems vocals, other: use one that takes drums"):
        find_hits(song, transcriber=transcriber, separator=Separator(ByFrequency(("vocals", "other"))))


def test_hits_are_written_and_read_back(tmp_path):
    hits = (Hit(0.1234567, "kick", 0.98765), Hit(1.0, "tom", 0.5))
    found = SongHits(Path("a/song.mp3"), hits, 12.5, ())
    files = HitFiles(tmp_path / "out", Path("a/song.mp3"), midi=True, overwrite=False)
    assert not (tmp_path / "out").exists()
    files.write(found, models=["default", "drums"])
    assert sorted(path.name for path in (tmp_path / "out" / "song").iterdir()) == ["drums.mid", "hits.json"]
    assert json.loads((tmp_path / "out" / "song" / "hits.json").read_text()) == {
        "song": "song.mp3",
        "duration_s": 12.5,
        "models": ["default", "drums"],
        "hits": [
            {"time_s": 0.12346, "drum": "kick", "velocity": 0.988},
            {"time_s": 1.0, "drum": "tom", "velocity": 0.5},
        ],
    }


def test_no_hits_are_an_empty_list():
    assert json.loads(hits_json(SongHits(Path("s.wav"), (), 1.0, ()), ["drums"]))["hits"] == []


def test_what_is_there_is_kept_unless_it_may_be_replaced(tmp_path):
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "drums.mid").write_text("old")
    HitFiles(tmp_path, Path("song.wav"), midi=False, overwrite=False)
    with pytest.raises(UsageError, match=r"drums\.mid: is there already: use --overwrite"):
        HitFiles(tmp_path, Path("song.wav"), midi=True, overwrite=False)
    HitFiles(tmp_path, Path("song.wav"), midi=True, overwrite=True).write(SongHits(Path("song.wav"), (), 1.0, ()), models=[])
    assert (tmp_path / "song" / "drums.mid").read_bytes().startswith(b"MThd")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(AudioError, match=r"hits\.json: .* is a file, not a folder|is a file"):
        HitFiles(tmp_path / "out", Path("song.wav"), midi=False, overwrite=False).write(
            SongHits(Path("song.wav"), (), 1.0, ()), models=[]
        )


def test_of_two_files_none_appears_if_the_second_cannot_be_written(tmp_path):
    (tmp_path / "song" / "drums.mid").mkdir(parents=True)
    files = HitFiles(tmp_path, Path("song.wav"), midi=True, overwrite=True)
    with pytest.raises(AudioError, match=r"drums\.mid: is a folder"):
        files.write(SongHits(Path("song.wav"), (), 1.0, ()), models=[])
    assert [path.name for path in (tmp_path / "song").iterdir()] == ["drums.mid"]
