"""What a generator costs: parameters and multiply-adds, counted from the operations of its graph."""

from dataclasses import dataclass

import numpy as np

from tfsep.models.config import GeneratorConfig


@dataclass(frozen=True)
class Cost:
    """Of one generator.

    Attributes:
        parameters: trainable and not.
        multiply_adds_per_second: of convolutions and matrix products, for one second of audio without chunk overlap.
    """

    parameters: int
    multiply_adds_per_second: float


def generator_cost(config: GeneratorConfig) -> Cost:
    """Count the cost of a generator by tracing its TensorFlow graph for one chunk."""
    import tensorflow as tf

    from tfsep.models.presets import build_generator

    spec = config.spec
    generator = build_generator(config)
    signature = tf.TensorSpec((1, spec.frames, spec.model_bins, spec.channels), tf.float32)
    graph = tf.function(generator).get_concrete_function(signature).graph
    multiply_adds = sum(_multiply_adds(operation) for operation in graph.get_operations())
    seconds = spec.frames * spec.hop_samples / spec.sample_rate_hz
    return Cost(generator.count_params(), multiply_adds / seconds)


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
