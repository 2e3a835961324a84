"""Runs a saved Core ML program operation by operation in NumPy, on any system.

Core ML predicts on Apple's systems only. This reads the `.mlpackage` back and works out what the program in it says, in float32,
each result rounded to the type that the program gives it. It proves what was saved, not how Apple's hardware rounds. Nothing of
the converter's own arithmetic is used; compressed weights are unpacked here too. The operations are those of the MIL
specification (https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html), two-dimensional, channels first.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfsep.errors import MissingExtraError, ModelError

_TYPES = {"fp16": np.float16, "fp32": np.float32, "int32": np.int32, "bool": np.bool_}


class MilProgram:
    """A `.mlpackage` of type mlprogram, read from the disk.

    Attributes:
        specification: the protobuf message, with inputs, outputs and metadata.
        operations: how many of each there are, constants left out.

    Raises: ModelError if it cannot be read or has an operation that is not known here, MissingExtraError.
    """

    def __init__(self, path: Path) -> None:
        try:
            import coremltools
            from coremltools.converters.mil.frontend.milproto.load import load
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or "coremltools", "export", f"reading {path}") from None
        try:
            model = coremltools.models.MLModel(str(path), skip_model_load=True)
            self.specification = model.get_spec()
            program = load(self.specification, self.specification.specificationVersion, model.weights_dir)
        except (ValueError, RuntimeError, KeyError, OSError) as error:
            raise ModelError(f"{path}: is not a Core ML program ({' '.join(str(error).split())}): export it again") from None
        self._function = program.functions["main"]
        self.operations = Counter(op.op_type for op in self._function.operations if op.op_type != "const")
        unknown = sorted(set(self.operations) - set(OPERATIONS))
        if unknown:
            raise ModelError(f"{path}: the operations {', '.join(unknown)} cannot be checked here")
        self._weights: dict[str, np.ndarray] = {}  # unpacked once

    @property
    def nodes(self) -> list[Any]:
        """The operations, constants left out."""
        return [op for op in self._function.operations if op.op_type != "const"]

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Evaluate the program; returns its outputs by name, float32."""
        values: dict[str, Any] = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
        last_use = self._last_uses()
        for index, op in enumerate(self._function.operations):
            name = op.outputs[0].name
            if op.op_type == "const":
                continue
            if op.op_type.startswith("constexpr_"):
                if name not in self._weights:
                    self._weights[name] = self._run(op, values)[0]
                values[name] = self._weights[name]
                continue
            for output, result in zip(op.outputs, self._run(op, values), strict=True):
                values[output.name] = result
            for used in last_use.get(index, ()):
                values.pop(used, None)
        return {output.name: values[output.name] for output in self._function.outputs}

    def _last_uses(self) -> dict[int, list[str]]:
        """Return by operation which values no later one needs, so that memory stays small."""
        last: dict[str, int] = {}
        for index, op in enumerate(self._function.operations):
            for value in op.inputs.values():
                for each in value if isinstance(value, list | tuple) else [value]:
                    if each is not None:
                        last[each.name] = index
        kept = {output.name for output in self._function.outputs}
        result: dict[int, list[str]] = {}
        for name, index in last.items():
            if name not in kept:
                result.setdefault(index, []).append(name)
        return result

    def _run(self, op: Any, values: dict[str, Any]) -> list[np.ndarray]:
        def value(of: Any) -> Any:
            if isinstance(of, list | tuple):
                return [value(each) for each in of]
            return values[of.name] if of.name in values else _widened(of.val)

        arguments = {name: value(of) for name, of in op.inputs.items() if of is not None}
        results = OPERATIONS[op.op_type](**arguments)
        results = results if isinstance(results, list) else [results]
        return [_rounded(result, str(output.dtype)) for result, output in zip(results, op.outputs, strict=True)]


def _widened(value: Any) -> Any:
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float16 else value


def _rounded(result: np.ndarray, dtype: str) -> np.ndarray:
    result = np.asarray(result)
    if result.dtype.kind != "f":
        return result
    if "fp16" in dtype:
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, as on a device
            return result.astype(np.float16).astype(np.float32)
    return result.astype(np.float32, copy=False)


def _padding(size: int, kernel: int, stride: int, dilation: int, kind: str, pad: Any, axis: int) -> tuple[int, int]:
    """Return what is added before and after an axis, as `pad_type` says."""
    if kind == "valid":
        return 0, 0
    if kind == "custom":
        return int(pad[2 * axis]), int(pad[2 * axis + 1])
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return (total // 2, total - total // 2) if kind == "same" else (total - total // 2, total // 2)


def conv(x, weight, bias=None, strides=(1, 1), pad_type="valid", pad=(0,) * 4, dilations=(1, 1), groups=1) -> np.ndarray:
    """Convolve `(batch, in, h, w)` with `(out, in / groups, kh, kw)`: a matrix product for each tap of the kernel."""
    (out, within, *kernel), groups = weight.shape, int(groups)
    strides, dilations = [int(each) for each in strides], [int(each) for each in dilations]
    pads = [_padding(x.shape[2 + i], kernel[i], strides[i], dilations[i], str(pad_type), pad, i) for i in (0, 1)]
    x = np.pad(x, ((0, 0), (0, 0), *pads))
    size = [(x.shape[2 + i] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in (0, 1)]
    result = np.zeros((len(x), out, size[0] * size[1]), np.float32)
    each = out // groups
    for group in range(groups):
        part = x[:, group * within : (group + 1) * within]
        for a, b in np.ndindex(*kernel):
            rows = slice(a * dilations[0], a * dilations[0] + (size[0] - 1) * strides[0] + 1, strides[0])
            columns = slice(b * dilations[1], b * dilations[1] + (size[1] - 1) * strides[1] + 1, strides[1])
            taken = part[:, :, rows, columns].reshape(len(x), within, -1)
            tap = np.ascontiguousarray(weight[group * each : (group + 1) * each, :, a, b])  # NumPy multiplies others slowly
            result[:, group * each : (group + 1) * each] += tap @ taken
    result = result.reshape(len(x), out, *size)
    return result if bias is None else result + np.asarray(bias).reshape(1, -1, 1, 1)


def conv_transpose(
    x, weight, bias=None, strides=(1, 1), pad_type="valid", pad=(0,) * 4, dilations=(1, 1), groups=1, output_shape=None
) -> np.ndarray:
    """Spread `(batch, in, h, w)` by `(in, out, kh, kw)`: the gradient of a convolution."""
    if int(groups) != 1 or str(pad_type) not in ("valid", "custom", "same"):
        raise ModelError(f"conv_transpose of {groups} groups, padding {pad_type}, cannot be checked here")
    strides, dilations = [int(each) for each in strides], [int(each) for each in dilations]
    (_, out, *kernel), (batch, _, *size) = weight.shape, x.shape
    full = np.zeros(
        (batch, out, *((size[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 for i in (0, 1))), np.float32
    )
    flat = x.reshape(batch, x.shape[1], -1)
    for a, b in np.ndindex(*kernel):
        rows = slice(a * dilations[0], a * dilations[0] + (size[0] - 1) * strides[0] + 1, strides[0])
        columns = slice(b * dilations[1], b * dilations[1] + (size[1] - 1) * strides[1] + 1, strides[1])
        tap = np.ascontiguousarray(weight[:, :, a, b].T)
        full[:, :, rows, columns] += (tap @ flat).reshape(batch, out, *size)
    for i in (0, 1):
        whole = full.shape[2 + i]
        before, after = (int(pad[2 * i]), int(pad[2 * i + 1])) if str(pad_type) == "custom" else (0, 0)
        wanted = whole - before - after if output_shape is None else int(output_shape[2 + i])
        if str(pad_type) == "same":
            wanted = size[i] * strides[i] if output_shape is None else wanted
            before = (whole - wanted) // 2
        if before < 0 or before + wanted > whole:
            raise ModelError(f"conv_transpose with an output of {wanted} from {whole} cannot be checked here")
        full = full.take(range(before, before + wanted), axis=2 + i)
    return full if bias is None else full + np.asarray(bias).reshape(1, -1, 1, 1)


def max_pool(x, kernel_sizes, strides=(1, 1), pad_type="valid", pad=(0,) * 4, ceil_mode=False) -> np.ndarray:
    """Take the largest value of each window of `(batch, channels, h, w)`."""
    if str(pad_type) != "valid" or ceil_mode:
        raise ModelError(f"max_pool with padding {pad_type} cannot be checked here")
    kernel, strides = [int(each) for each in kernel_sizes], [int(each) for each in strides]
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    return windows[:, :, :: strides[0], :: strides[1]].max(axis=(-2, -1))


def pad(x, pad, mode="constant", constant_val=0.0) -> np.ndarray:
    """Add values around the last axes, two numbers for each."""
    if str(mode) != "constant":
        raise ModelError(f"padding of mode {mode} cannot be checked here")
    pairs = np.asarray(pad, int).reshape(-1, 2)
    return np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + [tuple(pair) for pair in pairs], constant_values=float(constant_val))


def slice_by_index(x, begin, end, stride=None, begin_mask=None, end_mask=None, squeeze_mask=None) -> np.ndarray:
    """Cut a block out, as Python's slices do."""
    pieces = []
    for axis in range(x.ndim):
        if squeeze_mask is not None and squeeze_mask[axis]:
            pieces.append(int(begin[axis]))
            continue
        first = None if begin_mask is not None and begin_mask[axis] else int(begin[axis])
        last = None if end_mask is not None and end_mask[axis] else int(end[axis])
        pieces.append(slice(first, last, None if stride is None else int(stride[axis])))
    return x[tuple(pieces)]


def split(x, axis, num_splits=None, split_sizes=None) -> list[np.ndarray]:
    """Cut along an axis."""
    if split_sizes is None:
        return np.split(x, int(num_splits), axis=int(axis))
    return np.split(x, np.cumsum(split_sizes)[:-1].astype(int), axis=int(axis))


def matmul(x, y, transpose_x=False, transpose_y=False) -> np.ndarray:
    """Multiply matrices, the last two axes."""
    return (np.swapaxes(x, -1, -2) if transpose_x else x) @ (np.swapaxes(y, -1, -2) if transpose_y else y)


def linear(x, weight, bias=None) -> np.ndarray:
    """Return `x @ weight.T + bias`."""
    result = x @ weight.T
    return result if bias is None else result + bias


def constexpr_affine_dequantize(quantized_data, zero_point, scale, axis) -> np.ndarray:
    """Return `(data - zero point) * scale`, both for each slice along an axis."""
    shape = [-1 if each == int(axis) else 1 for each in range(quantized_data.ndim)]
    zero, step = (np.asarray(each, np.float32) for each in (zero_point, scale))
    return (quantized_data.astype(np.float32) - (zero.reshape(shape) if zero.ndim else zero)) * (
        step.reshape(shape) if step.ndim else step
    )


def constexpr_lut_to_dense(indices, lut, shape) -> np.ndarray:
    """Look values up: indices of log2(len(lut)) bits each, packed into bytes, the lowest bit first."""
    width = int(np.log2(len(lut)))
    count = int(np.prod(shape))
    bits = np.unpackbits(indices, bitorder="little")[: count * width].reshape(count, width)
    return np.asarray(lut)[bits @ (1 << np.arange(width))].reshape([int(size) for size in shape])


def _axes(axes: Any) -> tuple[int, ...] | None:
    return None if axes is None else tuple(int(axis) for axis in axes)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "conv": conv,
    "conv_transpose": conv_transpose,
    "max_pool": max_pool,
    "pad": pad,
    "slice_by_index": slice_by_index,
    "split": split,
    "matmul": matmul,
    "linear": linear,
    "constexpr_affine_dequantize": constexpr_affine_dequantize,
    "constexpr_lut_to_dense": constexpr_lut_to_dense,
    "relu": lambda x: np.maximum(x, 0),
    "exp": lambda x: np.exp(x),
    "tanh": lambda x: np.tanh(x),
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * x)),
    "reduce_mean": lambda x, axes=None, keep_dims=False: np.mean(x, _axes(axes), keepdims=bool(keep_dims)),
    "square": lambda x: x * x,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "real_div": lambda x, y: x / y,
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "transpose": lambda x, perm: np.transpose(x, _axes(perm)),
    "reshape": lambda x, shape: np.reshape(x, _axes(shape)),
    "concat": lambda values, axis, interleave=False: np.concatenate(values, int(axis)),
    "expand_dims": lambda x, axes: np.expand_dims(x, _axes(axes)),
    "squeeze": lambda x, axes=None: np.squeeze(x, _axes(axes)),
    "cast": lambda x, dtype: x.astype(_TYPES[str(dtype)]),
}
