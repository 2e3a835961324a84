"""Running a generator that was exported to ONNX."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfsep.errors import MissingExtraError, ModelError
from tfsep.separation.runtime_contract import check_tensors, read_contract

_ERRORS_ONLY = 3
_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}


class OnnxRuntime:
    """A `.onnx` file, run on the processor by ONNX Runtime, a thread for each chunk.

    Raises: ModelError if the file or its contract is missing or damaged, or the two do not fit, MissingExtraError.
    """

    def __init__(self, path: Path, *, threads: int):
        try:
            import onnxruntime
            from onnxruntime.capi.onnxruntime_pybind11_state import (
                Fail,
                InvalidArgument,
                InvalidGraph,
                InvalidProtobuf,
                NotImplemented,
                RuntimeException,
            )
        except ModuleNotFoundError:
            raise MissingExtraError("onnxruntime", "onnx", f"the model {path}") from None
        self.contract = read_contract(path)
        self.workers = threads
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented, RuntimeException) as error:
            why = " ".join(str(error).split())
            raise ModelError(f"{path}: is not a model that ONNX can run ({why}): export it again") from None
        check_tensors(
            path,
            self.contract,
            *(
                {tensor.name: (_sizes(tensor.shape), _TYPES.get(tensor.type, tensor.type)) for tensor in tensors}
                for tensors in (self._session.get_inputs(), self._session.get_outputs())
            ),
        )

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk, see `Runtime.predict`."""
        outputs = self.run({self.contract.input_name: features[np.newaxis]})
        return {name: output[0] for name, output in outputs.items()}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for all inputs of the contract, both with a batch axis; new arrays."""
        names = list(self.contract.outputs)
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))


def _sizes(shape: list) -> list[int]:
    """Return a shape with -1 for what the file leaves open."""
    return [size if isinstance(size, int) else -1 for size in shape]
