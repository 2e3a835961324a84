"""A small ONNX model, built node by node, through the ordinary loader."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tfsep.contract import ModelContract
from tfsep.errors import MissingExtraError, ModelError
from tfsep.separation.locate import find_contract
from tfsep.separation.runtime import load_runtime
from tfsep.separation.runtime_contract import METADATA_NAME
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16)
CONTRACT = ModelContract(spec=SPEC, stems=("drums", "other"), overlap_frames=4)


def write(path, *, shape=(1, 16, 128, 2), contract=CONTRACT, names=("drums", "other"), kind="Sigmoid"):
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("features", *names)]
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    two = helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])
    nodes = [
        helper.make_node("Sub", ["features", "two"], ["less"]),
        helper.make_node(kind, ["less"], [names[0]]),
        helper.make_node("Sub", ["one", names[0]], [names[1]]),
    ]
    graph = helper.make_graph(nodes, "small", tensors[:1], tensors[1:], initializer=[one, two])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if contract is not None:
        helper.set_model_props(model, {METADATA_NAME: contract.to_bytes().decode()})
    onnx.save(model, path)
    return path


def test_masks(tmp_path, rng):
    runtime = load_runtime(write(tmp_path / "m.onnx"), threads=2)
    assert runtime.contract == CONTRACT
    assert runtime.workers == 2
    features = rng.uniform(0, 8, (16, 128, 2)).astype(np.float32)
    masks = runtime.predict(features)
    assert list(masks) == ["drums", "other"]
    np.testing.assert_allclose(masks["drums"], 1 / (1 + np.exp(2 - features.astype(np.float64))), atol=1e-6)
    np.testing.assert_allclose(masks["drums"] + masks["other"], 1, atol=1e-6)


def test_through_the_separator(tmp_path, noise):
    from tfsep.audio import Audio

    mixture = noise(3000)
    stems = Separator.load(write(tmp_path / "m.onnx")).separate(Audio(mixture, 8000))
    np.testing.assert_allclose(stems["drums"].samples + stems["other"].samples, mixture, atol=1e-6)


def test_found_without_onnxruntime(tmp_path, monkeypatch):
    path = write(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert find_contract(path) == (path, CONTRACT)
    with pytest.raises(MissingExtraError, match=r"m\.onnx needs the package onnxruntime, .* pip install 'tfsep\[onnx\]'"):
        load_runtime(path)


def test_no_contract(tmp_path):
    with pytest.raises(ModelError, match=r"m\.json: this description of the model is missing"):
        load_runtime(write(tmp_path / "m.onnx", contract=None))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"names": ("drums", "piano")}, "has the outputs drums, piano, its description says drums, other"),
        (
            {"shape": (1, 16, 128, 1)},
            r"input features is float32 \(1, 16, 128, 1\), its description says float32 \(1, 16, 128, 2\)",
        ),
        ({"shape": ("batch", 16, 128, 2)}, r"float32 \(-1, 16, 128, 2\), its description says"),
        ({"kind": "Sigmoyd"}, r"m\.onnx: is not a model that ONNX can run \(.*Sigmoyd"),
    ],
)
def test_another_model(tmp_path, fields, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_runtime(write(tmp_path / "m.onnx", **fields))
    assert "\n" not in str(caught.value)


def test_damaged(tmp_path):
    path = write(tmp_path / "m.onnx")
    content = path.read_bytes()
    for bad in (b"words" * 99, content[:-200]):
        path.write_bytes(bad)
        with pytest.raises(ModelError, match=r"m\.onnx: is not a model that ONNX can run"):
            load_runtime(path)
    CONTRACT.write(tmp_path / "m.json")
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=r"m\.onnx: is not a model that ONNX can run"):
        load_runtime(path)
