"""The file that was written against Keras."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tfsep_export.to_litert as to_litert
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tfsep_export.to_litert import export_litert

from tfsep.bundle import Bundle
from tfsep.contract import ModelContract
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.models.presets import PRESETS, build_generator
from tfsep.separation.runtime import LiteRtRuntime
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
CONFIGS = {
    "bandsplit": GeneratorConfig(spec=SPEC, bands=((32, 2), (96, 6)), widths=(4, 8), blocks=(1, 1), dense_bottleneck=4),
    "dssgan": replace(PRESETS["dssgan"], spec=replace(SPEC, channels=1), widths=(4, 8)),
}
FLOOR_DB = {"fp32": 100, "fp16": 50, "int8": 25}


def make_bundle(folder, config) -> Bundle:
    rng = np.random.default_rng(0)
    weights = [
        rng.normal(0, 1 / np.sqrt(np.prod(v.shape[:-1])), v.shape) if len(v.shape) > 1 else rng.uniform(0, 0.3, v.shape)
        for v in build_generator(config).variables
    ]
    Bundle.write(folder, config, weights, training={"step": 4}, name="small")
    return Bundle.load(folder)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    return {name: make_bundle(tmp_path_factory.mktemp(name), config) for name, config in CONFIGS.items()}


@pytest.mark.parametrize("precision", sorted(FLOOR_DB))
@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_the_file_says_what_keras_says(bundles, kind, precision, tmp_path):
    bundle, path = bundles[kind], tmp_path / "deep" / "small.tflite"
    exported = export_litert(bundle, path, precision=precision)
    assert sorted(each.name for each in path.parent.iterdir()) == ["small.json", "small.tflite"]
    assert exported.parity_db >= FLOOR_DB[precision]
    assert exported.megabytes == pytest.approx(path.stat().st_size / 1e6)
    assert ModelContract.read(exported.contract_path) == bundle.contract  # its name is that of the file, small

    runtime = LiteRtRuntime(path, threads=1)  # refuses other names, shapes and types than those of the contract
    spec = bundle.config.spec
    features = np.random.default_rng(1).exponential(1.0, (spec.frames, spec.model_bins, spec.channels)).astype(np.float32)
    expected, masks = bundle.predict(features[None]), runtime.predict(features)
    signal = sum(float(np.sum(mask.astype(np.float64) ** 2)) for mask in expected.values())
    noise = sum(float(np.sum((masks[stem].astype(np.float64) - mask[0]) ** 2)) for stem, mask in expected.items())
    assert 10 * np.log10(signal / max(noise, 1e-30)) >= FLOOR_DB[precision]
    np.testing.assert_allclose(sum(masks.values()), 1, atol=1e-5)

    interpreter = Interpreter(
        model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert not [name for name in names if name.startswith("Flex") or "CUSTOM" in name.upper()]
    assert all(tensor["shape_signature"].min(initial=1) > 0 for tensor in interpreter.get_tensor_details())  # fixed shapes
    assert max(len(tensor["shape"]) for tensor in interpreter.get_tensor_details()) <= 4


def test_half_precision_halves_the_file_and_int8_quarters_it(tmp_path):
    config = replace(PRESETS["default"], spec=replace(PRESETS["default"].spec, frames=8))  # weights do not depend on frames
    bundle = make_bundle(tmp_path / "default", config)
    sizes = {}
    for precision in ("fp32", "fp16", "int8"):
        sizes[precision] = export_litert(bundle, tmp_path / f"{precision}.tflite", precision=precision).megabytes
    assert sizes["fp16"] <= 0.52 * sizes["fp32"]
    assert sizes["int8"] <= 0.28 * sizes["fp32"]
    assert sizes["fp16"] < 10


def test_wrong_names(bundles, tmp_path):
    with pytest.raises(UsageError, match="precision 'int4': LiteRT files come in fp32, fp16"):
        export_litert(bundles["bandsplit"], tmp_path / "m.tflite", precision="int4")
    with pytest.raises(UsageError, match=r"m\.json: LiteRT files end in \.tflite"):
        export_litert(bundles["bandsplit"], tmp_path / "m.json")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_the_file_is_not_like_keras(bundles, tmp_path, monkeypatch):
    monkeypatch.setitem(to_litert.PARITY_FLOOR_DB, "fp16", 1000.0)
    with pytest.raises(ModelError, match=r"m\.tflite: differs from Keras by \d+\.\d dB, fp16 must reach 1000 dB: not written"):
        export_litert(bundles["bandsplit"], tmp_path / "out" / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(bundles, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match=r"cannot be written|is a file"):
        export_litert(bundles["bandsplit"], tmp_path / "file" / "m.tflite")


class NeedsFlex:
    """A generator with an operator that LiteRT has not got built in."""

    variables = ()

    def masks(self, features):
        inverse = tf.linalg.inv(features[:, :4, :4, 0])[:, :1, :1, None]
        return dict.fromkeys(CONFIGS["bandsplit"].stems, features * 0 + inverse)


def test_operators_that_are_not_built_in_are_refused(bundles, tmp_path):
    bundle = Bundle(bundles["bandsplit"].about, NeedsFlex())
    with pytest.raises(ModelError, match="LiteRT conversion of small failed: ") as caught:
        export_litert(bundle, tmp_path / "m.tflite")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
