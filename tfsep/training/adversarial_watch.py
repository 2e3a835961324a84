"""Notices when a critic is of no use any more, so that a run ends with a reason rather than with bad weights."""

from collections import deque
from collections.abc import Mapping
from math import isfinite

from tfsep.errors import TrainingError
from tfsep.training.adversarial_config import AdversarialConfig

ROLES = ("target", "rest")
SATURATED_LOSS = 1e-4  # of both critics together, `hinge` and `lsgan`: nothing is left to learn from
SAME_SCORES = 1e-5  # difference relative to the size of the scores: a critic that says the same of everything
STEEP = 10.0  # mean slope of a critic whose slope is held to 1


class CriticWatch:
    """Looks at the logs of an `AdversarialTrainer`, one entry for each logging interval.

    Args:
        config: of the run.
        window: how many entries in a row must look bad before a run is given up; single ones pass. What is not finite or beyond
            `config.score_bound` ends it at once. A resumed run starts with an empty window.
    """

    def __init__(self, config: AdversarialConfig, window: int = 20):
        if window < 1:
            raise ValueError(f"window={window}: use 1 or more")
        self.config = config
        self._entries: deque[dict[str, float]] = deque(maxlen=window)

    def check(self, logs: Mapping[str, float], step: int) -> None:
        """Take in the mean terms of an interval that ended with `step`.

        Raises: TrainingError that says which term or critic went wrong, how, and what to change.
        """
        entry = {name: float(value) for name, value in logs.items()}
        for name, value in entry.items():
            if not isfinite(value):
                raise TrainingError(
                    f"step {step}: {name} is {value}; lower the learning rates or adversarial_weight, or set clip_norm, and resume "
                    "from the last checkpoint"
                )
        bound = self.config.score_bound
        for name in ("critic", *(f"{role}_{side}" for role in ROLES for side in ("real", "fake"))):
            if abs(entry[name]) > bound:
                raise TrainingError(
                    f"step {step}: the critic has exploded: {name} is {entry[name]:.3g}, score_bound={bound:g}; lower "
                    "critic_learning_rate, or use loss=wgan-gp with a larger penalty_weight"
                )
        self._entries.append(entry)
        if len(self._entries) == self._entries.maxlen:
            self._check_window(step)

    def _check_window(self, step: int) -> None:
        entries, since = self._entries, f"step {step}: for {len(self._entries)} logged intervals"
        for role in ROLES:
            if all(_same(entry[f"{role}_real"], entry[f"{role}_fake"]) for entry in entries):
                raise TrainingError(
                    f"{since} the critic of the {role} gives recordings and estimates the same score "
                    f"({entries[-1][f'{role}_real']:.3g}): it has collapsed; lower critic_learning_rate, and check that the unpaired "
                    "recordings are not silent"
                )
        if self.config.loss == "wgan-gp":
            if all(entry["slope"] > STEEP for entry in entries):
                raise TrainingError(
                    f"{since} the critics' mean slope is above {STEEP:g} (now {entries[-1]['slope']:.3g}), where 1 is allowed: they "
                    "are exploding; raise penalty_weight or lower critic_learning_rate"
                )
        elif all(entry["critic"] < SATURATED_LOSS for entry in entries):
            raise TrainingError(
                f"{since} the critics' loss is below {SATURATED_LOSS:g}: they tell recordings from estimates without fail and "
                "teach nothing; lower critic_learning_rate or critic_steps, and check that unpaired recordings and mixtures do not "
                "differ by level, rate or format"
            )


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_SCORES * max(abs(one), abs(other), 1.0)
