"""What is exported: a function of one tensor, its contract, and what Keras says of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfsep.bundle import Bundle
from tfsep.errors import MissingExtraError
from tfsep.separation.runtime_contract import Contract

Tensor = Any  # of TensorFlow
Predict = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Graph:
    """One generator, ready to be converted.

    Attributes:
        contract: what the file will promise.
        function: from the input tensors, in the order of `contract.inputs`, to the outputs by name, in TensorFlow.
        variables: Keras variables that the function reads.
        reference: what the outputs must be, without the batch axis; by Keras in float32. Of a causal generator the masks, for any
            number of frames.
    """

    contract: Contract
    function: Callable[..., dict[str, Tensor]]
    variables: tuple[Any, ...]
    reference: Predict

    @property
    def embedded_contract(self) -> bytes:
        """The contract as it lies in a file: JSON as that of `to_bytes`, on one line."""
        return json.dumps(self.contract.to_json(), separators=(",", ":")).encode()

    @property
    def signature(self) -> list[Any]:
        """The inputs as TensorFlow wants them described."""
        import tensorflow as tf

        return [tf.TensorSpec(shape, tf.float32, name=name) for name, shape in self.contract.inputs.items()]

    @cached_property
    def traced(self) -> Any:
        """The `tf.function` with inputs of fixed shape. Raises: MissingExtraError without TensorFlow."""
        try:
            import tensorflow as tf
        except ModuleNotFoundError:
            raise MissingExtraError("tensorflow", "export", "exporting") from None
        contract, function = self.contract, self.function

        @tf.function(input_signature=self.signature)
        def serve(*tensors: Tensor) -> dict[str, Tensor]:
            outputs = function(*tensors)
            return {name: tf.identity(outputs[name], name=name) for name in contract.outputs}

        return serve

    def renamed(self, name: str) -> "Graph":
        """Return the graph of a model of this name."""
        return replace(self, contract=replace(self.contract, name=name))


def spectrogram_graph(bundle: Bundle) -> Graph:
    """Return the graph from features to masks."""

    def reference(features: np.ndarray) -> dict[str, np.ndarray]:
        return {stem: mask[0] for stem, mask in bundle.predict(features[np.newaxis]).items()}

    return Graph(bundle.contract, bundle.generator.masks, tuple(bundle.generator.variables), reference)


def bundle_folder(model: str, about_file: str, shipped: Path | None = None) -> Path | None:
    """Return the folder of a network beside the separators, None if `model` names something else.

    Args:
        model: such a folder, or a run's that has it in `best`.
        about_file: by which it is known.
        shipped: of the network that comes with tfsep, if `model` is its name and no folder of one is called so.
    """
    path = Path(model)
    folders = (path, path / "best", *([] if shipped is None else [shipped]))
    return next((folder for folder in folders if (folder / about_file).is_file()), None)
