"""The reader of ONNX metadata against the onnx package."""

import onnx
import pytest

from tfsep.separation.onnx_metadata import NotOnnxError, read_metadata


@pytest.fixture(scope="module")
def content():
    tensors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", tensors[:1], tensors[1:])
    model = onnx.helper.make_model(graph, producer_name="tests", model_version=300)
    onnx.helper.set_model_props(model, {"first": "1", "contract": "Gesäng" * 100, "empty": ""})
    return model.SerializeToString()


def test_values_are_found_by_name(content):
    assert read_metadata(content, "contract").decode() == "Gesäng" * 100
    assert read_metadata(content, "first") == b"1"
    assert read_metadata(content, "empty") == b""
    assert read_metadata(content, "contrac") is None
    assert read_metadata(b"", "contract") is None


def test_no_onnx_file(content):
    for bad in (b"words" * 99, b"\xff" * 99, bytes(99), content[:-50]):
        with pytest.raises(NotOnnxError):
            read_metadata(bad, "contract")
