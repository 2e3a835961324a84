"""What the file of a genre classifier promises to whoever runs it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tfsep.contract_network import NetworkContract
from tfsep.spec import SpectrogramSpec

GENRE = "genre"  # the contract's kind
LOGITS = "logits"  # the only output


@dataclass(frozen=True, kw_only=True)
class GenreContract(NetworkContract):
    """The promise of one exported genre classifier, kept where a `ModelContract` is.

    Input: float32 `(1, spec.frames, mel_bands, channels)`, `log1p(spec.feature_gain * mel magnitude)` of an excerpt in mono that was
    scaled to an RMS of `level_rms`; with `percussive` a second channel holds the same of its percussive part. Output: float32
    `(1, families)`, the logits.

    A song is heard in `excerpts` excerpts, the middle of number k of n at `(k + 0.5) / n` of its length. Excerpts whose RMS is below
    `silence_rms` are left out; if all are, the song has no genre. The family probabilities are the softmax of
    the excerpts' mean logits divided by `temperature`.

    Attributes:
        families: in the order of the logits.
        low_hz, high_hz: limits of the mel bands, see `tfsep.dsp.mel.mel_filterbank`.
        percussive: whether it also hears the percussive part, `tfsep.dsp.hpss.hpss_masks` of the excerpt's magnitudes.

    Raises: ValueError from a field out of range.
    """

    kind: ClassVar[str] = GENRE
    what: ClassVar[str] = "genre classifier"
    missing: ClassVar[dict[str, Any]] = {"percussive": False}

    families: tuple[str, ...]
    spec: SpectrogramSpec = field(
        default_factory=lambda: SpectrogramSpec(
            window_samples=2048, hop_samples=1024, channels=1, frames=256, feature_gain=1000.0
        )
    )
    mel_bands: int = 64
    low_hz: float = 30.0
    high_hz: float = 14_000.0  # what a 128 kb/s MP3 keeps
    level_rms: float = 0.1
    silence_rms: float = 1e-4
    excerpts: int = 3
    temperature: float = 1.0
    percussive: bool = False
    input_name: str = "log_mel"
    name: str = "genre"
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if len(self.families) < 2 or len(set(self.families)) != len(self.families):
            raise ValueError(f"families={self.families}: use two or more different names")
        if self.spec.channels != 1:
            raise ValueError(f"channels={self.spec.channels}: a genre classifier hears mono, use 1")
        if self.mel_bands < 1 or self.excerpts < 1:
            raise ValueError(f"mel_bands={self.mel_bands}, excerpts={self.excerpts}: use 1 or more")
        if not 0 <= self.low_hz < self.high_hz <= self.spec.sample_rate_hz / 2:
            raise ValueError(f"low_hz={self.low_hz}, high_hz={self.high_hz}: use limits up to half the sample rate")
        for name in ("level_rms", "silence_rms", "temperature"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use a positive number")

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name: there is one."""
        return {self.input_name: self.input_shape}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name: there is one."""
        return {LOGITS: self.output_shape}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input, float32."""
        return (1, self.spec.frames, self.mel_bands, 2 if self.percussive else 1)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output, float32."""
        return (1, len(self.families))

    @property
    def excerpt_samples(self) -> int:
        """Samples of one excerpt, at the spec's rate."""
        return self.spec.frames * self.spec.hop_samples

    def _tensors(self) -> dict[str, Any]:
        return super()._tensors() | {
            "axes": ["batch", "frames", "mel bands", "channels"],
            "output": "probabilities are softmax(mean of the excerpts' logits / temperature)",
        }
