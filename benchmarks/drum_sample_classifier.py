"""A small classifier of single drum hits on log-mel spectra, whose features tell how far two sets of hits are apart."""

from collections.abc import Sequence

import keras
import numpy as np

from tfsep.contract_drums import CLASSES
from tfsep.dsp.mel import log_mel, mel_filterbank
from tfsep.dsp.stft import stft
from tfsep.spec import SpectrogramSpec

_SPEC = SpectrogramSpec(window_samples=1024, hop_samples=512, channels=1, frames=64, feature_gain=1000.0)
_BANDS, _FEATURES = 48, 32
_FILTERBANK = mel_filterbank(_SPEC, _BANDS, 30.0, 18_000.0)


def heard(clip: np.ndarray) -> np.ndarray:
    """Return what the classifier sees of a clip at 44.1 kHz, float32 `(frames, bands)`, its loudest value 1."""
    spectrum = stft(clip[: _SPEC.frames * _SPEC.hop_samples, np.newaxis], _SPEC)[: _SPEC.frames, : _SPEC.model_bins, 0]
    mel = log_mel(np.abs(spectrum), _SPEC, _FILTERBANK)
    padded = np.zeros((_SPEC.frames, _BANDS), np.float32)
    padded[: len(mel)] = mel / max(float(mel.max(initial=0.0)), 1e-6)
    return padded


class HitClassifier:
    """Tells drums apart.

    Args:
        clips: to learn from. labels: indices in `CLASSES`.
    """

    def __init__(self, clips: Sequence[np.ndarray], labels: np.ndarray, *, epochs: int = 25, seed: int = 0):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((_SPEC.frames, _BANDS, 1))
        x = inputs
        for width in (12, 24, 32):
            x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
        x = keras.layers.Dropout(0.3)(keras.layers.Flatten()(x))
        features = keras.layers.Dense(_FEATURES, activation="relu")(x)
        logits = keras.layers.Dense(len(CLASSES))(features)
        self._model = keras.Model(inputs, [logits, features])
        learner = keras.Model(inputs, logits)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        learner.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=False)
        learner.fit(_stacked(clips), labels, batch_size=64, epochs=epochs, verbose=0)

    def __call__(self, clips: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the class of each clip, and its features, float `(clips, features)`."""
        logits, features = self._model.predict(_stacked(clips), batch_size=128, verbose=0)
        return logits.argmax(axis=1), features.astype(np.float64)


def _stacked(clips: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([heard(clip) for clip in clips])[..., np.newaxis]


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Fréchet distance of two sets of features `(items, features)`, each taken for normal (Heusel et al. 2017, eq. 6)."""
    covariances = [np.cov(each, rowvar=False) for each in (one, other)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    crossed = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances[1] @ root), 0)).sum()
    apart = float(np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2))
    return apart + float(np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * crossed)
