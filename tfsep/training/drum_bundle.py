"""A trained drum transcriber as training hands it on: a folder with `model.keras` and `drums.json`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.bundle import BUNDLE_VERSION, load_weights, read_description, write_model
from tfsep.contract_drums import DrumContract
from tfsep.errors import ModelError

if TYPE_CHECKING:
    import keras

ABOUT_FILE = "drums.json"


@dataclass(frozen=True)
class DrumNetwork:
    """The size of a transcriber, see `build_drum_transcriber`."""

    channels: tuple[int, ...] = (16, 32, 32)
    width: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)

    def build(self, contract: DrumContract) -> "keras.Model":
        """Return a transcriber with fresh weights."""
        from tfsep.models.drum_transcriber import build_drum_transcriber

        return build_drum_transcriber(contract, self.channels, self.width, self.dilations)


@dataclass(frozen=True)
class DrumBundle:
    """A trained transcriber with its description."""

    contract: DrumContract
    network: DrumNetwork
    transcriber: "keras.Model"

    @property
    def name(self) -> str:
        """The transcriber's name."""
        return self.contract.name

    def write(self, folder: Path) -> None:
        """Write the folder; each file appears whole or not at all. Raises: AudioError if it cannot be written."""
        bare = self.network.build(self.contract)  # Keras would save the optimizer's state, twice the weights
        bare.set_weights(self.transcriber.get_weights())
        about = {"bundle_version": BUNDLE_VERSION, "network": asdict(self.network), "contract": self.contract.to_json()}
        write_model(folder, bare, ABOUT_FILE, about)

    @classmethod
    def load(cls, folder: Path) -> "DrumBundle":
        """Read a folder. Raises: ModelError if it is missing, damaged or of another version."""
        contract, network = _about(folder / ABOUT_FILE)
        transcriber = network.build(contract)
        load_weights(transcriber, folder, "transcriber")
        return cls(contract, network, transcriber)


def _about(path: Path) -> tuple[DrumContract, DrumNetwork]:
    fields = read_description(path, "tfsep train-drums")
    try:
        sizes = {name: tuple(size) if isinstance(size, list) else size for name, size in fields["network"].items()}
        return DrumContract.from_json(fields["contract"], str(path)), DrumNetwork(**sizes)
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
