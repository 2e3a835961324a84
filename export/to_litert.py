"""TFLite (LiteRT) files: float32, float16 weights that are computed with in float32, int8 weights, or integers throughout.

With int8 weights, symmetric for each output channel, LiteRT quantises the activations as it goes, by the range that it finds in
each run ("dynamic range"), and multiplies in integers: there is nothing to calibrate, and where the processor has integer dot
products it is about twice as fast as float32.

Integers throughout, int8 or int16 activations with int8 weights, are for processors that have nothing else. Their ranges come
from songs, the same for every run.
"""

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tfsep.errors import MissingExtraError, ModelError
from tfsep.separation.live_runtime import LiveRuntime
from tfsep.separation.runtime import Runtime, load_file
from tfsep.separation.runtime_contract import METADATA_NAME
from tfsep.separation.tflite_metadata import add_metadata

from .census import Census
from .compact_litert import compact, read
from .format import Format, Options
from .graph import Graph
from .plain_operators import separate_activations
from .representative import representative_chunks

INTEGER = ("int8-full", "int16x8")  # activations too, which takes representative songs

# Of tensorflow/lite/delegates/gpu/common/model_builder.cc, NewOperationParser, TensorFlow 2.17.
_ON_GPU = frozenset({
    "ABS", "ADD", "AVERAGE_POOL_2D", "BATCH_MATMUL", "CAST", "CONCATENATION", "CONV_2D", "COS", "DEPTHWISE_CONV_2D",
    "DEQUANTIZE", "DIV", "EXP", "FULLY_CONNECTED", "LEAKY_RELU", "LOG", "LOGISTIC", "LSTM", "MAXIMUM", "MAX_POOL_2D",
    "MEAN", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "PACK", "PAD", "POW", "PRELU", "QUANTIZE", "RELU", "RELU6", "RESHAPE",
    "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "RSQRT", "SIN", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE",
    "SPLIT", "SPLIT_V", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "STRIDED_SLICE", "SUB", "SUM", "TANH", "TILE", "TRANSPOSE",
    "TRANSPOSE_CONV",
})  # fmt: skip
_HIGHEST_RANK, _LARGEST_STRIDE, _NEWEST_TRANSPOSE_CONV = 4, 2, 3


def write(graph: Graph, path: Path, precision: str, options: Options) -> None:
    """Convert with fixed shapes and built-in operators only.

    Raises: UsageError for integers throughout without representative songs, AudioError for one that cannot be read; ModelError
        if the converter fails or needs operators that are not built in, MissingExtraError.
    """
    model = read(_convert(graph, precision, options))
    separate_activations(model)
    path.write_bytes(add_metadata(compact(model), METADATA_NAME, graph.embedded_contract))


def _convert(graph: Graph, precision: str, options: Options) -> bytes:
    try:
        import tensorflow as tf
        from tensorflow.lite.python.convert_phase import ConverterError  # derives from Exception alone, and is not exported
    except ModuleNotFoundError:
        raise MissingExtraError("tensorflow", "export", "exporting to LiteRT") from None
    chunks = representative_chunks(graph.contract, options.representative) if precision in INTEGER else []
    module = tf.Module()
    module.weights = [variable.value for variable in graph.variables]  # a saved model must own what it refers to
    folder = tempfile.mkdtemp(prefix="tfsep-export-")
    try:
        tf.saved_model.save(module, folder, signatures={"serving_default": graph.traced})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision != "fp32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        if precision in INTEGER:
            converter.representative_dataset = lambda: ([chunk] for chunk in chunks)
        if precision == "int16x8":
            sixteen = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [sixteen, tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()
    except (ConverterError, tf.errors.OpError, ValueError, RuntimeError) as error:
        raise ModelError(f"LiteRT conversion of {graph.contract.name} failed: {_reason(str(error))}") from None
    finally:
        shutil.rmtree(folder)


def _reason(message: str) -> str:
    """Return one line of what a converter says; where it names an operator that is not built in, that and its layer."""
    unknown = re.search(r"'tf\.(\w+)' op is neither a custom op nor a flex op", message)
    if unknown:
        place = message[: unknown.start()].rpartition("loc(")[2]  # from the operator itself outwards
        layer = re.search(r'"([^"@:]+)@', place)
        where = f" in layer {layer[1]}" if layer else ""
        return (
            f"operator {unknown[1]}{where} is not built into LiteRT, and Flex operators are not used: replace it in the model"
        )
    return next((line for line in message.splitlines() if line.strip()), "no reason given")


def load(path: Path) -> Runtime | LiveRuntime:
    """Return the runtime that `tfsep separate` uses."""
    return load_file(path, threads=1)


def census(path: Path) -> Census:
    """Count the operators; warn of what the GPU delegate refuses."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    counts, warnings = Counter(), Counter()
    for part in model.subgraphs:
        for tensor in part.tensors:
            shape = [] if tensor.shape is None else list(tensor.shape)
            if len(shape) > _HIGHEST_RANK:
                warnings[f"tensors of rank {len(shape)}, the GPU delegate takes {_HIGHEST_RANK} at most"] += 1
            signature = [] if tensor.shapeSignature is None else list(tensor.shapeSignature)
            if any(size < 0 for size in signature):
                warnings["tensors of a shape that is not fixed"] += 1
        for operator in part.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            counts[name] += 1
            warnings.update(_complaints(name, code, operator))
    return Census(dict(counts), tuple(f"{count} {what}" for what, count in sorted(warnings.items())))


def _complaints(name: str, code: Any, operator: Any) -> list[str]:
    found = []
    if name not in _ON_GPU:
        found.append(f"{name}, which the GPU delegate does not run")
    if "LSTM" in name or "GRU" in name or name == "WHILE":
        found.append(f"{name}, which accelerators run step by step or not at all")
    if name == "TRANSPOSE_CONV" and code.version > _NEWEST_TRANSPOSE_CONV:
        found.append(f"TRANSPOSE_CONV with its activation inside (version {code.version}), which some delegates refuse")
    stride = max(getattr(operator.builtinOptions, side, 1) for side in ("strideW", "strideH"))
    if stride > _LARGEST_STRIDE:
        found.append(f"{name} of stride {stride}, accelerators like {_LARGEST_STRIDE} at most")
    return found


FORMAT = Format(
    title="LiteRT",
    suffix=".tflite",
    precisions=("fp32", "fp16", "int8", *INTEGER),
    waveform_precisions=("fp32", "fp16"),
    write=write,
    load=load,
    census=census,
)
