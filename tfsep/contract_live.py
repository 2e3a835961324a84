"""What the file of a causal generator promises to whoever runs it, block by block, with its past as tensors."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from tfsep.contract import ModelContract
from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

CONTRACT_VERSION = 1
LIVE = "live"  # the contract's kind
NEXT = "next_"  # what an output is called that is to become the input of the rest of its name
FRAMES = 256  # about as many are worked on at a time where a whole song is there


@dataclass(frozen=True, kw_only=True)
class LiveContract:
    """The promise of one exported causal generator, kept where a `ModelContract` is.

    Inputs, all float32: `features`, `(1, spec.frames, spec.model_bins, spec.channels)`, `log1p(feature_gain * magnitude)` of the next
    `spec.frames` frames of the mixture; and each state under its name, zeros before the first frame. Outputs: for each stem a mask
    of the shape of `features`, in [0, 1], which sum to one over the stems; and each state as the next call needs it, under its name
    with `next_` in front.

    Attributes:
        states: name and shape of each, the batch axis in front.

    Raises: ValueError from a field out of range.
    """

    spec: SpectrogramSpec
    stems: tuple[str, ...]
    states: tuple[tuple[str, tuple[int, ...]], ...]
    input_name: str = "features"
    name: str = "model"
    bandwidth_hz: float | None = None
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if len(self.stems) < 2 or len(set(self.stems)) != len(self.stems):
            raise ValueError(f"stems={self.stems}: use two or more different names")
        if len({*self.inputs, *self.outputs}) < 1 + len(self.stems) + 2 * len(self.states):
            raise ValueError(f"states {', '.join(name for name, _ in self.states)}: use names that no other tensor has")
        if any(len(shape) != 4 or min(shape) < 1 for _, shape in self.states):
            raise ValueError("states: each has four axes of 1 or more")

    @property
    def kind(self) -> str:
        """What a contract's field `kind` says of such files."""
        return LIVE

    @property
    def mask(self) -> str:
        """The kind of mask, see `ModelContract`."""
        return "real"

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name."""
        return {self.input_name: self.input_shape, **dict(self.states)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name."""
        return {**dict.fromkeys(self.stems, self.input_shape), **{NEXT + name: shape for name, shape in self.states}}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the features and of each mask."""
        return (1, self.spec.frames, self.spec.model_bins, self.spec.channels)

    @property
    def latency_samples(self) -> int:
        """How much later than the mixture the stems come: the transform's delay and the wait for all but one frame of a block."""
        return self.spec.latency_samples + (self.spec.frames - 1) * self.spec.hop_samples

    def in_blocks(self, frames: int) -> "LiveContract":
        """Return the same promise for another number of frames a call."""
        return replace(self, spec=replace(self.spec, frames=frames))

    def in_chunks(self, frames: int = FRAMES) -> ModelContract:
        """Return what the model promises where a whole song is taken apart: chunks of whole blocks, one after the other.

        Args:
            frames: of a chunk, about; rounded up to a whole block.
        """
        frames = -(-frames // self.spec.frames) * self.spec.frames
        return ModelContract(
            spec=replace(self.spec, frames=frames),
            stems=self.stems,
            overlap_frames=0,
            name=self.name,
            bandwidth_hz=self.bandwidth_hz,
            training=self.training,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the contract as JSON values; `tensors`, `stream` and `transform` follow from the rest, for those without tfsep."""
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": LIVE,
            "name": self.name,
            "spec": self.spec.to_json(),
            "stems": list(self.stems),
            "states": [[name, list(shape)] for name, shape in self.states],
            "input_name": self.input_name,
            "bandwidth_hz": self.bandwidth_hz,
            **self._derived(),
            "training": self.training,
        }

    def _derived(self) -> dict[str, Any]:
        def listed(tensors: dict[str, tuple[int, ...]]) -> list[dict[str, Any]]:
            return [{"name": name, "dtype": "float32", "shape": list(shape)} for name, shape in tensors.items()]

        return {
            "tensors": {
                "inputs": listed(self.inputs),
                "outputs": listed(self.outputs),
                "axes": ["batch", "frames", "bins", "channels"],
                "output": "mask in [0, 1], the stems' masks sum to 1",
            },
            "stream": {
                "first_states": "zeros",
                "next_states": f"the output {NEXT}X of a call is the input X of the call after it",
                "latency_samples": self.latency_samples,
            },
            "transform": {
                "analysis_window": "sin(pi / 2 * n / (window_samples - F)) for n < window_samples - F, then "
                "cos(pi / 2 * (n - window_samples + F) / F); F = synthesis_samples / 2",
                "scale": "2 / sum(analysis_window)",
                "first_frame_starts_at_sample": self.spec.hop_samples - self.spec.window_samples,
                "bins": "0 .. window_samples / 2 - 1; the Nyquist bin takes the mask of the bin below",
                "features": "log1p(feature_gain * magnitude)",
                "synthesis_window": "for the last synthesis_samples samples of a frame, m = 0 ..: h(m) / analysis_window * "
                "sum(analysis_window) / 2, h(m) = (2 * hop_samples / synthesis_samples) * "
                "(0.5 - 0.5 * cos(2 * pi * m / synthesis_samples))",
                "inverse": "overlap-add of these last samples, weighted with the synthesis window",
            },
        }

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> "LiveContract":
        """Read a contract from what `to_bytes` returns, JSON of this kind. Raises: ModelError, which names the `source`."""
        fields = json.loads(content)
        version = fields.get("contract_version")
        if version != CONTRACT_VERSION:
            raise ModelError(f"{source}: contract version {version}, this program reads {CONTRACT_VERSION}: export it again")
        try:
            contract = cls(
                spec=SpectrogramSpec.from_json(fields["spec"]),
                stems=tuple(fields["stems"]),
                states=tuple((name, tuple(shape)) for name, shape in fields["states"]),
                input_name=fields["input_name"],
                name=fields["name"],
                bandwidth_hz=fields["bandwidth_hz"],
                training=fields["training"],
            )
            wrong = [name for name, value in contract._derived().items() if fields.get(name) != value]
            if wrong:
                raise ValueError(f"{', '.join(wrong)} do not follow from the other fields")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{source}: the model description is incomplete or wrong ({error}); export the model again"
            ) from None
        return contract

    to_bytes = ModelContract.to_bytes
