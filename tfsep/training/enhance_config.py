"""The frozen configuration of a super-resolution network's training."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tfsep.models.superres_config import SuperResolutionConfig


@dataclass(frozen=True, kw_only=True)
class EnhanceTrainingConfig:
    """How a super-resolution network is trained; kept in `RUN/config.json`.

    Attributes:
        frames: of a crop.
        critic_from: the step from which the critic takes part.
        adversarial_weight, feature_matching_weight: of the critic's verdict; the distance has the weight 1. Both 0 is the control
            without a critic.
        set_aside: examples that are scored, not learnt from; all of a recording's are, so that there may be more.

    Raises: ValueError from a field out of range.
    """

    network: SuperResolutionConfig = field(default_factory=SuperResolutionConfig)
    steps: int = 3000
    batch: int = 8
    frames: int = 64
    learning_rate: float = 1e-3
    critic_learning_rate: float = 3e-4
    critic_from: int = 1500
    adversarial_weight: float = 0.05
    feature_matching_weight: float = 0.2
    average_decay: float = 0.995
    checkpoint_every: int = 250
    set_aside: int = 40
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "batch", "frames", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        for name in ("critic_from", "adversarial_weight", "feature_matching_weight", "set_aside"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use 0 or more")
        for name in ("learning_rate", "critic_learning_rate"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use more than 0 and less than 1")
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay={self.average_decay}: use 0 to less than 1")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: use 0 to {2**32 - 1}")

    @property
    def has_critic(self) -> bool:
        """Whether a critic takes part at all."""
        return self.adversarial_weight + self.feature_matching_weight > 0

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)
