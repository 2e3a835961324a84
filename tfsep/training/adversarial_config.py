"""The frozen configuration of stage 2: adversarial training with unpaired recordings."""

from dataclasses import asdict, dataclass
from typing import Any

from tfsep.errors import UsageError

LOSSES = ("wgan-gp", "lsgan", "hinge")
DISCRIMINATOR_KINDS = ("dcgan", "multiband")  # those of `tfsep.models.discriminators`, which needs Keras


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """What the critics are and what the generator is trained on besides its targets; kept in `RUN/config.json`.

    The defaults are the modern variant; `ADVERSARIAL_PRESETS` holds the reference's.

    Attributes:
        loss: of the critics, and the term that they give the generator: `wgan-gp`, `lsgan` or `hinge`.
        discriminator: the kind of critic, see `tfsep.models.discriminators`.
        target: the stem that one critic judges; the other judges the sum of all other stems.
        supervised_weight: of stage 1's loss on batches with targets.
        adversarial_weight: of the critics' verdict on estimates from unpaired mixtures (alpha in the reference).
        feature_matching_weight: of the distance between the critics' mean features of recordings and of estimates.
        additivity_weight: of the stems' failure to add up to the mixture (beta in the reference); masks that sum to one cannot fail.
        ramp_steps: steps over which the critics' weights rise from 0, so that fresh critics do not undo what stage 1 learnt.
        critic_steps: updates of the critics for each of the generator, each on recordings of its own.
        penalty_weight: of the gradient penalty (lambda), for `wgan-gp` only.
        beta_1, beta_2: Adam's, of both optimizers.
        clip_norm: what the gradients of all weights of an optimizer are together clipped to, 0 for no clipping.
        unpaired_batch: unpaired mixtures, targets and rests in each update of the critics.
        score_bound: a critic whose scores or loss pass it has exploded.

    Raises: ValueError from a field out of range.
    """

    loss: str = "hinge"
    discriminator: str = "multiband"
    target: str = "drums"
    supervised_weight: float = 1.0
    adversarial_weight: float = 0.01
    feature_matching_weight: float = 0.1
    additivity_weight: float = 0.0
    ramp_steps: int = 1000
    critic_steps: int = 1
    penalty_weight: float = 10.0
    critic_learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.9
    clip_norm: float = 1.0
    unpaired_batch: int = 8
    score_bound: float = 1e4

    def __post_init__(self):
        for name, allowed in (("loss", LOSSES), ("discriminator", DISCRIMINATOR_KINDS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: use {', '.join(allowed)}")
        if not self.target:
            raise ValueError("target='': use the name of a stem")
        for name in ("critic_steps", "unpaired_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        for name in (
            "supervised_weight",
            "adversarial_weight",
            "feature_matching_weight",
            "additivity_weight",
            "ramp_steps",
            "penalty_weight",
            "clip_norm",
        ):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use 0 or more")
        if self.adversarial_weight + self.feature_matching_weight == 0:
            raise ValueError(
                "adversarial_weight=0 and feature_matching_weight=0: the critics would be of no use; give one of them a weight, "
                "or train stage 1"
            )
        for name in ("critic_learning_rate", "score_bound"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name}={getattr(self, name)}: use a positive number")
        for name in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 0 to less than 1")

    @property
    def unpaired_examples(self) -> int:
        """How many unpaired mixtures, targets and rests a step takes: a batch for each update of the critics."""
        return self.critic_steps * self.unpaired_batch

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "AdversarialConfig":
        """Build a configuration from `to_json`'s fields. Raises: ValueError for unknown fields or values out of range."""
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"adversarial fields {', '.join(unknown)} are unknown: use {', '.join(cls.__dataclass_fields__)}")
        return cls(**fields)


ADVERSARIAL_PRESETS: dict[str, AdversarialConfig] = {
    "modern": AdversarialConfig(),
    # DSSGAN's stage 2 as it was in 2018, after Stoller, Ewert and Dixon (arXiv 1711.00048). It says Adam and a rate, no more: the
    # betas are those that Adam has by default.
    "dssgan": AdversarialConfig(
        loss="wgan-gp",
        discriminator="dcgan",
        adversarial_weight=0.001,
        feature_matching_weight=0.0,
        additivity_weight=0.001,
        ramp_steps=0,
        critic_steps=5,
        penalty_weight=10.0,
        critic_learning_rate=5e-5,
        beta_1=0.9,
        beta_2=0.999,
        clip_norm=0.0,
        unpaired_batch=48,
    ),
}


def adversarial_preset(name: str) -> AdversarialConfig:
    """Return the configuration of a preset. Raises: UsageError for an unknown name."""
    if name not in ADVERSARIAL_PRESETS:
        raise UsageError(f"adversarial preset {name!r} is unknown: use {', '.join(ADVERSARIAL_PRESETS)}")
    return ADVERSARIAL_PRESETS[name]
