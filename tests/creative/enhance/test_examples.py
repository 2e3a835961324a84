import runpy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance.degrade import brickwall
from tfsep.creative.enhance.examples import ExampleConfig, prepare_examples
from tfsep.data.cache import CachedTrack
from tfsep.errors import DataError

noise = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["noise"]
SPEC = EnhanceContract().spec
CONFIG = ExampleConfig(degraded=3, separated=0, seconds=0.5)


@dataclass
class Tenths:
    """Takes a tenth of the song for whatever stem is asked for; in place of a `Separator`."""

    stems: tuple[str, ...] = ("drums", "bass", "other")
    residual_stem: str = "other"
    contract: ModelContract = field(default_factory=lambda: ModelContract(spec=SPEC, stems=Tenths.stems, overlap_frames=4))
    asked: list[str] = field(default_factory=list)

    def separate(self, source: Audio, stems: list[str]) -> dict[str, Audio]:
        self.asked += stems
        return {stem: Audio(source.samples * np.float32(0.09), source.sample_rate_hz) for stem in stems}


def track(sound: np.ndarray, key: str = "1", stems: tuple[str, ...] = ("drums",)) -> CachedTrack:
    """Return a track each of whose stems is the sound."""
    samples = np.stack([np.rint(sound * 32767).astype(np.int16)] * len(stems))
    return CachedTrack(name="song", key=key, genre=None, stems=stems, samples=samples, gain=1 / 32767)


def prepare(tracks, folder, told=None, config=CONFIG, separator=None):
    told = [] if told is None else told
    return prepare_examples(
        [tracks], folder, config, EnhanceContract(), separator=separator, tell=lambda done, total: told.append((done, total))
    )


def test_examples_are_pairs_made_once(rng, tmp_path):
    tracks, told = [track(noise(rng, 1.0))], []
    examples = prepare(tracks, tmp_path, told)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert len(examples) == 3
    assert not examples.holes.any()
    for index in range(3):
        first = int(examples.first_bin[index])
        target, degraded = (array[index].astype(np.float32) for array in (examples.target, examples.degraded))
        assert np.abs(degraded - target)[:, 20 : first - 10].mean() < 1.5
        assert degraded[:, first + 60 :].mean() <= target[:, first + 60 :].mean()
    again = prepare(tracks, tmp_path, told)
    assert len(told) == 3
    np.testing.assert_array_equal(again.target, examples.target)


def test_narrow_silent_and_short_recordings_are_no_examples(rng, tmp_path):
    for sound in (brickwall(noise(rng, 1.0), 44_100, 8000.0), np.zeros((44_100, 2), np.float32)):
        with pytest.raises(DataError, match="silent or end below 15000 Hz"):
            prepare([track(sound)], tmp_path)
    with pytest.raises(DataError, match=r"no recording is 0\.\d+ s long"):
        prepare([track(noise(rng, 0.1))], tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_separated_examples_are_of_stems_that_are_restored(rng, tmp_path):
    sound, separator, told = noise(rng, 1.0), Tenths(), []
    tracks = [track(sound, "1", ("bass", "other")), track(sound, "2", ("mixture",)), track(sound, "3", ("other",))]
    config = ExampleConfig(degraded=1, separated=8, seconds=0.1)
    examples = prepare(tracks, tmp_path / "a", config=config, separator=separator)
    assert separator.asked == ["bass"] * 8
    assert list(examples.recording[1:]) == [0] * 8
    assert not examples.holes[0].any()
    assert examples.holes[1:].any(axis=(1, 2)).all()
    with pytest.raises(DataError, match="no recording has a stem called drums, bass, of which"):
        prepare(tracks[1:], tmp_path / "b", told, config, separator)
    assert not told
    assert not (tmp_path / "b").exists()
