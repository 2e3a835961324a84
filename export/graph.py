"""What is exported: a function of one tensor, its contract, and what Keras says of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tfsep.bundle import Bundle
from tfsep.contract import ModelContract
from tfsep.errors import MissingExtraError

Tensor = Any  # of TensorFlow
Predict = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Graph:
    """One generator, ready to be converted.

    Attributes:
        contract: what the file will promise.
        function: from the input tensor, `contract.input_shape`, to the outputs by name, in TensorFlow.
        variables: Keras variables that the function reads.
        reference: what the outputs must be, without the batch axis; by Keras in float32.
    """

    contract: ModelContract
    function: Callable[[Tensor], dict[str, Tensor]]
    variables: tuple[Any, ...]
    reference: Predict

    @cached_property
    def traced(self) -> Any:
        """The `tf.function` with one input of fixed shape. Raises: MissingExtraError without TensorFlow."""
        try:
            import tensorflow as tf
        except ModuleNotFoundError:
            raise MissingExtraError("tensorflow", "export", "exporting") from None
        contract, function = self.contract, self.function

        @tf.function(input_signature=[tf.TensorSpec(contract.input_shape, tf.float32, name=contract.input_name)])
        def serve(tensor: Tensor) -> dict[str, Tensor]:
            outputs = function(tensor)
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
