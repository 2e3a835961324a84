"""A trained super-resolution network as training hands it on: a folder with `model.keras` and `enhance.json`."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfsep.bundle import MODEL_FILE, write_model
from tfsep.contract_enhance import EnhanceContract
from tfsep.errors import ModelError
from tfsep.models.superres_config import SuperResolutionConfig

if TYPE_CHECKING:
    from tfsep.models.superres import SuperResolutionNet

BUNDLE_VERSION = 1
ABOUT_FILE = "enhance.json"


@dataclass(frozen=True)
class EnhanceBundle:
    """A trained network with its description; the network is built for the contract's frames."""

    contract: EnhanceContract
    config: SuperResolutionConfig
    network: "SuperResolutionNet"

    @property
    def name(self) -> str:
        """The network's name."""
        return self.contract.name

    @staticmethod
    def write(folder: Path, contract: EnhanceContract, config: SuperResolutionConfig, weights: Sequence[np.ndarray]) -> None:
        """Write a folder with these weights, in the order of the network's variables; each file appears whole or not at all.

        Raises: AudioError if it cannot be written.
        """
        from tfsep.models.superres import build_super_resolution

        network = build_super_resolution(config, contract)
        for variable, value in zip(network.variables, weights, strict=True):
            variable.assign(value)
        about = {"bundle_version": BUNDLE_VERSION, "network": config.to_json(), "contract": contract.to_json()}
        write_model(folder, network, ABOUT_FILE, about)

    @classmethod
    def load(cls, folder: Path) -> "EnhanceBundle":
        """Read a folder. Raises: ModelError if it is missing, damaged or of another version."""
        contract, config = _about(folder / ABOUT_FILE)
        from tfsep.models.superres import build_super_resolution

        network = build_super_resolution(config, contract)
        try:
            network.load_weights(folder / MODEL_FILE)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{folder / MODEL_FILE}: not the weights of this network ({str(error).splitlines()[0]}); copy the folder again"
            ) from None
        return cls(contract, config, network)


def _about(path: Path) -> tuple[EnhanceContract, SuperResolutionConfig]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); name a folder that tfsep train-enhance wrote") from None
    except ValueError as error:  # also UnicodeDecodeError
        raise ModelError(f"{path}: damaged ({error}); copy the folder again") from None
    version = fields.get("bundle_version") if isinstance(fields, dict) else None
    if version != BUNDLE_VERSION:
        raise ModelError(f"{path}: bundle version {version}, this program reads {BUNDLE_VERSION}: train it again")
    try:
        config = SuperResolutionConfig.from_json(fields["network"])
        return EnhanceContract.from_json(fields["contract"], str(path)), config
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
