"""Operators of a `.tflite` in the form that most runtimes take."""

from copy import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

_KINDS, _ACTIVATIONS = schema.BuiltinOperator, schema.ActivationFunctionType
_WITHOUT_ACTIVATION = 3  # the version of TRANSPOSE_CONV that has a bias, but no activation inside


def separate_activations(model: Any) -> None:
    """Make the ReLU inside each TRANSPOSE_CONV an operator of its own, and so the former one of version 3 instead of 4.

    Some GPU delegates refuse version 4. What is computed stays the same, and as fast: XNNPACK puts the two together again.

    Args:
        model: the tables of the file, a `ModelT`; changed in place. Where results are integers, nothing is.
    """
    for part in model.subgraphs:
        operators = []
        for operator in part.operators:
            operators.append(operator)
            if _has_relu_inside(model, part, operator):
                operators.append(_separated(model, part, operator))
                model.operatorCodes[operator.opcodeIndex].version = _WITHOUT_ACTIVATION
        part.operators = operators


def _has_relu_inside(model: Any, part: Any, operator: Any) -> bool:
    return (
        model.operatorCodes[operator.opcodeIndex].builtinCode == _KINDS.TRANSPOSE_CONV
        and operator.builtinOptions.fusedActivationFunction == _ACTIVATIONS.RELU
        and part.tensors[operator.outputs[0]].type == schema.TensorType.FLOAT32
    )


def _separated(model: Any, part: Any, operator: Any) -> Any:
    """Take the activation out of an operator; return it as one that works on its result."""
    codes = [code.builtinCode for code in model.operatorCodes]
    if _KINDS.RELU not in codes:
        model.operatorCodes.append(schema.OperatorCodeT(deprecatedBuiltinCode=_KINDS.RELU, builtinCode=_KINDS.RELU, version=1))
        codes.append(_KINDS.RELU)
    before = np.array([len(part.tensors)], np.int32)
    part.tensors.append(copy(part.tensors[operator.outputs[0]]))
    relu = schema.OperatorT(opcodeIndex=codes.index(_KINDS.RELU), inputs=before, outputs=operator.outputs)
    operator.builtinOptions.fusedActivationFunction = _ACTIVATIONS.NONE
    operator.outputs = before
    return relu
