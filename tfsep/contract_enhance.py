"""What the file of a super-resolution network promises to whoever runs it."""

import json
from dataclasses import dataclass, field
from typing import Any

from tfsep.contract import ModelContract
from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

CONTRACT_VERSION = 1
ENHANCE = "enhance"  # the contract's kind
MAGNITUDE = "magnitude"  # the only output
GUARD_BINS = 3  # below the cutoff, where a filter has begun to fall
INPUT_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class EnhanceContract:
    """The promise of one exported super-resolution network, kept where a `ModelContract` is.

    Input: float32 `(1, spec.frames, spec.model_bins, 3)` of one channel of sound: the compressed magnitude that is known, 0 in other
    cells; the compressed magnitude of the excitation; 1 where the magnitude is known, else 0. See `tfsep.dsp.replication`.
    Output: float32 `(1, spec.frames, spec.model_bins, 1)`, compressed magnitudes, >= 0; those of known cells mean nothing.
    Compressed is `log1p(spec.feature_gain * magnitude)`.

    Attributes:
        lowest_cutoff_hz, highest_cutoff_hz: between which the network has learnt to continue a spectrum.
        overlap_frames: neighbouring chunks share this many frames, over which they are cross-faded.

    Raises: ValueError from a field out of range.
    """

    spec: SpectrogramSpec = field(
        default_factory=lambda: SpectrogramSpec(
            window_samples=2048, hop_samples=512, channels=1, frames=128, feature_gain=30_000.0
        )
    )
    lowest_cutoff_hz: float = 2500.0
    highest_cutoff_hz: float = 16_500.0
    overlap_frames: int = 16
    input_name: str = "spectrum"
    name: str = "enhance"
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.spec.channels != 1:
            raise ValueError(f"channels={self.spec.channels}: the network hears each channel by itself, use 1")
        if not 0 < self.lowest_cutoff_hz < self.highest_cutoff_hz < self.spec.sample_rate_hz / 2:
            raise ValueError(
                f"lowest_cutoff_hz={self.lowest_cutoff_hz}, highest_cutoff_hz={self.highest_cutoff_hz}: use cutoffs below half the "
                "sample rate"
            )
        if not 0 <= self.overlap_frames <= self.spec.frames // 2:
            raise ValueError(f"overlap_frames={self.overlap_frames}: use 0 to {self.spec.frames // 2}")

    @property
    def kind(self) -> str:
        """What a contract's field `kind` says of such files."""
        return ENHANCE

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name: there is one."""
        return {self.input_name: self.input_shape}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name: there is one."""
        return {MAGNITUDE: self.output_shape}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input, float32."""
        return (1, self.spec.frames, self.spec.model_bins, INPUT_CHANNELS)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output, float32."""
        return (1, self.spec.frames, self.spec.model_bins, 1)

    def first_bin(self, cutoff_hz: float) -> int:
        """Return the first bin that is to be restored where sound ends at `cutoff_hz`."""
        return int(cutoff_hz * self.spec.window_samples / self.spec.sample_rate_hz) - GUARD_BINS

    def to_json(self) -> dict[str, Any]:
        """Return the contract as JSON values; `tensors` follows from the rest."""
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": ENHANCE,
            "name": self.name,
            "spec": self.spec.to_json(),
            "lowest_cutoff_hz": self.lowest_cutoff_hz,
            "highest_cutoff_hz": self.highest_cutoff_hz,
            "overlap_frames": self.overlap_frames,
            "input_name": self.input_name,
            "tensors": self._tensors(),
            "training": self.training,
        }

    def _tensors(self) -> dict[str, Any]:
        return {
            "inputs": [{"name": self.input_name, "dtype": "float32", "shape": list(self.input_shape)}],
            "outputs": [{"name": MAGNITUDE, "dtype": "float32", "shape": list(self.output_shape)}],
            "axes": ["batch", "frames", "bins", "channels"],
            "input": "log1p(feature_gain * magnitude), 0 where it is to be restored; that of the excitation; 1 where it is known",
            "output": "log1p(feature_gain * magnitude)",
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any], source: str) -> "EnhanceContract":
        """Build a contract from `to_json`'s fields. Raises: ModelError, which names the `source`."""
        if fields.get("contract_version") != CONTRACT_VERSION:
            version = fields.get("contract_version")
            raise ModelError(f"{source}: contract version {version}, this program reads {CONTRACT_VERSION}: export it again")
        try:
            values = {name: fields[name] for name in cls.__dataclass_fields__}
            contract = cls(**values | {"spec": SpectrogramSpec.from_json(fields["spec"])})
            if fields.get("tensors", contract._tensors()) != contract._tensors():
                raise ValueError("tensors do not follow from the other fields")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{source}: the description of the super-resolution network is incomplete or wrong ({error}); export it again"
            ) from None
        return contract

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> "EnhanceContract":
        """Read a contract from what `to_bytes` returns, JSON of this kind. Raises: ModelError, which names the `source`."""
        return cls.from_json(json.loads(content), source)

    to_bytes = ModelContract.to_bytes
