"""The geometry of a short-time Fourier transform, read by every stage from dataset to iPad."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SpectrogramSpec:
    """STFT geometry and the compression that feeds a generator.

    The analysis window is a periodic Hann window or, with `synthesis_samples`, an asymmetric one, see `tfsep.dsp.windows`; spectra
    are scaled so that a full-scale sine that lies on a bin has magnitude 1. A generator sees `model_bins` bins, the Nyquist bin
    left out, as `log1p(feature_gain * magnitude)`.

    Attributes:
        synthesis_samples: of a frame, how many at its end the inverse uses, for a low delay; None for all of them.

    Raises: ValueError from a field out of range.
    """

    sample_rate_hz: int = 44_100
    window_samples: int = 4096
    hop_samples: int = 1024
    channels: int = 2
    frames: int = 256  # of one fixed-shape chunk
    feature_gain: float = 3000.0
    synthesis_samples: int | None = None

    def __post_init__(self):
        if self.sample_rate_hz < 1000:
            raise ValueError(f"sample_rate_hz={self.sample_rate_hz}: use 1000 or more")
        if self.window_samples < 4 or self.window_samples % 2:
            raise ValueError(f"window_samples={self.window_samples}: use an even number of 4 or more")
        if not 0 < self.hop_samples <= self.window_samples // 2 or self.window_samples % self.hop_samples:
            raise ValueError(
                f"hop_samples={self.hop_samples}: use a divisor of window_samples={self.window_samples}, at most half of it"
            )
        if self.synthesis_samples is not None and (
            not 2 * self.hop_samples <= self.synthesis_samples < self.window_samples
            or self.synthesis_samples % (2 * self.hop_samples)
        ):
            raise ValueError(
                f"synthesis_samples={self.synthesis_samples}: use a multiple of two hops, {2 * self.hop_samples} samples, below "
                f"window_samples={self.window_samples}"
            )
        if self.channels not in (1, 2):
            raise ValueError(f"channels={self.channels}: use 1 or 2")
        if self.frames < 1:
            raise ValueError(f"frames={self.frames}: use 1 or more")
        if not 0 < self.feature_gain < float("inf"):
            raise ValueError(f"feature_gain={self.feature_gain}: use a positive number")

    @property
    def bins(self) -> int:
        """Bins of the transform, DC and Nyquist included."""
        return self.window_samples // 2 + 1

    @property
    def model_bins(self) -> int:
        """Bins that the generator sees: all but Nyquist."""
        return self.window_samples // 2

    @property
    def output_samples(self) -> int:
        """Samples of a frame that the inverse uses, at its end: all of them, unless `synthesis_samples` says fewer."""
        return self.window_samples if self.synthesis_samples is None else self.synthesis_samples

    @property
    def latency_samples(self) -> int:
        """How much later than its input a sample is final, where sound is taken and given sample by sample.

        The last frame that holds a sample in its last `output_samples` begins them with the sample in the worst case, and then
        has to wait for the `output_samples - 1` that follow. That includes the wait for a whole hop.
        """
        return self.output_samples - 1

    @property
    def frames_per_second(self) -> float:
        """STFT frames a second of audio."""
        return self.sample_rate_hz / self.hop_samples

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values; `synthesis_samples` only where it is set, for readers that do not know it."""
        fields = asdict(self)
        if self.synthesis_samples is None:
            del fields["synthesis_samples"]
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "SpectrogramSpec":
        """Build a spec from `to_json`'s fields. Raises: ValueError for unknown fields or values out of range."""
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"spectrogram fields {', '.join(unknown)} are unknown: use {', '.join(cls.__dataclass_fields__)}")
        return cls(**fields)
