"""What the file of a super-resolution network promises to whoever runs it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tfsep.contract_network import NetworkContract
from tfsep.spec import SpectrogramSpec

ENHANCE = "enhance"  # the contract's kind
MAGNITUDE = "magnitude"  # the only output
GUARD_BINS = 3  # below the cutoff, where a filter has begun to fall
INPUT_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class EnhanceContract(NetworkContract):
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

    kind: ClassVar[str] = ENHANCE
    what: ClassVar[str] = "super-resolution network"

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

    def _tensors(self) -> dict[str, Any]:
        return super()._tensors() | {
            "axes": ["batch", "frames", "bins", "channels"],
            "input": "log1p(feature_gain * magnitude), 0 where it is to be restored; that of the excitation; 1 where it is known",
            "output": "log1p(feature_gain * magnitude)",
        }
