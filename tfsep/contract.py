"""What a model file promises to whoever runs it: tensors, spectrogram, stems, chunking."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

CONTRACT_VERSION = 1
RESIDUAL_STEMS = ("other", "accompaniment")


def residual_stem(stems: Sequence[str]) -> str:
    """Return the stem that takes what no other stem claims: `other` or `accompaniment` if there is one, else the last."""
    return next((stem for stem in RESIDUAL_STEMS if stem in stems), stems[-1])


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """The promise of one exported generator, kept as JSON beside the file.

    Input: float32 `(1, spec.frames, spec.model_bins, spec.channels)`, `log1p(feature_gain * magnitude)` of the mixture.
    Outputs: for each stem a float32 mask `(1, spec.frames, spec.model_bins, spec.channels)`, in a tensor with the stem's name.
    Masks lie in [0, 1] and sum to one over the stems.

    Raises: ValueError from a field out of range.
    """

    spec: SpectrogramSpec
    stems: tuple[str, ...]
    input_name: str = "features"
    overlap_frames: int = 16  # neighbouring chunks share this many frames, over which their masks are cross-faded
    name: str = "model"
    bandwidth_hz: float | None = None  # below half the sample rate where the model leaves the highs to the residual stem
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if len(self.stems) < 2 or len(set(self.stems)) != len(self.stems):
            raise ValueError(f"stems={self.stems}: use two or more different names")
        if not 0 <= self.overlap_frames <= self.spec.frames // 2:
            raise ValueError(f"overlap_frames={self.overlap_frames}: use 0 to {self.spec.frames // 2}")

    def to_json(self) -> dict[str, Any]:
        """Return the contract as JSON values."""
        return {
            "contract_version": CONTRACT_VERSION,
            "name": self.name,
            "spec": self.spec.to_json(),
            "stems": list(self.stems),
            "input_name": self.input_name,
            "overlap_frames": self.overlap_frames,
            "bandwidth_hz": self.bandwidth_hz,
            "training": self.training,
        }

    @classmethod
    def read(cls, path: Path) -> "ModelContract":
        """Read a contract from a JSON file. Raises: ModelError if it is missing, damaged or of another version."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ModelError(
                f"{path}: this description of the model is missing; copy it together with the model file"
            ) from None
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror}); export the model again") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ModelError(f"{path}: not a model description ({error}); export the model again") from None
        version = fields.get("contract_version") if isinstance(fields, dict) else None
        if version != CONTRACT_VERSION:
            raise ModelError(f"{path}: contract version {version}, this program reads {CONTRACT_VERSION}: export it again")
        try:
            return cls(
                spec=SpectrogramSpec.from_json(fields["spec"]),
                stems=tuple(fields["stems"]),
                input_name=fields["input_name"],
                overlap_frames=fields["overlap_frames"],
                name=fields["name"],
                bandwidth_hz=fields["bandwidth_hz"],
                training=fields["training"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: the model description is incomplete or wrong ({error}); export the model again"
            ) from None

    def to_bytes(self) -> bytes:
        """Return what `read` reads: indented JSON."""
        return (json.dumps(self.to_json(), indent=2) + "\n").encode()

    def write(self, path: Path) -> None:
        """Write the contract as indented JSON."""
        path.write_bytes(self.to_bytes())
