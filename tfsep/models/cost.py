"""What a generator costs: parameters and multiply-adds, counted from the operations of its graph."""

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsep.models.config import GeneratorConfig

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Cost:
    """Of one generator.

    Attributes:
        parameters: trainable and not.
        multiply_adds_per_second: of convolutions and matrix products, for one second of audio without chunk overlap.
    """

    parameters: int
    multiply_adds_per_second: float


@cache
def generator_cost(config: GeneratorConfig) -> Cost:
    """Count the cost of a generator by tracing it for one chunk, once, on Keras' TensorFlow or JAX backend."""
    import keras

    from tfsep.models.presets import build_generator

    spec = config.spec
    generator = build_generator(config)
    shape = (1, spec.frames, spec.model_bins, config.input_channels)
    count = _count_on_jax if keras.backend.backend() == "jax" else _count_on_tensorflow
    seconds = spec.frames * spec.hop_samples / spec.sample_rate_hz
    return Cost(generator.count_params(), count(generator, shape) / seconds)


def _count_on_tensorflow(generator: "keras.Model", shape: tuple[int, ...]) -> int:
    import tensorflow as tf

    graph = tf.function(generator).get_concrete_function(tf.TensorSpec(shape, tf.float32)).graph
    return sum(_multiply_adds(operation) for operation in graph.get_operations())


def _count_on_jax(generator: "keras.Model", shape: tuple[int, ...]) -> int:
    import jax

    traced = jax.make_jaxpr(lambda features: list(generator(features).values()))(jax.ShapeDtypeStruct(shape, "float32"))
    return _multiply_adds_of_jaxpr(traced.jaxpr)


def _multiply_adds_of_jaxpr(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        inputs = [variable.aval.shape for variable in equation.invars if hasattr(variable, "aval")]
        output = math.prod(equation.outvars[0].aval.shape)
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += output * math.prod(inputs[0][axis] for axis in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            out_axis = equation.params["dimension_numbers"].rhs_spec[0]
            kernel = math.prod(inputs[1]) // inputs[1][out_axis]
            # a transposed convolution is one of its input with zeros between, which cost nothing
            total += output * kernel // math.prod(equation.params["lhs_dilation"])
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += _multiply_adds_of_jaxpr(inner)
    return total


def _multiply_adds(operation) -> int:
    """Return the multiply-adds of one operation of a graph, 0 if it is none that multiplies matrices."""
    if operation.type == "Conv2D":
        kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
        return int(np.prod(output) * np.prod(kernel[:3]))
    if operation.type == "Conv2DBackpropInput":  # a transposed convolution: each input value meets the whole kernel
        kernel, gradient = operation.inputs[1].shape, operation.inputs[2].shape
        return int(np.prod(gradient) * np.prod(kernel[:3]))
    if operation.type in ("MatMul", "BatchMatMulV2"):
        transposed = operation.get_attr("transpose_a" if operation.type == "MatMul" else "adj_x")
        shape = operation.inputs[0].shape
        return int(np.prod(operation.outputs[0].shape) * shape[-2 if transposed else -1])
    return 0
