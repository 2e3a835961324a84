"""A trained genre classifier as training hands it on: a folder with `model.keras` and `genre.json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.bundle import BUNDLE_VERSION, load_weights, read_description, write_model
from tfsep.contract_genre import GenreContract
from tfsep.errors import ModelError

if TYPE_CHECKING:
    import keras

ABOUT_FILE = "genre.json"


@dataclass(frozen=True)
class GenreBundle:
    """A trained classifier with its description.

    Attributes:
        widths: channels of its convolutions, see `build_genre_classifier`.
    """

    contract: GenreContract
    widths: tuple[int, ...]
    classifier: "keras.Model"

    @property
    def name(self) -> str:
        """The classifier's name."""
        return self.contract.name

    def write(self, folder: Path) -> None:
        """Write the folder; each file appears whole or not at all. Raises: AudioError if it cannot be written."""
        from tfsep.models.genre_classifier import build_genre_classifier

        bare = build_genre_classifier(self.contract, self.widths)  # Keras would save the optimizer's state, twice the weights
        bare.set_weights(self.classifier.get_weights())
        about = {"bundle_version": BUNDLE_VERSION, "widths": list(self.widths), "contract": self.contract.to_json()}
        write_model(folder, bare, ABOUT_FILE, about)

    @classmethod
    def load(cls, folder: Path) -> "GenreBundle":
        """Read a folder. Raises: ModelError if it is missing, damaged or of another version."""
        contract, widths = _about(folder / ABOUT_FILE)
        from tfsep.models.genre_classifier import build_genre_classifier

        classifier = build_genre_classifier(contract, widths)
        load_weights(classifier, folder, "classifier")
        return cls(contract, widths, classifier)


def _about(path: Path) -> tuple[GenreContract, Sequence[int]]:
    fields = read_description(path, "tfsep train-genres")
    try:
        return GenreContract.from_json(fields["contract"], str(path)), tuple(fields["widths"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
