"""The models that come with tfsep: there, small, and alike."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from tfsep.errors import ModelError
from tfsep.separation.locate import find_bundle
from tfsep.separation.runtime import load_runtime, shipped_models

WEIGHTS = Path(str(resources.files("tfsep") / "weights"))


def test_they_are_small():
    assert {"default", "default-fp16"} <= set(shipped_models())
    sizes = {path: path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()}
    assert max(sizes.values()) < 10e6
    assert sum(sizes.values()) < 20e6


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


def test_only_default_can_be_trained_further():
    assert find_bundle("default") == WEIGHTS / "default"
    with pytest.raises(ModelError, match=r"default-fp16: no trained model there; .* or one of: default$"):
        find_bundle("default-fp16")
