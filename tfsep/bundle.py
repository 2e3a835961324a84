"""What training hands to everybody else: a folder with `model.keras` and `bundle.json`."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.contract import ModelContract
from tfsep.contract_live import LIVE, LiveContract
from tfsep.errors import ModelError
from tfsep.models.config import GeneratorConfig
from tfsep.models.live_states import state_shapes

if TYPE_CHECKING:
    import keras

BUNDLE_VERSION = 1
MODEL_FILE = "model.keras"
ABOUT_FILE = "bundle.json"
FULL_BAND_HZ = 32_000  # models that work at a lower rate leave highs that people hear to the residual stem, and say so


@dataclass(frozen=True)
class About:
    """What `bundle.json` says: everything of a bundle but the weights.

    Attributes:
        training: how it came to be: data, steps, hours of audio, scores, cost.
    """

    name: str
    config: GeneratorConfig
    training: dict[str, Any]

    @property
    def contract(self) -> ModelContract | LiveContract:
        """The promise that exports of this generator make, a causal one's a frame at a time."""
        spec = self.config.spec
        bandwidth_hz = None if spec.sample_rate_hz >= FULL_BAND_HZ else spec.sample_rate_hz / 2
        common = {"stems": self.config.stems, "name": self.name, "bandwidth_hz": bandwidth_hz, "training": self.training}
        if self.config.kind == LIVE:
            states = tuple((name, (1, *shape)) for name, shape in state_shapes(self.config).items())
            return LiveContract(spec=replace(spec, frames=1), states=states, **common)
        return ModelContract(
            spec=spec,
            overlap_frames=min(16, spec.frames // 4),
            **common,
            mask="complex" if self.config.head == "complex" else "real",
        )


def read_about(folder: Path) -> About:
    """Read a bundle's description; needs no Keras. Raises: ModelError if it is missing, damaged or of another version."""
    path = folder / ABOUT_FILE
    if not path.exists():
        raise ModelError(f"{folder}: not a model; a model folder holds {MODEL_FILE} and {ABOUT_FILE}")
    fields = read_description(path, "tfsep train")
    try:
        return About(fields["name"], GeneratorConfig.from_json(fields["generator"]), fields["training"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: incomplete or wrong ({error}); copy the folder again") from None


@dataclass(frozen=True)
class Bundle:
    """A trained generator with its description.

    Attributes:
        generator: built for `about.config.spec.frames` frames, float32.
    """

    about: About
    generator: "keras.Model"

    @property
    def config(self) -> GeneratorConfig:
        """The generator's configuration."""
        return self.about.config

    @property
    def name(self) -> str:
        """The model's name."""
        return self.about.name

    @property
    def contract(self) -> ModelContract | LiveContract:
        """The promise that exports of this generator make."""
        return self.about.contract

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of float32 features `(batch, frames, model_bins, input channels)`, by stem."""
        return {stem: np.asarray(mask) for stem, mask in self.generator.masks(features).items()}

    @staticmethod
    def write(
        folder: Path, config: GeneratorConfig, weights: Sequence[np.ndarray], *, training: dict[str, Any], name: str = "model"
    ) -> None:
        """Write a bundle with these weights, in the order of the generator's variables; each file appears whole or not at all.

        Raises: AudioError if the folder cannot be written; ValueError for NaN in `training`, which is no JSON to other readers.
        """
        from tfsep.models.presets import build_generator

        with _float32():
            generator = build_generator(config)
        for variable, value in zip(generator.variables, weights, strict=True):
            variable.assign(value)
        about = {"bundle_version": BUNDLE_VERSION, "name": name, "generator": config.to_json(), "training": training}
        write_model(folder, generator, ABOUT_FILE, about)

    @classmethod
    def load(cls, folder: Path, *, frames: int | None = None) -> "Bundle":
        """Read a bundle. Raises: ModelError if it is missing, damaged or of another version.

        Args:
            frames: build for chunks of this many frames rather than the stored number.
        """
        about = read_about(folder)
        if frames:
            about = replace(about, config=replace(about.config, spec=replace(about.config.spec, frames=frames)))
        return cls(about, _load_generator(folder, about.config))


def write_model(folder: Path, model: "keras.Model", about_file: str, about: dict[str, Any]) -> None:
    """Write a model as `MODEL_FILE` and what describes it as JSON beside it; each file appears whole or not at all.

    Raises: AudioError if the folder cannot be written; ValueError for NaN in `about`, before anything is written.
    """
    described = json.dumps(about, indent=2, allow_nan=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{MODEL_FILE}.part.keras"
        model.save(temporary)
        temporary.replace(folder / MODEL_FILE)
        with AtomicFile(folder / about_file) as target:
            target.file.write(described.encode() + b"\n")
    except OSError as error:
        raise write_error(folder / MODEL_FILE, error) from None


def read_description(path: Path, command: str) -> dict[str, Any]:
    """Return what `write_model` wrote beside a model.

    Args:
        command: that writes such folders, for the message.
    Raises: ModelError if it cannot be read, is damaged or of another version.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); name a folder that {command} wrote") from None
    except ValueError as error:  # also UnicodeDecodeError
        raise ModelError(f"{path}: damaged ({error}); copy the folder again") from None
    version = fields.get("bundle_version") if isinstance(fields, dict) else None
    if version != BUNDLE_VERSION:
        raise ModelError(f"{path}: bundle version {version}, this program reads {BUNDLE_VERSION}: train or export it again")
    return fields


def load_weights(model: "keras.Model", folder: Path, what: str) -> None:
    """Give a model the weights of `MODEL_FILE` in a folder.

    Args:
        what: the model, for the message.
    Raises: ModelError if the file is missing, damaged or another model's.
    """
    path = folder / MODEL_FILE
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        why = str(error).splitlines()[0]
        raise ModelError(f"{path}: not the weights of this {what} ({why}); copy the folder again") from None


@contextmanager
def _float32() -> Iterator[None]:
    """Build what is built inside in float32, whatever precision is trained in."""
    import keras

    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(policy)


def _load_generator(folder: Path, config: GeneratorConfig) -> "keras.Model":
    """Build a generator from its configuration and take the stored one's weights."""
    from tfsep.models.presets import build_generator

    with _float32():
        generator = build_generator(config)
    load_weights(generator, folder, "model")
    return generator
