"""A trained super-resolution network as training hands it on: a folder with `model.keras` and `enhance.json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfsep.bundle import BUNDLE_VERSION, load_weights, read_description, write_model
from tfsep.contract_enhance import EnhanceContract
from tfsep.errors import ModelError
from tfsep.models.superres_config import SuperResolutionConfig

if TYPE_CHECKING:
    from tfsep.models.superres import SuperResolutionNet

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
        load_weights(network, folder, "network")
        return cls(contract, config, network)


def _about(path: Path) -> tuple[EnhanceContract, SuperResolutionConfig]:
    fields = read_description(path, "tfsep train-enhance")
    try:
        config = SuperResolutionConfig.from_json(fields["network"])
        return EnhanceContract.from_json(fields["contract"], str(path)), config
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
