"""Transform and inverse as matrix products, and the file from sound to sound, against NumPy's FFT and the ordinary path."""

import numpy as np
import pytest
import tensorflow as tf
from tfsep_export.formats import FORMATS
from tfsep_export.model import export_model
from tfsep_export.transform import Transform, factors

from tfsep.dsp.stft import istft, stft
from tfsep.errors import ModelError, UsageError
from tfsep.separation.runtime import load_runtime
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

from .conftest import SPEC


def snr_db(found, expected) -> float:
    return 10 * np.log10(np.sum(np.abs(expected) ** 2) / np.sum(np.abs(found - expected) ** 2))


def test_factors():
    assert factors(4096) == (64, 64)
    assert factors(2048) == (64, 32)
    assert factors(512) == (32, 16)
    assert factors(12) == (6, 2)
    with pytest.raises(ValueError, match="window_samples=2: has no two factors"):
        factors(2)


@pytest.mark.parametrize(("window", "hop"), [(4096, 1024), (512, 128), (48, 12), (64, 32)])
def test_transform_and_inverse(rng, window, hop):
    spec = SpectrogramSpec(window_samples=window, hop_samples=hop)
    sound = rng.normal(0, 0.1, (9 * hop, 2)).astype(np.float32)
    transform = Transform(spec)
    packed = transform.forward(tf.constant(sound.T))
    expected = stft(sound, spec)
    in_order = packed.numpy().transpose(0, 2, 3, 1).reshape(2, len(expected), 2, -1)[:, :, :, : spec.bins]  # k2, k1
    found = (in_order[:, :, 0] + 1j * in_order[:, :, 1]).transpose(1, 2, 0)
    assert snr_db(found, expected) > 120
    magnitude = transform.magnitude(packed, 2).numpy().transpose(1, 2, 0)
    assert snr_db(magnitude, np.abs(expected[:, :-1])) > 120
    assert snr_db(transform.inverse(transform.weighted(packed), 2).numpy().T, sound) > 120

    mask = rng.uniform(0, 1, magnitude.shape).astype(np.float32)
    masked = transform.weighted(packed) * transform.packed_mask(tf.constant(mask.transpose(2, 0, 1)))
    wanted = istft(expected * np.concatenate([mask, mask[:, -1:]], axis=1), spec, len(sound))
    assert snr_db(transform.inverse(masked, 2).numpy().T, wanted) > 120


def test_constants_are_small():
    sizes = [values.size for values in Transform(SpectrogramSpec())._constants.values()]
    assert sum(sizes) * 4 < 0.3e6


@pytest.mark.parametrize(
    ("to", "precision", "floor_db"), [("litert", "fp32", 100), ("litert", "fp16", 50), ("onnx", "fp32", 100)]
)
def test_the_file_separates_like_the_separator(bundle, to, precision, floor_db, tmp_path, rng):
    path = tmp_path / f"wave{FORMATS[to].suffix}"
    exported = export_model(bundle, path, to=to, precision=precision, waveform=True)
    assert exported.parity_db >= floor_db
    names = set(exported.census.operations)
    assert not [name for name in names if "FFT" in name.upper() or "DFT" in name.upper()]

    runtime = FORMATS[to].load(path)
    contract = runtime.contract
    assert (contract.kind, contract.input_shape) == ("waveform", (1, 5 * 64, 2))
    mixture = rng.uniform(-0.5, 0.5, (contract.chunk_samples, 2)).astype(np.float32)
    found = runtime.predict(mixture)
    np.testing.assert_allclose(sum(found.values()), mixture, atol=1e-6)
    # the ordinary path cuts this song into chunks that start where the file's one does
    masks = bundle.predict(np.log1p(SPEC.feature_gain * np.abs(stft(mixture, SPEC)[:, :-1]))[None].astype(np.float32))
    assert len(masks["drums"][0]) == SPEC.frames
    blocks = Separator(_BundleRuntime(bundle)).stream([mixture], sample_rate_hz=8000, channels=2)
    expected = {}
    for block in blocks:
        for stem, samples in block.stems.items():
            expected.setdefault(stem, []).append(samples)
    for stem, parts in expected.items():
        assert snr_db(found[stem], np.concatenate(parts)) > floor_db - 20  # a quiet stem is held to the same error

    with pytest.raises(ModelError, match="takes and gives sound"):
        load_runtime(path)


class _BundleRuntime:
    workers = 1

    def __init__(self, bundle):
        self._bundle, self.contract = bundle, bundle.contract

    def predict(self, features):
        return {stem: mask[0].copy() for stem, mask in self._bundle.predict(features[None]).items()}


@pytest.mark.parametrize("to", ["litert", "onnx"])
def test_complex_masks_inside_the_file(bundles, to, tmp_path, rng):
    bundle, path = bundles["complex"], tmp_path / f"wave{FORMATS[to].suffix}"
    assert export_model(bundle, path, to=to, precision="fp32", waveform=True).parity_db >= 100
    mixture = rng.uniform(-0.5, 0.5, (5 * 64, 2)).astype(np.float32)
    found = FORMATS[to].load(path).predict(mixture)
    parts = list(Separator(_BundleRuntime(bundle)).stream([mixture], sample_rate_hz=8000, channels=2))
    for stem, samples in found.items():
        assert snr_db(samples, np.concatenate([part.stems[stem] for part in parts])) > 80


def test_what_there_is_not(bundle, tmp_path):
    with pytest.raises(UsageError, match="there are no Core ML waveform files: use litert or onnx"):
        export_model(bundle, tmp_path / "m.mlpackage", to="coreml", waveform=True)
    with pytest.raises(UsageError, match="precision 'int8': LiteRT waveform files come in fp32, fp16"):
        export_model(bundle, tmp_path / "m.tflite", precision="int8", waveform=True)
