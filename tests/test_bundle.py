import json
from dataclasses import replace

import numpy as np
import pytest

from tfsep.bundle import ABOUT_FILE, MODEL_FILE, Bundle, read_about
from tfsep.errors import AudioError, ModelError
from tfsep.models.config import GeneratorConfig
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
CONFIG = GeneratorConfig(spec=SPEC, bands=((32, 2), (96, 6)), widths=(4, 8), blocks=(1, 1), dense_bottleneck=4)
TRAINING = {"step": 12, "validation_sdr": 1.5}


@pytest.fixture(scope="module")
def weights():
    from tfsep.models.presets import build_generator

    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.3, variable.shape).astype(np.float32) for variable in build_generator(CONFIG).variables]


@pytest.fixture
def bundle(tmp_path, weights):
    folder = tmp_path / "bundle"
    Bundle.write(folder, CONFIG, weights, training=TRAINING, name="small")
    return folder


def test_round_trip(bundle, weights, rng):
    loaded = Bundle.load(bundle)
    assert (loaded.config, loaded.name, loaded.about.training) == (CONFIG, "small", TRAINING)
    for variable, value in zip(loaded.generator.variables, weights, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), value)
    features = rng.exponential(1.0, (2, 8, 128, 2)).astype(np.float32)
    masks, again = loaded.predict(features), Bundle.load(bundle).predict(features)
    for stem in CONFIG.stems:
        assert masks[stem].shape == features.shape
        np.testing.assert_array_equal(masks[stem], again[stem])
    assert sorted(path.name for path in bundle.iterdir()) == [ABOUT_FILE, MODEL_FILE]


def test_weights_do_not_depend_on_the_chunk(bundle, rng):
    longer = Bundle.load(bundle, frames=16)
    assert longer.config.spec.frames == 16
    for one, other in zip(longer.generator.variables, Bundle.load(bundle).generator.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert longer.predict(np.zeros((1, 16, 128, 2), np.float32))["drums"].shape == (1, 16, 128, 2)


def test_contract_fits_any_chunk(bundle):
    contract = read_about(bundle).contract
    assert (contract.stems, contract.spec, contract.name) == (CONFIG.stems, SPEC, "small")
    assert 0 <= contract.overlap_frames <= 4
    assert contract.bandwidth_hz == 4000  # at 8 kHz the highs are not separated, and that is said


def test_is_float32_whatever_is_trained_in(bundle, weights, tmp_path):
    import keras

    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        Bundle.write(tmp_path / "other", CONFIG, weights, training={})
        loaded = [Bundle.load(folder) for folder in (tmp_path / "other", bundle)]
        assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    finally:
        keras.mixed_precision.set_global_policy(policy)
    features = np.linspace(0, 3, 8 * 128 * 2, dtype=np.float32).reshape(1, 8, 128, 2)
    masks = [each.predict(features)["drums"] for each in loaded]
    np.testing.assert_array_equal(*masks)
    assert {layer.compute_dtype for layer in loaded[0].generator.layers} == {"float32"}


def test_no_nan_in_the_description(tmp_path, weights):
    with pytest.raises(ValueError, match="JSON"):
        Bundle.write(tmp_path / "b", CONFIG, weights, training={"validation_sdr": float("nan")})
    assert not (tmp_path / "b").exists()


def test_folder_that_cannot_be_written(tmp_path, weights):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match=r"is a file, not a folder|cannot be written"):
        Bundle.write(tmp_path / "file", CONFIG, weights, training={})


def test_not_a_bundle(tmp_path):
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ModelError, match=r"not a model; a model folder holds model\.keras and bundle\.json"):
            Bundle.load(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "damaged"),
        (b"[]", "bundle version None, this program reads 1"),
        (b'{"bundle_version": 7}', "bundle version 7"),
        (b'{"bundle_version": 1, "name": "x"}', "incomplete or wrong"),
        (json.dumps({"bundle_version": 1, "name": "x", "generator": {"widths": [0]}, "training": {}}).encode(), "widths"),
        (
            json.dumps({"bundle_version": 1, "name": "x", "generator": {"depth": 3}, "training": {}}).encode(),
            "depth are unknown",
        ),
    ],
)
def test_damaged_description(bundle, content, message):
    (bundle / ABOUT_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        Bundle.load(bundle)


def test_damaged_weights(bundle):
    path = bundle / MODEL_FILE
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not a zip file"):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"model\.keras: not the weights of this model") as caught:
            Bundle.load(bundle)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(ModelError, match=r"model\.keras"):
        Bundle.load(bundle)


def test_weights_of_another_model(bundle, tmp_path):
    from tfsep.models.presets import build_generator

    wide = replace(CONFIG, widths=(8, 8))
    values = [np.zeros(variable.shape, np.float32) for variable in build_generator(wide).variables]
    Bundle.write(tmp_path / "wide", wide, values, training={})
    (tmp_path / "wide" / MODEL_FILE).replace(bundle / MODEL_FILE)
    with pytest.raises(ModelError, match="not the weights of this model"):
        Bundle.load(bundle)
