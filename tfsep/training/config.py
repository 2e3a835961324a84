"""The frozen configuration of a run."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tfsep.data.mixing import MixingConfig
from tfsep.models.config import GeneratorConfig
from tfsep.training.adversarial_config import AdversarialConfig

PRECISIONS = ("float32", "mixed_bfloat16")
ERRORS = ("modulus", "rms")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What a run does; written to `RUN/config.json`.

    Attributes:
        adversarial: what stage 2 adds; None is stage 1. The learning rate is the generator's, and `weight_decay` and `clip_norm`
            are stage 1's.

    Raises: ValueError from a field out of range.
    """

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    mixing: MixingConfig = field(default_factory=MixingConfig)
    steps: int = 20_000
    batch: int = 8
    crop_frames: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 300
    decay_fraction: float = 0.25  # the last part of the run, in which the learning rate falls to nothing
    weight_decay: float = 1e-4
    clip_norm: float = 1.0  # 0 for no clipping
    ema_decay: float = 0.999
    error: str = "rms"  # what the loss measures, see `tfsep.training.loss.spectral_loss`
    precision: str = "mixed_bfloat16"
    validate_every: int = 250
    checkpoint_every: int = 100
    seed: int = 0
    adversarial: AdversarialConfig | None = None

    def __post_init__(self):
        for name in ("steps", "batch", "crop_frames", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        if self.error not in ERRORS:
            raise ValueError(f"error={self.error!r}: use {' or '.join(ERRORS)}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision={self.precision!r}: use {' or '.join(PRECISIONS)}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay={self.ema_decay}: use 0 to less than 1")
        if not 0 <= self.decay_fraction <= 1:
            raise ValueError(f"decay_fraction={self.decay_fraction}: use 0 to 1")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate={self.learning_rate}: use a positive number")
        for name in ("warmup_steps", "weight_decay", "clip_norm"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use 0 or more")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: use 0 to {2**32 - 1}")
        if self.crop_frames % self.generator.frame_multiple:
            raise ValueError(f"crop_frames={self.crop_frames}: use a multiple of {self.generator.frame_multiple}")

    @property
    def crop_samples(self) -> int:
        """Samples that `crop_frames` whole frames take."""
        spec = self.generator.spec
        return (self.crop_frames - 1) * spec.hop_samples + spec.window_samples

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, a plateau, linear decay to 1 % at the end, if any.

        The plateau does not depend on `steps`, so that a run may be resumed with another length.
        """
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        left = (self.steps - step) / (self.steps * self.decay_fraction) if self.decay_fraction else 1.0
        return self.learning_rate * warm * max(0.01, min(1.0, left))

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"generator": self.generator.to_json()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "TrainingConfig":
        """Build a configuration from `to_json`'s fields. Raises: ValueError for unknown fields or values out of range."""
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"training fields {', '.join(unknown)} are unknown: use {', '.join(cls.__dataclass_fields__)}")
        values = dict(fields)
        if "generator" in values:
            values["generator"] = GeneratorConfig.from_json(values["generator"])
        if "mixing" in values:
            values["mixing"] = MixingConfig.from_json(values["mixing"])
        if values.get("adversarial") is not None:
            values["adversarial"] = AdversarialConfig.from_json(values["adversarial"])
        return cls(**values)
