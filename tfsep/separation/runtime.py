"""Running a generator, whatever it was exported as; chosen by file name."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np

from tfsep.contract import WAVEFORM, ModelContract
from tfsep.contract_drums import DRUM_HITS
from tfsep.contract_enhance import ENHANCE
from tfsep.contract_genre import GENRE
from tfsep.contract_live import LIVE
from tfsep.errors import MissingExtraError, ModelError, UsageError
from tfsep.separation.hpss_runtime import HPSS, HpssRuntime
from tfsep.separation.live_runtime import LiveRuntime, bundle_runtime
from tfsep.separation.runtime_contract import Contract, check_tensors, read_contract

_ALLOWED = "use the name of a model that comes with tfsep, a .tflite or .onnx file, a .keras file, or a folder with model.keras"


class Runtime(Protocol):
    """A generator that can be run on NumPy arrays; `predict` may be called by `workers` threads at the same time."""

    contract: ModelContract
    workers: int

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk.

        Args:
            features: float32 `(spec.frames, spec.model_bins, input channels)`, see `ModelContract`.
        Returns: for each stem of the contract float32 `(spec.frames, spec.model_bins, mask channels)`; they sum to one. Each
            call returns new arrays.
        """
        ...


def shipped_models() -> list[str]:
    """Return the names of the models that come with tfsep, sorted."""
    weights = resources.files("tfsep") / "weights"
    if not weights.is_dir():
        return []
    return sorted(folder.name for folder in weights.iterdir() if (folder / "model.tflite").is_file())


def load_runtime(model: str | Path, *, threads: int = 2) -> Runtime | LiveRuntime:
    """Load a model.

    Args:
        model: the name of a model that comes with tfsep, such as "default", or "hpss", which takes no file; a `.tflite` file; a
            `.onnx` file (needs the extra [onnx]); a folder with `model.keras` and `bundle.json`, or the `.keras` file in it (needs
            the extra [train]).
        threads: how many threads a `.tflite` or `.onnx` may use.
    Raises: ModelError if there is no such model, it is damaged, or not what its description says, UsageError for `threads`
        below 1, MissingExtraError.
    """
    if threads < 1:
        raise UsageError(f"threads={threads}: use 1 or more")
    path = Path(model)
    if isinstance(model, str) and path.name == model and not path.suffix and not path.exists():
        if model == HPSS:
            return HpssRuntime(workers=threads)
        names = shipped_models()
        if model not in names:
            known = f"models that come with tfsep: {', '.join((*names, HPSS))}"
            raise ModelError(f"model {model!r}: there is no such model or file; {known}; else {_ALLOWED}")
    elif not path.exists():
        raise ModelError(f"{path}: there is no such model: {_ALLOWED}")
    if isinstance(model, str) and model in shipped_models():
        path = Path(str(resources.files("tfsep") / "weights" / model / "model.tflite"))
    if path.suffix == ".mlpackage":
        raise ModelError(
            f"{path}: Core ML files run in apps on Apple's systems only; separate with the .tflite of the same export"
        )
    if path.is_dir():
        return _load_bundle(path)
    if path.suffix == ".keras":
        return _load_bundle(path.parent)
    if path.suffix not in (".tflite", ".onnx"):
        raise ModelError(f"{path}: is not a model that can be run: {_ALLOWED}")
    runtime = load_file(path, threads=threads)
    if runtime.contract.kind == GENRE:
        raise ModelError(f"{path}: tells genres, it does not separate: use it with tfsep genre, or in a routing.json")
    if runtime.contract.kind == DRUM_HITS:
        raise ModelError(f"{path}: finds drum hits, it does not separate: use it with tfsep drums --transcriber")
    if runtime.contract.kind == ENHANCE:
        raise ModelError(f"{path}: restores highs, it does not separate: use it with tfsep enhance --model")
    if runtime.contract.kind == WAVEFORM:
        raise ModelError(
            f"{path}: takes and gives sound, for apps without a transform of their own; separate with the spectrogram file of "
            "the same export"
        )
    return runtime


def load_file(path: Path, *, threads: int) -> Runtime | LiveRuntime:
    """Load a `.tflite` or `.onnx` file of any kind; `predict` takes and gives what its contract says, without the batch axis.

    Raises: as `load_runtime`.
    """
    if path.suffix == ".onnx":
        from tfsep.separation.runtime_onnx import OnnxRuntime

        runtime = OnnxRuntime(path, threads=threads)
    else:
        runtime = LiteRtRuntime(path, threads=threads)
    return LiveRuntime(runtime.contract, runtime.run) if runtime.contract.kind == LIVE else runtime


class LiteRtRuntime:
    """A `.tflite` file, run on the processor by LiteRT: one interpreter a thread, each with chunks of its own.

    Two interpreters of one thread get more done than one of two threads, whose halves wait for each other in every layer.

    Raises: ModelError if the file or its contract is missing or damaged, or the two do not fit.
    """

    def __init__(self, path: Path, *, threads: int):
        from ai_edge_litert.interpreter import Interpreter

        self.contract: Contract = read_contract(path)
        self.workers = threads
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self._interpreters = []  # a runner does not keep its interpreter alive
        for _ in range(threads):
            try:
                with _without_notes():
                    interpreter = Interpreter(model_path=str(path), num_threads=1)
                    interpreter.allocate_tensors()
                signatures = interpreter.get_signature_list()
                runner = interpreter.get_signature_runner(next(iter(signatures))) if len(signatures) == 1 else None
            except (ValueError, RuntimeError, OSError) as error:
                raise ModelError(
                    f"{path}: is not a model that LiteRT can run ({_first_line(error)}): export it again"
                ) from None
            if runner is None:
                raise ModelError(f"{path}: has {len(signatures)} signatures, one is expected: export the model again")
            check_tensors(
                path,
                self.contract,
                *(
                    {name: (tensor["shape"], np.dtype(tensor["dtype"]).name) for name, tensor in details.items()}
                    for details in (runner.get_input_details(), runner.get_output_details())
                ),
            )
            self._interpreters.append(interpreter)
            self._idle.put(runner)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk, see `Runtime.predict`."""
        outputs = self.run({self.contract.input_name: features[np.newaxis]})
        return {name: outputs[name][0] for name in self.contract.outputs}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for all inputs of the contract, both with a batch axis; new arrays."""
        runner = self._idle.get()
        try:
            return runner(**inputs)
        finally:
            self._idle.put(runner)


class BundleRuntime:
    """A folder that training wrote, run by Keras. Raises: as `tfsep.bundle.Bundle.load`."""

    workers = 1  # Keras spreads each chunk over the cores by itself

    def __init__(self, bundle: Any):
        self._bundle = bundle
        self.contract: ModelContract = bundle.contract

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk, see `Runtime.predict`."""
        masks = self._bundle.predict(features[np.newaxis])
        return {stem: np.array(masks[stem][0], np.float32) for stem in self.contract.stems}


def _load_bundle(folder: Path) -> Runtime | LiveRuntime:
    if not (folder / "model.keras").is_file():
        raise ModelError(f"{folder}: holds no model.keras: {_ALLOWED}")
    try:
        import keras  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "keras", "train", f"the model {folder}") from None
    from tfsep.bundle import Bundle

    bundle = Bundle.load(folder)
    if bundle.contract.kind == LIVE:
        return bundle_runtime(bundle, frames=bundle.config.spec.frames)
    return BundleRuntime(bundle)


@contextmanager
def _without_notes() -> Iterator[None]:
    """Hold back LiteRT's notes about itself, which it writes to the process' standard error past Python; pass on the rest."""
    try:
        saved = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not line.startswith((b"INFO:", b"VERBOSE:")):
                    os.write(2, line)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
