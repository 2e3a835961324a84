"""Files made smaller: the same outputs to the last bit, operators in a form that delegates take, and nothing lost."""

from itertools import pairwise

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from tfsep_export import to_coreml, to_litert
from tfsep_export.compact_coreml import compact as compact_program
from tfsep_export.compact_litert import compact, read
from tfsep_export.format import Options
from tfsep_export.live import model_graph
from tfsep_export.mil_evaluator import MilProgram
from tfsep_export.model import export_model
from tfsep_export.plain_operators import separate_activations
from tfsep_export.short_names import short_names

PRECISIONS = ("fp32", "fp16", "int8")


@pytest.fixture(scope="module")
def converted(bundles):
    """What the converter wrote, by precision."""
    graph = model_graph(bundles["live"])
    return {precision: to_litert._convert(graph, precision, Options()) for precision in PRECISIONS}


def outputs(content: bytes) -> dict[str, np.ndarray]:
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.exponential(1, one["shape"]).astype(np.float32) for name, one in sorted(runner.get_input_details().items())
    }
    return runner(**inputs)


def operators(model) -> list[tuple]:
    codes = model.operatorCodes
    return [
        (codes[each.opcodeIndex].builtinCode, list(each.outputs), vars(each.builtinOptions) if each.builtinOptions else None)
        for each in model.subgraphs[0].operators
    ]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_compact_file_computes_the_same_bit_by_bit(converted, precision):
    small = compact(read(converted[precision]))
    assert len(small) < len(converted[precision]) - 5000
    wanted, found = outputs(converted[precision]), outputs(small)
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
    assert compact(read(small)) == small


@pytest.mark.parametrize("precision", PRECISIONS)
def test_what_a_compact_file_keeps(converted, precision):
    before, after = read(converted[precision]), read(compact(read(converted[precision])))
    assert [str(each) for each in operators(before)] == [str(each) for each in operators(after)]
    for old, new in zip(before.subgraphs[0].tensors, after.subgraphs[0].tensors, strict=True):
        assert (old.type, list(old.shape)) == (new.type, list(new.shape))
        content = [model.buffers[one.buffer].data for model, one in ((before, old), (after, new))]
        np.testing.assert_array_equal(*(np.zeros(0) if data is None else data for data in content))
        if new.quantization is not None:
            np.testing.assert_array_equal(old.quantization.scale, new.quantization.scale)
            np.testing.assert_array_equal(old.quantization.zeroPoint, new.quantization.zeroPoint)
            assert old.quantization.quantizedDimension == new.quantization.quantizedDimension
    names = [each.name.decode() for each in after.subgraphs[0].tensors]
    assert len(set(names)) == len(names)
    for each in (*after.signatureDefs[0].inputs, *after.signatureDefs[0].outputs):
        assert names[each.tensorIndex] == each.name.decode()


def test_constants_stay_aligned(converted):
    content = compact(read(converted["int8"]))
    model = schema.Model.GetRootAs(content)
    places = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if not buffer.DataIsNone():
            places.append(buffer._tab.Vector(buffer._tab.Offset(4)))
    assert len(places) > 20
    assert {place % 16 for place in places} == {0}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_activations_beside_transposed_convolutions(converted, precision):
    model = read(converted[precision])
    kind = schema.BuiltinOperator.TRANSPOSE_CONV
    before = sum(code == kind for code, *_ in operators(model))
    separate_activations(model)
    assert {code.version for code in model.operatorCodes if code.builtinCode == kind} == {3}
    for operator, following in pairwise(model.subgraphs[0].operators):
        if model.operatorCodes[operator.opcodeIndex].builtinCode == kind:
            assert operator.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.NONE
            assert model.operatorCodes[following.opcodeIndex].builtinCode == schema.BuiltinOperator.RELU
            assert list(operator.outputs) == list(following.inputs)
    assert sum(code == kind for code, *_ in operators(model)) == before > 0
    wanted = outputs(converted[precision])
    for name, values in outputs(compact(model)).items():
        np.testing.assert_array_equal(values, wanted[name])


@pytest.fixture(scope="module")
def package(bundles, tmp_path_factory):
    """The program of a package as the converter writes it, and the package."""
    patch = pytest.MonkeyPatch()
    patch.setattr(to_coreml, "compact", lambda specification: None)
    path = tmp_path_factory.mktemp("package") / "small.mlpackage"
    export_model(bundles["live"], path, to="coreml", precision="int8")
    patch.undo()
    return path


def test_a_compact_program_computes_the_same_bit_by_bit(package, tmp_path):
    before = MilProgram(package)
    specification = type(before.specification)()
    specification.CopyFrom(before.specification)
    rng = np.random.default_rng(0)
    tensors = before.specification.description.input
    inputs = {each.name: rng.exponential(1, list(each.type.multiArrayType.shape)).astype(np.float32) for each in tensors}
    wanted = before(**inputs)
    model = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
    content = model.read_bytes()
    compact_program(specification)
    model.write_bytes(specification.SerializeToString())
    after = MilProgram(package)
    assert after.operations == before.operations
    assert len(model.read_bytes()) < 0.7 * len(content)
    found = after(**inputs)
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
    again = after.specification.SerializeToString(deterministic=True)
    compact_program(after.specification)
    assert after.specification.SerializeToString(deterministic=True) == again


def test_short_names():
    names = short_names({"B", "A1"})
    first = [next(names) for _ in range(1000)]
    assert (first[:3], first[24:28]) == (["A", "C", "D"], ["Z", "A0", "A2", "A3"])
    assert len(set(first)) == 1000
