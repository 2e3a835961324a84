"""Every format and precision: the file that was written against Keras, alone and through the ordinary runtimes."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tfsep_export import parity, to_litert
from tfsep_export.artefact import size_of
from tfsep_export.format import Options
from tfsep_export.formats import FORMATS
from tfsep_export.model import export_model
from tfsep_export.parity import FLOOR_DB, QUANTISED_FLOOR_DB

from tfsep.bundle import Bundle
from tfsep.contract import ModelContract, described_sha256
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.separation.runtime import load_runtime
from tfsep.separation.runtime_contract import sha256_of

CASES = [
    ("bandsplit", to, precision)
    for to, each in FORMATS.items()
    for precision in each.precisions
    if precision not in to_litert.INTEGER
]
CASES += [("dssgan", to, "fp32") for to in FORMATS]
CASES += [("complex", to, precision) for to in FORMATS for precision in ("fp32", "int8")]
CASES += [("bandstack complex", to, "fp16") for to in FORMATS]


def distance_db(found, expected) -> float:
    signal = sum(float(np.sum(mask.astype(np.float64) ** 2)) for mask in expected.values())
    noise = sum(float(np.sum((found[stem].astype(np.float64) - mask) ** 2)) for stem, mask in expected.items())
    return 10 * np.log10(signal / max(noise, 1e-30))


@pytest.mark.parametrize(("kind", "to", "precision"), CASES)
def test_the_file_says_what_keras_says(bundles, kind, to, precision, tmp_path):
    bundle, path = bundles[kind], tmp_path / "deep" / f"small{FORMATS[to].suffix}"
    exported = export_model(bundle, path, to=to, precision=precision, options=Options(risky=True))
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}.json"]
    assert exported.parity_db >= FLOOR_DB.get(precision, QUANTISED_FLOOR_DB)
    assert set(exported.parity.db) == {"music", "silence", "noise", "full scale"}
    assert exported.megabytes == pytest.approx(size_of(path) / 1e6)
    assert ModelContract.read(exported.contract_path) == bundle.contract  # its name is that of the file, small
    assert described_sha256(exported.contract_path) == sha256_of(path)

    alone = tmp_path / "elsewhere" / path.name  # without the JSON file
    alone.parent.mkdir()
    shutil.move(path, alone)
    runtime = FORMATS[to].load(alone)  # refuses other names, shapes and types than those of the contract
    assert runtime.contract == bundle.contract
    features = np.random.default_rng(1).exponential(1.0, runtime.contract.input_shape[1:]).astype(np.float32)
    expected = {stem: mask[0] for stem, mask in bundle.predict(features[None]).items()}
    masks = runtime.predict(features)
    assert distance_db(masks, expected) >= FLOOR_DB.get(precision, QUANTISED_FLOOR_DB)
    total, channels = sum(masks.values()), bundle.config.spec.channels
    np.testing.assert_allclose(total[..., :channels], 1, atol=2e-3 if to == "coreml" else 1e-5)
    np.testing.assert_allclose(total[..., channels:], 0, atol=2e-3 if to == "coreml" else 1e-5)
    assert not any("rank" in warning or "not fixed" in warning for warning in exported.census.warnings)
    assert sum(exported.census.operations.values()) > 10


def test_names_and_precisions_that_there_are_not(bundle, tmp_path):
    for to, precision, message in (
        ("litert", "int4", "precision 'int4': LiteRT files come in fp32, fp16, int8, int8-full, int16x8"),
        ("onnx", "palette8", "precision 'palette8': ONNX files come in fp32, fp16, int8"),
        ("tflite", "fp16", "format 'tflite': use litert, onnx, coreml"),
    ):
        with pytest.raises(UsageError, match=message):
            export_model(bundle, tmp_path / "m.tflite", to=to, precision=precision)
    with pytest.raises(UsageError, match=r"m\.json: ONNX files end in \.onnx"):
        export_model(bundle, tmp_path / "m.json", to="onnx", precision="fp32")
    with pytest.raises(UsageError, match=r"palette4: 4-bit palettes crash .*2716\); add --risky"):
        export_model(bundle, tmp_path / "m.mlpackage", to="coreml", precision="palette4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_nothing_is_left_when_the_file_is_not_like_keras(bundle, to, tmp_path, monkeypatch):
    monkeypatch.setitem(parity.FLOOR_DB, "fp16", 1000.0)
    path = tmp_path / "out" / f"m{FORMATS[to].suffix}"
    with pytest.raises(ModelError, match=r"differs from Keras by \d+\.\d dB \([a-z ]+\), fp16 must reach 1000 dB: not written"):
        export_model(bundle, path, to=to)
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_when_an_export_fails(bundle, tmp_path, monkeypatch):
    path = tmp_path / "m.tflite"
    path.write_text("old")
    monkeypatch.setitem(parity.FLOOR_DB, "fp16", 1000.0)
    with pytest.raises(ModelError):
        export_model(bundle, path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["m.tflite"]


def test_what_was_there_is_replaced(bundle, tmp_path):
    (tmp_path / "m.tflite").write_text("old")
    (tmp_path / "m.mlpackage" / "old").mkdir(parents=True)
    for to in ("litert", "coreml"):
        exported = export_model(bundle, tmp_path / f"m{FORMATS[to].suffix}", to=to)
        assert described_sha256(exported.contract_path) == sha256_of(exported.path)
    names = ["m.mlpackage", "m.mlpackage.json", "m.tflite", "m.tflite.json"]
    assert sorted(each.name for each in tmp_path.iterdir()) == names
    assert not (tmp_path / "m.mlpackage" / "old").exists()
    (tmp_path / "n.tflite").mkdir()
    with pytest.raises(UsageError, match=r"n\.tflite: is a folder"):
        export_model(bundle, tmp_path / "n.tflite")
    assert list((tmp_path / "n.tflite").iterdir()) == []


def test_folder_that_cannot_be_written(bundle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match=r"cannot be written|is a file"):
        export_model(bundle, tmp_path / "file" / "m.tflite")


class NeedsFlex:
    """A generator with an operator that LiteRT has not got built in."""

    variables = ()

    def masks(self, features):
        with tf.name_scope("whitening"):
            inverse = tf.linalg.inv(features[:, :4, :4, 0], name="inverse")[:, :1, :1, None]
        stems = ("drums", "bass", "other", "vocals")
        return dict.fromkeys(stems, features * 0 + inverse)


def test_operators_that_are_not_built_in_are_refused(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(Bundle, "predict", lambda self, features: dict.fromkeys(self.contract.stems, features))
    with pytest.raises(
        ModelError,
        match=r"LiteRT conversion of m failed: operator MatrixInverse in layer .*whitening/inverse is not built into LiteRT",
    ) as caught:
        export_model(Bundle(bundle.about, NeedsFlex()), tmp_path / "m.tflite")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_converter_that_is_missing(bundle, tmp_path, monkeypatch):
    import sys

    for module, to in (("tf2onnx", "onnx"), ("coremltools", "coreml")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(Exception, match=rf"needs the package {module}, .* pip install 'tfsep\[export\]'"):
            export_model(bundle, tmp_path / f"m{FORMATS[to].suffix}", to=to)
    assert list(tmp_path.iterdir()) == []


def test_reasons_of_the_converter_are_one_line():
    assert to_litert._reason("\n\n first\nsecond") == " first"
    assert to_litert._reason("") == "no reason given"


def test_the_sidecar_is_for_people_without_tfsep(bundle, tmp_path):
    fields = json.loads(export_model(bundle, tmp_path / "m.onnx", to="onnx", precision="fp32").contract_path.read_text())
    assert fields["tensors"]["inputs"] == [{"name": "features", "dtype": "float32", "shape": [1, 8, 128, 2]}]
    assert fields["spec"]["hop_samples"] == 64


def test_estimates_that_are_all_zero_share_alike_in_float16(bundles, tmp_path):
    """As a reference generator that has learnt nothing yet gives them: its floor must not become 0 / 0."""
    config = bundles["dssgan"].config
    weights = [np.zeros(variable.shape, np.float32) for variable in bundles["dssgan"].generator.variables]
    Bundle.write(tmp_path / "zero", config, weights, training={})
    exported = export_model(Bundle.load(tmp_path / "zero"), tmp_path / "m.tflite", to="litert", precision="fp16")
    features = np.random.default_rng(0).uniform(0, 4, (config.spec.frames, config.spec.model_bins, 1)).astype(np.float32)
    for mask in load_runtime(exported.path, threads=1).predict(features).values():
        np.testing.assert_allclose(mask, 0.5, atol=1e-3)
