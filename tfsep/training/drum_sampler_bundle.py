"""A trained drum sampler as training hands it on: a folder with `model.keras` and `drum_sampler.json`."""

import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsep.bundle import MODEL_FILE, write_model
from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.errors import ModelError

if TYPE_CHECKING:
    from tfsep.models.drum_sampler import Sampler

BUNDLE_VERSION = 1
ABOUT_FILE = "drum_sampler.json"


@dataclass(frozen=True)
class DrumSamplerBundle:
    """A trained sampler; its contract, which both of its parts share but for their name, is `sampler.contract`."""

    sampler: "Sampler"

    def contract(self, part: str) -> DrumSamplerContract:
        """Return the contract of a part, "encoder" or "decoder"."""
        return replace(self.sampler.contract, part=part)

    def write(self, folder: Path, training: dict[str, Any]) -> None:
        """Write the folder; each file appears whole or not at all. Raises: AudioError if it cannot be written."""
        contract = replace(self.sampler.contract, training=training)
        about = {"bundle_version": BUNDLE_VERSION, "contract": contract.to_json()}
        write_model(folder, self.sampler, ABOUT_FILE, about)

    @classmethod
    def load(cls, folder: Path) -> "DrumSamplerBundle":
        """Read a folder. Raises: ModelError if it is missing, damaged or of another version."""
        contract = _contract(folder / ABOUT_FILE)
        from tfsep.models.drum_sampler import Sampler

        sampler = Sampler(contract)
        try:
            sampler.load_weights(folder / MODEL_FILE)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{folder / MODEL_FILE}: not the weights of this sampler ({str(error).splitlines()[0]}); copy the folder again"
            ) from None
        return cls(sampler)


def _contract(path: Path) -> DrumSamplerContract:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); name a folder that tfsep train-drum-samples wrote"
        ) from None
    except ValueError as error:  # also UnicodeDecodeError
        raise ModelError(f"{path}: damaged ({error}); copy the folder again") from None
    version = fields.get("bundle_version") if isinstance(fields, dict) else None
    if version != BUNDLE_VERSION or not isinstance(fields.get("contract"), dict):
        raise ModelError(f"{path}: bundle version {version}, this program reads {BUNDLE_VERSION}: train it again")
    return DrumSamplerContract.from_json(fields["contract"], str(path))
