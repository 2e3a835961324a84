"""A trained genre classifier as training hands it on: a folder with `model.keras` and `genre.json`."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfsep.bundle import MODEL_FILE, write_model
from tfsep.contract_genre import GenreContract
from tfsep.errors import ModelError

if TYPE_CHECKING:
    import keras

BUNDLE_VERSION = 1
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
        try:
            classifier.load_weights(folder / MODEL_FILE)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{folder / MODEL_FILE}: not the weights of this classifier ({str(error).splitlines()[0]}); copy the folder again"
            ) from None
        return cls(contract, widths, classifier)


def _about(path: Path) -> tuple[GenreContract, Sequence[int]]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); name a folder that tfsep train-genres wrote") from None
    except ValueError as error:  # also UnicodeDecodeError
        raise ModelError(f"{path}: damaged ({error}); copy the folder again") from None
    version = fields.get("bundle_version") if isinstance(fields, dict) else None
    if version != BUNDLE_VERSION:
        raise ModelError(f"{path}: bundle version {version}, this program reads {BUNDLE_VERSION}: train it again")
    try:
        return GenreContract.from_json(fields["contract"], str(path)), tuple(fields["widths"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None
