"""A trained drum transcriber as training hands it on: a folder with `model.keras` and `drums.json`."""

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.bundle import MODEL_FILE, write_model
from tfsep.contract_drums import DrumContract
from tfsep.errors import ModelError

if TYPE_CHECKING:
    import keras

BUNDLE_VERSION = 1
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
        try:
            transcriber.load_weights(folder / MODEL_FILE)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{folder / MODEL_FILE}: not the weights of this transcriber ({str(error).splitlines()[0]}); copy the folder again"
            ) from None
        return cls(contract, network, transcriber)


def _about(path: Path) -> tuple[DrumContract, DrumNetwork]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); name a folder that tfsep train-drums wrote") from None
    except ValueError as error:  # also UnicodeDecodeError
        raise ModelError(f"{path}: damaged ({error}); copy the folder again") from None
    version = fields.get("bundle_version") if isinstance(fields, dict) else None
    if version != BUNDLE_VERSION:
        raise ModelError(f"{path}: bundle version {version}, this program reads {BUNDLE_VERSION}: train it again")
    try:
        sizes = {name: tuple(size) if isinstance(size, list) else size for name, size in fields["network"].items()}
        return DrumContract.from_json(fields["contract"], str(path)), DrumNetwork(**sizes)
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
