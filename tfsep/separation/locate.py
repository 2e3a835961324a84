"""Finding what is known of a model without running it."""

from importlib import resources
from pathlib import Path

from tfsep.contract import ModelContract
from tfsep.contract_drums import DRUM_HITS
from tfsep.contract_enhance import ENHANCE
from tfsep.contract_genre import GENRE
from tfsep.errors import ModelError
from tfsep.separation import hpss_runtime
from tfsep.separation.runtime import shipped_models
from tfsep.separation.runtime_contract import read_contract

BUNDLE_FILE = "bundle.json"


def find_bundle(model: str | Path) -> Path:
    """Return the folder of a trainable model.

    Args:
        model: a folder with `model.keras`, a run's folder (its `best` is taken), or the name of a model that comes with tfsep.
    Raises: ModelError if there is none.
    """
    shipped = isinstance(model, str) and model in shipped_models() and not Path(model).exists()
    path = Path(str(resources.files("tfsep") / "weights" / model)) if shipped else Path(model)
    for folder in (path, path / "best", path.parent if path.suffix == ".keras" else path):
        if (folder / BUNDLE_FILE).is_file():
            return folder
    raise ModelError(
        f"{model}: no trained model there; use a folder with {BUNDLE_FILE}, a run's folder, or one of: {', '.join(_shipped_bundles())}"
    )


def _shipped_bundles() -> list[str]:
    weights = resources.files("tfsep") / "weights"
    return [name for name in shipped_models() if (weights / name / BUNDLE_FILE).is_file()]


def find_contract(model: str | Path) -> tuple[Path, ModelContract]:
    """Return where a model lies and its contract; of a Bundle this takes no Keras.

    Raises: ModelError if there is no such model or its description is damaged.
    """
    path = Path(model)
    if model == hpss_runtime.HPSS and not path.exists():
        return Path(hpss_runtime.__file__), hpss_runtime.HpssRuntime.contract  # it is all code
    if isinstance(model, str) and model in shipped_models() and not path.exists():
        path = Path(str(resources.files("tfsep") / "weights" / model / "model.tflite"))
    if path.suffix in (".tflite", ".onnx"):
        if not path.is_file():
            raise ModelError(f"{path}: there is no such model")
        contract = read_contract(path)
        if contract.kind == GENRE:
            raise ModelError(f"{path}: tells genres, it does not separate: use it with tfsep genre")
        if contract.kind == DRUM_HITS:
            raise ModelError(f"{path}: finds drum hits, it does not separate: use it with tfsep drums --transcriber")
        if contract.kind == ENHANCE:
            raise ModelError(f"{path}: restores highs, it does not separate: use it with tfsep enhance --model")
        return path, contract
    folder = find_bundle(path)
    from tfsep.bundle import read_about

    about = read_about(folder)
    return folder, about.contract
