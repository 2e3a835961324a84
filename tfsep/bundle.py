"""What training hands to everybody else: a folder with `model.keras` and `bundle.json`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsep.audio.atomic import AtomicFile
from tfsep.contract import ModelContract
from tfsep.errors import ModelError
from tfsep.models.config import GeneratorConfig

if TYPE_CHECKING:
    import keras

BUNDLE_VERSION = 1
MODEL_FILE = "model.keras"
ABOUT_FILE = "bundle.json"


@dataclass(frozen=True)
class Bundle:
    """A trained generator with its configuration.

    Attributes:
        generator: built for `config.spec.frames` frames, float32.
        training: how it came to be: data, steps, hours of audio, scores.
    """

    config: GeneratorConfig
    generator: "keras.Model"
    training: dict[str, Any]
    name: str

    @property
    def contract(self) -> ModelContract:
        """The promise that exports of this generator make."""
        return ModelContract(spec=self.config.spec, stems=self.config.stems, name=self.name, training=self.training)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of float32 features `(batch, frames, model_bins, channels)`, by stem."""
        return {stem: np.asarray(mask) for stem, mask in self.generator.masks(features).items()}

    @staticmethod
    def write(
        folder: Path, config: GeneratorConfig, weights: Sequence[np.ndarray], *, training: dict[str, Any], name: str = "model"
    ) -> None:
        """Write a bundle with these weights, in the order of the generator's variables; each file appears whole or not at all."""
        import keras

        from tfsep.models.presets import build_generator

        policy = keras.mixed_precision.global_policy()
        keras.mixed_precision.set_global_policy("float32")  # whatever precision it was trained in
        try:
            generator = build_generator(config)
        finally:
            keras.mixed_precision.set_global_policy(policy)
        for variable, value in zip(generator.variables, weights, strict=True):
            variable.assign(value)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{MODEL_FILE}.part.keras"
        generator.save(temporary)
        temporary.replace(folder / MODEL_FILE)
        about = {"bundle_version": BUNDLE_VERSION, "name": name, "generator": config.to_json(), "training": training}
        with AtomicFile(folder / ABOUT_FILE) as target:
            target.file.write(json.dumps(about, indent=2).encode() + b"\n")

    @classmethod
    def load(cls, folder: Path, *, frames: int | None = None) -> "Bundle":
        """Read a bundle. Raises: ModelError if it is missing, damaged or of another version.

        Args:
            frames: build for chunks of this many frames rather than the stored number.
        """
        about = folder / ABOUT_FILE
        try:
            fields = json.loads(about.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise ModelError(f"{folder}: not a model; a model folder holds {MODEL_FILE} and {ABOUT_FILE}") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelError(f"{about}: damaged ({error}); copy the bundle again") from None
        version = fields.get("bundle_version")
        if version != BUNDLE_VERSION:
            raise ModelError(
                f"{about}: bundle version {version}, this program reads {BUNDLE_VERSION}: train or export it again"
            )
        try:
            config = GeneratorConfig.from_json(fields["generator"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{about}: incomplete or wrong ({error}); copy the bundle again") from None
        if frames:
            config = replace(config, spec=replace(config.spec, frames=frames))
        return cls(
            config=config,
            generator=_load_generator(folder / MODEL_FILE, config),
            training=fields["training"],
            name=fields["name"],
        )


def _load_generator(path: Path, config: GeneratorConfig) -> "keras.Model":
    """Build a generator from its configuration and take the stored one's weights."""
    from tfsep.models.presets import build_generator

    generator = build_generator(config)
    try:
        generator.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path}: not the weights of this model ({str(error).splitlines()[0]}); copy the bundle again"
        ) from None
    return generator
