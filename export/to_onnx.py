"""ONNX files: float32, or weights in float16 or int8 that are turned into float32 when the model is loaded or run."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfsep.errors import MissingExtraError, ModelError
from tfsep.separation.live_runtime import LiveRuntime
from tfsep.separation.runtime import Runtime, load_file
from tfsep.separation.runtime_contract import METADATA_NAME

from .census import Census
from .format import Format, Options
from .graph import Graph

if TYPE_CHECKING:
    import onnx

OPSET = 17
SMALLEST_COMPRESSED = 256  # values; smaller constants stay as they are


def write(graph: Graph, path: Path, precision: str, options: Options) -> None:
    """Convert with fixed shapes and check the file with `onnx.checker`.

    Raises: ModelError if the converter fails or the checker finds fault, MissingExtraError.
    """
    try:
        import onnx
        import tf2onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "tf2onnx", "export", "exporting to ONNX") from None
    contract = graph.contract
    try:
        model, _ = tf2onnx.convert.from_function(graph.traced, input_signature=graph.signature, opset=OPSET)
        _spell_out_expm1(model)
        if precision != "fp32":
            _compress(model, precision)
        model.producer_name = "tfsep"
        onnx.helper.set_model_props(model, {METADATA_NAME: graph.embedded_contract.decode()})
        onnx.checker.check_model(model, full_check=True)
    except (
        ValueError,
        RuntimeError,
        NotImplementedError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"ONNX conversion of {contract.name} failed: {why}") from None
    path.write_bytes(model.SerializeToString())


def _spell_out_expm1(model: "onnx.ModelProto") -> None:
    """Write `exp(x) - 1` where the converter passes on TensorFlow's Expm1, which ONNX has not got."""
    from onnx import helper, numpy_helper

    places = [index for index, node in enumerate(model.graph.node) if node.op_type == "Expm1"]
    if places:
        model.graph.initializer.append(numpy_helper.from_array(np.ones((), np.float32), "one_of_expm1"))
    for index in reversed(places):
        node = model.graph.node[index]
        power = f"{node.output[0]}_exp"
        model.graph.node.insert(index + 1, helper.make_node("Sub", [power, "one_of_expm1"], [node.output[0]]))
        model.graph.node.insert(index + 1, helper.make_node("Exp", [node.input[0]], [power]))
        del model.graph.node[index]


def _compress(model: "onnx.ModelProto", precision: str) -> None:
    """Store weights in fewer bits: float16 behind a Cast, or int8 and a scale for each output channel behind DequantizeLinear."""
    from onnx import TensorProto, helper, numpy_helper

    axes = _output_axes(model)
    nodes = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < SMALLEST_COMPRESSED or (precision == "int8" and tensor.name not in axes):
            continue
        stored = f"{tensor.name}_{precision}"
        model.graph.initializer.remove(tensor)
        if precision == "fp16":
            model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), stored))
            nodes.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
            continue
        axis = axes[tensor.name]
        quantised, scale = quantise_per_channel(values, axis)
        model.graph.initializer.append(numpy_helper.from_array(quantised, stored))
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{stored}_scale"))
        nodes.append(helper.make_node("DequantizeLinear", [stored, f"{stored}_scale"], [tensor.name], axis=axis))
    for index, node in enumerate(nodes):
        model.graph.node.insert(index, node)


def _output_axes(model: "onnx.ModelProto") -> dict[str, int]:
    """Return the axis of output channels of each weight: of convolutions the first, of transposed ones and matrices the second."""
    axes = {"Conv": 0, "ConvTranspose": 1, "MatMul": 1}
    return {node.input[1]: axes[node.op_type] for node in model.graph.node if node.op_type in axes}


def quantise_per_channel(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return int8 weights and the float32 scale of each slice along `axis`, symmetric: 127 scales are the largest value."""
    others = tuple(each for each in range(values.ndim) if each != axis)
    scale = np.abs(values).max(axis=others) / 127
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    shape = [-1 if each == axis else 1 for each in range(values.ndim)]
    return np.clip(np.round(values / scale.reshape(shape)), -127, 127).astype(np.int8), scale


def load(path: Path) -> Runtime | LiveRuntime:
    """Return the runtime that `tfsep separate` uses."""
    return load_file(path, threads=1)


def census(path: Path) -> Census:
    """Count the nodes; warn of shapes that are not fixed, of ranks above 4 and of recurrent layers."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    warnings = Counter()
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        sizes = value.type.tensor_type.shape.dim
        if any(size.WhichOneof("value") != "dim_value" for size in sizes):
            warnings["tensors of a shape that is not fixed"] += 1
        if len(sizes) > 4:
            warnings[f"tensors of rank {len(sizes)}, accelerators take 4 at most"] += 1
    for node in model.graph.node:
        strides = next((list(each.ints) for each in node.attribute if each.name == "strides"), [1])
        if max(strides) > 2:
            warnings[f"{node.op_type} of stride {max(strides)}, accelerators like 2 at most"] += 1
        if node.op_type in ("LSTM", "GRU", "RNN", "Loop", "Scan"):
            warnings[f"{node.op_type}, which accelerators run step by step or not at all"] += 1
    counts = Counter(node.op_type for node in model.graph.node)
    return Census(dict(counts), tuple(f"{count} {what}" for what, count in sorted(warnings.items())))


FORMAT = Format(
    title="ONNX",
    suffix=".onnx",
    precisions=("fp32", "fp16", "int8"),
    waveform_precisions=("fp32", "fp16"),
    write=write,
    load=load,
    census=census,
)
