"""`routing.json`: which model separates songs of which genre family."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tfsep.data.genres import FAMILIES
from tfsep.errors import ModelError

ROUTING_FILE = "routing.json"
ROUTING_VERSION = 1
AUTO = "auto"  # the name of the table that comes with tfsep
HARD, SOFT = "hard", "soft"


@dataclass(frozen=True, kw_only=True)
class RoutingTable:
    """Who separates what. Models are names of those that come with tfsep, or paths, relative to the table's own folder.

    Attributes:
        general: for songs of no family that has an expert, for silence, and where the classifier is not sure.
        experts: by family; a family may be left out.
        classifier: as `tfsep.separation.genre.CLASSIFIER.find` takes it.
        mode: "hard", the expert of the likeliest family; "soft", the masks of several, weighted by their probability.
        floor: the likeliest family's probability below which the general model separates alone.
        blend_floor: the probability below which a family has no part in a soft blend, which saves its run.

    Raises: ValueError from a field out of range.
    """

    general: str = "default"
    experts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    classifier: str = "genre"
    mode: str = HARD
    floor: float = 0.5
    blend_floor: float = 0.1

    def __post_init__(self):
        unknown = sorted(set(self.experts) - set(FAMILIES))
        if unknown:
            raise ValueError(f"experts for {', '.join(unknown)}: use the families {', '.join(FAMILIES)}")
        for name, model in {"general": self.general, "classifier": self.classifier, **self.experts}.items():
            if not isinstance(model, str) or not model:
                raise ValueError(f"{name}={model!r}: use the name or path of a model")
        if self.mode not in (HARD, SOFT):
            raise ValueError(f"mode={self.mode!r}: use {HARD} or {SOFT}")
        for name in ("floor", "blend_floor"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"{name}={value!r}: use 0 to 1")

    def model_of(self, family: str | None) -> str:
        """Return who separates songs of a family, of None those that have none."""
        return self.experts.get(family, self.general)

    def to_json(self) -> dict[str, Any]:
        """Return what `routing.json` holds."""
        return {
            "routing_version": ROUTING_VERSION,
            "general": self.general,
            "experts": dict(self.experts),
            "classifier": self.classifier,
            "mode": self.mode,
            "floor": self.floor,
            "blend_floor": self.blend_floor,
        }

    @classmethod
    def read(cls, path: Path) -> "RoutingTable":
        """Read a table. Raises: ModelError if it is missing, damaged, of another version, or names what there is not."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror}); name a {ROUTING_FILE}") from None
        except ValueError as error:  # also UnicodeDecodeError
            raise ModelError(f"{path}: is not JSON ({error}); correct it or copy it again") from None
        version = fields.pop("routing_version", None) if isinstance(fields, dict) else None
        if version != ROUTING_VERSION:
            raise ModelError(f"{path}: routing version {version}, this program reads {ROUTING_VERSION}: see docs/genres.md")
        try:
            unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
            if unknown:
                raise ValueError(f"{', '.join(unknown)}: unknown, use {', '.join(cls.__dataclass_fields__)}")
            if not isinstance(fields.get("experts", {}), dict):
                raise ValueError('experts: use an object such as {"jazz": "jazz.tflite"}')
            return cls(**fields)
        except (TypeError, ValueError) as error:
            raise ModelError(f"{path}: {error}; see docs/genres.md") from None


def find_table(model: str | Path) -> Path | None:
    """Return the table that a model's name or path means: "auto", a `.json` file or a folder that holds one; None if it means none."""
    path = Path(model)
    if model == AUTO and not path.exists():
        return Path(str(resources.files("tfsep") / "weights" / AUTO / ROUTING_FILE))
    if path.is_dir():
        return path / ROUTING_FILE if (path / ROUTING_FILE).is_file() else None
    return path if path.suffix == ".json" else None
