"""The hits of whole songs, with a network and a separator that are formulas."""

from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.contract_drums import CLASSES, ONSETS, VELOCITIES, DrumContract
from tfsep.creative.drums.song import find_hits
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.errors import ModelError
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
