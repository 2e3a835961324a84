import runpy
from pathlib import Path

import numpy as np
import pytest

from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance.degrade import brickwall
from tfsep.creative.enhance.examples import ExampleConfig, prepare_examples
from tfsep.data.cache import CachedTrack
from tfsep.errors import DataError

noise = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["noise"]
CONFIG = ExampleConfig(degraded=3, separated=0, seconds=0.5)


def track(sound: np.ndarray) -> CachedTrack:
    samples = np.rint(sound * 32767).astype(np.int16)[np.newaxis]
    return CachedTrack(name="song", key="1", genre=None, stems=("drums",), samples=samples, gain=1 / 32767)


def prepare(tracks, folder, told=None):
    told = [] if told is None else told
    return prepare_examples(
        [tracks], folder, CONFIG, EnhanceContract(), separator=None, tell=lambda done, total: told.append((done, total))
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
    assert not list(tmp_path.iterdir())
