"""The models that come with tfsep: there, small, and alike."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.errors import ModelError
from tfsep.separation.live import LiveSeparator
from tfsep.separation.locate import find_bundle
from tfsep.separation.runtime import load_runtime, shipped_models
from tfsep.separation.separator import Separator

WEIGHTS = Path(str(resources.files("tfsep") / "weights"))


def test_they_are_small():
    assert {"default", "default-fp16", "live"} <= set(shipped_models())
    sizes = {path: path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 10e6
    assert sum(sizes.values()) < 28e6


def test_integer_weights_say_what_float_weights_say():
    """The int8 file that `separate` runs against the fp16 file, on a chunk of noise that falls towards the highs."""
    small, large = load_runtime("default", threads=1), load_runtime("default-fp16", threads=1)
    assert small.contract.stems == large.contract.stems
    assert small.contract.spec == large.contract.spec
    spec = small.contract.spec
    rng = np.random.default_rng(0)
    slope = 2.0 * np.exp(-np.arange(spec.model_bins) / (spec.model_bins / 4))[:, None]
    features = (rng.exponential(1.0, (spec.frames, spec.model_bins, spec.channels)) * slope).astype(np.float32)
    masks, expected = small.predict(features), large.predict(features)
    signal = sum(float(np.sum(mask.astype(np.float64) ** 2)) for mask in expected.values())
    noise = sum(float(np.sum((masks[stem].astype(np.float64) - mask) ** 2)) for stem, mask in expected.items())
    assert 10 * np.log10(signal / noise) > 25


def test_the_live_model_separates_blocks_as_they_come(rng):
    live = LiveSeparator.load()
    assert live.latency_samples <= 0.023 * live.sample_rate_hz
    sound = rng.normal(0, 0.1, (20_000, 2)).astype(np.float32)
    blocks = [live.process(block) for block in np.split(sound, [1, 480, 7000])] + [live.flush()]
    stems = {stem: np.concatenate([block[stem] for block in blocks])[live.latency_samples :] for stem in live.stems}
    np.testing.assert_allclose(sum(stems.values()), sound, atol=1e-6)
    whole = Separator.load("live").separate(Audio(sound, live.sample_rate_hz))
    for stem, samples in stems.items():
        assert np.abs(samples - whole[stem].samples).max() < 1e-6


def test_some_can_be_trained_further():
    assert find_bundle("default") == WEIGHTS / "default"
    assert find_bundle("live") == WEIGHTS / "live"
    with pytest.raises(ModelError, match=r"default-fp16: no trained model there; .* or one of: default, live$"):
        find_bundle("default-fp16")
