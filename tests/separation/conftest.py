"""A runtime made of a function, so that the path around the model is tested against numbers worked out by other means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tfsep.contract import ModelContract
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

STEMS = ("drums", "bass", "other", "vocals")
TINY_SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16)


@dataclass
class FunctionRuntime:
    """`function(features) -> (stems, frames, bins, channels)`, scaled to sum to one over the stems."""

    contract: ModelContract
    function: Callable[[np.ndarray], np.ndarray]
    workers: int = 1
    seen: list[np.ndarray] = field(default_factory=list)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        self.seen.append(features)
        weights = np.asarray(self.function(features), np.float32)
        masks = weights / weights.sum(axis=0)
        return {stem: mask.copy() for stem, mask in zip(self.contract.stems, masks, strict=True)}


def by_cell(features: np.ndarray) -> np.ndarray:
    """Weights that differ by stem, bin and level, and for each cell depend on that cell alone."""
    bins = np.linspace(0, 3, features.shape[1], dtype=np.float32)[None, :, None]
    return np.stack([1 + np.sin(bins * (k + 1)) ** 2 + features * k for k in range(len(STEMS))])


def by_context(features: np.ndarray) -> np.ndarray:
    """Weights that depend on the whole chunk, as those of a real model do."""
    return by_cell(features + features.mean(axis=0, keepdims=True) + np.arange(len(features))[:, None, None] / len(features))


@pytest.fixture
def make_separator():
    """Return a function that makes a Separator of a small geometry around a function of the features."""

    def make(function=by_cell, *, frames=16, overlap_frames=4, channels=2, rate=8000, stems=STEMS, workers=1) -> Separator:
        spec = SpectrogramSpec(
            sample_rate_hz=rate, window_samples=256, hop_samples=64, channels=channels, frames=frames, feature_gain=100.0
        )
        contract = ModelContract(spec=spec, stems=stems, overlap_frames=overlap_frames)
        return Separator(FunctionRuntime(contract, function, workers))

    return make


@pytest.fixture
def noise(rng):
    """Return a function that makes float32 noise `(samples, channels)` below 0.5."""

    def make(samples: int, channels: int = 2) -> np.ndarray:
        return rng.uniform(-0.5, 0.5, (samples, channels)).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def tiny_tflite(tmp_path_factory) -> Path:
    """A model whose drums mask is the sigmoid of the feature minus two."""
    import keras
    import tensorflow as tf

    features = keras.Input((TINY_SPEC.frames, TINY_SPEC.model_bins, 2), batch_size=1, name="features")
    drums = keras.layers.Identity(name="drums")(keras.ops.sigmoid(features - 2.0))
    other = keras.layers.Identity(name="other")(1.0 - drums)
    path = tmp_path_factory.mktemp("tiny") / "model.tflite"
    model = keras.Model(features, {"drums": drums, "other": other})
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


@pytest.fixture
def model(tiny_tflite, tmp_path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(tiny_tflite.read_bytes())
    ModelContract(spec=TINY_SPEC, stems=("drums", "other"), overlap_frames=4).write(path.with_suffix(".json"))
    return path
