"""The networks beside the models that separate: where their files lie, and how they are loaded."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tfsep.contract_network import NetworkContract
from tfsep.errors import ModelError
from tfsep.separation.runtime import Runtime, load_file


@dataclass(frozen=True)
class NetworkKind:
    """One kind of such networks.

    Attributes:
        name: by which the one that comes with tfsep is asked for.
        contract: the class of its contract.
    """

    name: str
    contract: type[NetworkContract]

    def find(self, model: str | Path | None = None) -> Path:
        """Return the file of a network.

        Args:
            model: a `.tflite` or `.onnx` file; None or the kind's name for the one that comes with tfsep, whatever else is called
                so here.
        Raises: ModelError if there is none.
        """
        if model is None or model == self.name:
            # not model.tflite: it is no model to separate with
            return Path(str(resources.files("tfsep") / "weights" / self.name / f"{self.name}.tflite"))
        path = Path(model)
        if path.suffix not in (".tflite", ".onnx") or not path.is_file():
            raise ModelError(
                f'{model}: there is no such {self.contract.what}; use "{self.name}", or a file that tfsep-export made of one'
            )
        return path

    def load(self, model: str | Path | None = None, *, threads: int = 1) -> Runtime:
        """Return what runs a network, see `find`. Raises: ModelError if there is none, or the file is of another kind."""
        path = self.find(model)
        runtime = load_file(path, threads=threads)
        if not isinstance(runtime.contract, self.contract):
            raise ModelError(f"{path}: is no {self.contract.what}: use a file that tfsep-export made of one")
        return runtime
