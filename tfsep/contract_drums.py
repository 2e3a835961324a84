"""What the file of a drum transcriber promises to whoever runs it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tfsep.contract_network import NetworkContract
from tfsep.spec import SpectrogramSpec

DRUM_HITS = "drum_hits"  # the contract's kind
ONSETS, VELOCITIES = "onsets", "velocities"  # the outputs
CLASSES = ("kick", "snare", "closed_hat", "open_hat", "cymbal", "tom", "percussion")


@dataclass(frozen=True, kw_only=True)
class DrumContract(NetworkContract):
    """The promise of one exported drum transcriber, kept where a `ModelContract` is.

    Input: float32 `(1, spec.frames, mel_bands, 1)`, `log1p(spec.feature_gain * mel magnitude)` of a drum stem in mono. Outputs:
    float32 `(1, spec.frames, classes)`: `onsets`, the logit of a hit beginning in that frame, and `velocities`, 0 to 1, which
    mean something where a hit begins.

    Frame `k` is centred on sample `k * spec.hop_samples + spec.hop_samples - spec.window_samples / 2` of the sound. Chunks of
    `spec.frames` overlap by `2 * context_frames`, and the outer `context_frames` of each are left to its neighbours. A
    hit is where `sigmoid(onsets)` of a class is at least its threshold and the highest within `peak_frames` either side.

    Attributes:
        classes: in the order of the outputs.
        low_hz, high_hz: limits of the mel bands, see `tfsep.dsp.mel.mel_filterbank`.
        thresholds: one a class.

    Raises: ValueError from a field out of range.
    """

    kind: ClassVar[str] = DRUM_HITS
    what: ClassVar[str] = "drum transcriber"

    classes: tuple[str, ...] = CLASSES
    spec: SpectrogramSpec = field(
        default_factory=lambda: SpectrogramSpec(
            window_samples=1764, hop_samples=441, channels=1, frames=512, feature_gain=1000.0
        )
    )
    mel_bands: int = 64
    low_hz: float = 30.0
    high_hz: float = 16_000.0
    context_frames: int = 36
    peak_frames: int = 2
    thresholds: tuple[float, ...] = (0.5,) * len(CLASSES)
    input_name: str = "log_mel"
    name: str = "drums"
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if not set(self.classes) <= set(CLASSES) or len(set(self.classes)) != len(self.classes) or not self.classes:
            raise ValueError(f"classes={self.classes}: use different ones of {', '.join(CLASSES)}")
        if self.spec.channels != 1:
            raise ValueError(f"channels={self.spec.channels}: a drum transcriber hears mono, use 1")
        if self.mel_bands < 1 or self.peak_frames < 1:
            raise ValueError(f"mel_bands={self.mel_bands}, peak_frames={self.peak_frames}: use 1 or more")
        if not 0 <= self.low_hz < self.high_hz <= self.spec.sample_rate_hz / 2:
            raise ValueError(f"low_hz={self.low_hz}, high_hz={self.high_hz}: use limits up to half the sample rate")
        if not self.peak_frames <= self.context_frames <= self.spec.frames // 4:
            raise ValueError(f"context_frames={self.context_frames}: use {self.peak_frames} to {self.spec.frames // 4}")
        if len(self.thresholds) != len(self.classes) or not all(0 < threshold < 1 for threshold in self.thresholds):
            raise ValueError(f"thresholds={self.thresholds}: use {len(self.classes)} numbers between 0 and 1")

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name: there is one."""
        return {self.input_name: self.input_shape}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name."""
        return dict.fromkeys((ONSETS, VELOCITIES), (1, self.spec.frames, len(self.classes)))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input, float32."""
        return (1, self.spec.frames, self.mel_bands, 1)

    def frame_s(self, frame: float) -> float:
        """Return the time that a frame, counted from the start of the sound, is centred on, in seconds."""
        return ((frame + 1) * self.spec.hop_samples - self.spec.window_samples / 2) / self.spec.sample_rate_hz

    def _tensors(self) -> dict[str, Any]:
        return super()._tensors() | {
            "axes": ["batch", "frames", "mel bands", "channels"],
            "output": "onsets: logits of a hit in that frame, by class; velocities: 0 to 1, by class",
        }
