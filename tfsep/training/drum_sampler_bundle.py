"""A trained drum sampler as training hands it on: a folder with `model.keras` and `drum_sampler.json`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsep.bundle import BUNDLE_VERSION, load_weights, read_description, write_model
from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.errors import ModelError

if TYPE_CHECKING:
    from tfsep.models.drum_sampler import Sampler

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
        load_weights(sampler, folder, "sampler")
        return cls(sampler)


def _contract(path: Path) -> DrumSamplerContract:
    fields = read_description(path, "tfsep train-drum-samples")
    try:
        return DrumSamplerContract.from_json(fields["contract"], str(path))
    except (KeyError, AttributeError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
