"""Core ML packages: programs for iOS 17, computed in float16; weights also in int8 or as palettes of 8, 6 or 4 bits."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tfsep
from tfsep.contract_drums import DRUM_HITS
from tfsep.contract_enhance import ENHANCE
from tfsep.contract_genre import GENRE
from tfsep.contract_live import LIVE, NEXT
from tfsep.errors import MissingExtraError, ModelError, UsageError
from tfsep.separation.live_runtime import LiveRuntime
from tfsep.separation.runtime_contract import METADATA_NAME, check_tensors, parse_contract

from .census import Census
from .compact_coreml import compact
from .format import Format, Options
from .graph import Graph
from .mil_evaluator import MilProgram

if TYPE_CHECKING:
    from coremltools.models import MLModel

RISKY = {"palette4": "4-bit palettes crash or are wrong on some devices (coremltools issue 2716)"}
LARGEST_UNCOMPRESSED = 512  # values; weights of no more stay float16
_BITS = {"palette8": 8, "palette6": 6, "palette4": 4}


def write(graph: Graph, path: Path, precision: str, options: Options) -> None:
    """Convert with fixed shapes, float32 at both ends, and save.

    Raises: UsageError for a risky precision that was not asked for as such; ModelError if the converter fails, MissingExtraError.
    """
    if precision in RISKY and not options.risky:
        raise UsageError(f"precision {precision}: {RISKY[precision]}; add --risky to export it all the same")
    contract = graph.contract
    with _quiet() as coremltools:
        try:
            model = _compressed(_converted(graph, precision, coremltools), precision, coremltools)
            model = _with_names(model, graph, coremltools)
            _describe(model, graph, precision)
            model.save(str(path))
        except (ValueError, RuntimeError, NotImplementedError, KeyError) as error:
            why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise ModelError(f"Core ML conversion of {contract.name} failed: {why}") from None


@contextmanager
def _quiet() -> Iterator[Any]:
    """Import coremltools, whose notes on other versions and on parts that Linux has not got are no news. Yields the module."""
    logger = logging.getLogger("coremltools")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import coremltools
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "coremltools", "export", "exporting to Core ML") from None
    finally:
        logger.setLevel(level)
    logger.setLevel(logging.ERROR)
    try:
        yield coremltools
    finally:
        logger.setLevel(level)


def _teach_expm1(coremltools: Any) -> None:
    """Let the converter write `exp(x) - 1` for TensorFlow's Expm1, which it does not know."""
    registry = coremltools.converters.mil.frontend.tensorflow.tf_op_registry
    builder = coremltools.converters.mil.mil.Builder
    if "Expm1" in registry._TF_OPS_REGISTRY:
        return

    def convert(context: Any, node: Any) -> None:
        power = builder.exp(x=context[node.inputs[0]])
        context.add(node.name, builder.sub(x=power, y=np.float32(1), name=node.name))

    convert.__name__ = "Expm1"
    registry.register_tf_op(convert)


def _converted(graph: Graph, precision: str, coremltools: Any) -> "MLModel":
    contract = graph.contract
    _teach_expm1(coremltools)
    inputs = [coremltools.TensorType(name=name, shape=shape, dtype=np.float32) for name, shape in contract.inputs.items()]
    return coremltools.convert(
        [graph.traced.get_concrete_function()],
        source="tensorflow",
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS17,
        compute_precision=coremltools.precision.FLOAT32 if precision == "fp32" else coremltools.precision.FLOAT16,
        inputs=inputs,
        outputs=[coremltools.TensorType(name=name, dtype=np.float32) for name in _traced_names(graph).values()],
        skip_model_load=True,
    )


def _traced_names(graph: Graph) -> dict[str, str]:
    """Return by output how TensorFlow has named the outputs of the traced function."""
    outputs = graph.traced.get_concrete_function().structured_outputs
    return {output: outputs[output].name.partition(":")[0] for output in graph.contract.outputs}


def _with_names(model: "MLModel", graph: Graph, coremltools: Any) -> "MLModel":
    """Call the outputs as the contract does, and what is inside as briefly as can be."""
    specification = model.get_spec()
    for output, name in _traced_names(graph).items():
        coremltools.utils.rename_feature(specification, name, output, rename_inputs=False)
    compact(specification)
    return coremltools.models.MLModel(specification, weights_dir=model.weights_dir, skip_model_load=True)


def _compressed(model: "MLModel", precision: str, coremltools: Any) -> "MLModel":
    if precision in ("fp32", "fp16"):
        return model
    optimize = coremltools.optimize.coreml
    if precision == "int8":
        config = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=LARGEST_UNCOMPRESSED)
        return optimize.linear_quantize_weights(model, optimize.OptimizationConfig(global_config=config))
    config = optimize.OpPalettizerConfig(mode="kmeans", nbits=_BITS[precision], weight_threshold=LARGEST_UNCOMPRESSED)
    return optimize.palettize_weights(model, optimize.OptimizationConfig(global_config=config))


def _describe(model: "MLModel", graph: Graph, precision: str) -> None:
    contract = graph.contract
    said = contract.to_json()
    if contract.kind == GENRE:
        purpose, heard = f"tells music of the families {', '.join(contract.families)} apart", "log-mel spectrum of an excerpt"
    elif contract.kind == DRUM_HITS:
        purpose, heard = f"finds hits of {', '.join(contract.classes)}", "log-mel spectrum of a drum stem"
    elif contract.kind == ENHANCE:
        purpose, heard = "continues narrow spectra above their cutoff", said["tensors"]["input"]
    else:
        purpose, heard = f"takes music apart into {', '.join(contract.stems)}", f"the mixture, {said['transform']['features']}"
    model.author = "The tfsep authors"
    model.license = "MIT"
    model.version = tfsep.__version__
    model.short_description = (
        f"{contract.name}: {purpose}; {precision}. The contract is in the user-defined metadata, {METADATA_NAME}."
    )
    model.user_defined_metadata[METADATA_NAME] = graph.embedded_contract.decode()
    axes = ", ".join(said["tensors"]["axes"])
    model.input_description[contract.input_name] = f"{heard}: {axes}"
    outputs_by = {GENRE: "by family", DRUM_HITS: "by frame and class"}
    for name in contract.outputs:
        model.output_description[name] = f"{name}, {said['tensors']['output']}: {outputs_by.get(contract.kind, axes)}"
    if contract.kind == LIVE:
        for name, _ in contract.states:
            model.input_description[name] = f"{NEXT}{name} of the call before; zeros in the first"
            model.output_description[NEXT + name] = f"{name} of the next call"


class MilRuntime:
    """A `.mlpackage`, evaluated in NumPy: slow, but what the saved program says.

    Raises: ModelError if it cannot be read, holds no contract or does not fit it.
    """

    workers = 1

    def __init__(self, path: Path) -> None:
        with _quiet():
            self._program = MilProgram(path)
        description = self._program.specification.description
        metadata = description.metadata.userDefined
        if METADATA_NAME not in metadata:
            raise ModelError(f"{path}: holds no contract: export it again")
        self.contract = parse_contract(metadata[METADATA_NAME].encode(), str(path))
        check_tensors(path, self.contract, _tensors(description.input), _tensors(description.output))

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk, see `Runtime.predict`."""
        outputs = self.run({self.contract.input_name: features[np.newaxis]})
        return {name: outputs[name][0] for name in self.contract.outputs}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for all inputs of the contract, both with a batch axis."""
        return self._program(**inputs)


def load(path: Path) -> MilRuntime | LiveRuntime:
    """Return a runtime of the package, by the evaluator."""
    runtime = MilRuntime(path)
    return LiveRuntime(runtime.contract, runtime.run) if runtime.contract.kind == LIVE else runtime


def _tensors(features: Any) -> dict[str, tuple[list[int], str]]:
    found = {}
    for feature in features:
        array = feature.type.multiArrayType
        name = array.ArrayDataType.Name(array.dataType).lower()
        found[feature.name] = (list(array.shape), name)
    return found


def census(path: Path) -> Census:
    """Count the operations; warn of what the Neural Engine does not run, and of weights that compression has passed over."""
    with _quiet():
        program = MilProgram(path)
    warnings = Counter()
    compressed = {op.outputs[0].name for op in program.nodes if op.op_type.startswith("constexpr_")}
    for op in program.nodes:
        if op.op_type.startswith("constexpr_"):
            continue
        if any(len(output.shape) > 4 for output in op.outputs):
            warnings["results of rank 5 or more, which leave the Neural Engine"] += 1
        if any(not isinstance(size, int | np.integer) for output in op.outputs for size in output.shape):
            warnings["results of a shape that is not fixed, which leave the Neural Engine"] += 1
        if any("fp32" in str(output.dtype) for output in op.outputs) and op.op_type != "cast":
            warnings["results in float32, which the Neural Engine does not compute"] += 1
        if op.op_type in ("lstm", "gru", "rnn", "while_loop"):
            warnings[f"{op.op_type}, which leaves the Neural Engine"] += 1
        strides = op.inputs.get("strides")
        if strides is not None and max(strides.val) > 2:
            warnings[f"{op.op_type} of stride {max(strides.val)}, the Neural Engine likes 2 at most"] += 1
        weight = op.inputs.get("weight", op.inputs.get("y"))
        stays = weight is not None and weight.name not in compressed and weight.val is not None
        if compressed and stays and np.size(weight.val) > LARGEST_UNCOMPRESSED:
            warnings[f"weights of {op.op_type} that were not compressed"] += 1
    return Census(dict(program.operations), tuple(f"{count} {what}" for what, count in sorted(warnings.items())))


FORMAT = Format(
    title="Core ML",
    suffix=".mlpackage",
    folder=True,
    precisions=("fp32", "fp16", "int8", "palette8", "palette6", "palette4"),
    waveform_precisions=(),
    write=write,
    load=load,
    census=census,
)
