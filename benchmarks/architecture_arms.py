"""The architectures that are compared, at equal cost, in two sizes."""

from dataclasses import dataclass

from tfsep.models.config import GeneratorConfig
from tfsep.models.cost import Cost, generator_cost
from tfsep.spec import SpectrogramSpec
from tfsep.training.config import TrainingConfig

TOLERANCE = 0.1  # how far multiply-adds may be from those of the control
CONTROL = "a"
ARMS = {
    "a": "band split, real masks",
    "b": "band split, complex masks",
    "c": "bands as channels, real masks",
    "d": "bands as channels, complex masks",
    "e": "band split without frequency-dense layers, wider",
    "f": "what the search over all genres found, wider",
    "g": "band split, real masks, at the learning rate that the search found",
}
_ONES = (1, 1, 1, 1)
# The last on the front of the search over all genres (docs/searches/general.md): one band, half as many frames, no dense layers.
_FOUND = {
    "spec": SpectrogramSpec(hop_samples=2048, frames=128),
    "bands": ((2048, 8),),
    "dense_bottleneck": 0,
}
LEARNING_RATES = {"g": 2.43e-3}  # of its trial; where there is none, the default's
_SMALL = GeneratorConfig(widths=(16, 32, 48, 64), blocks=_ONES)
# Widths were chosen so that the multiply-adds come out equal; all else is the default's.
SIZES: dict[str, dict[str, GeneratorConfig]] = {
    "small": {
        "a": _SMALL,
        "b": GeneratorConfig(widths=(14, 28, 40, 56), blocks=_ONES, head="complex"),
        "c": GeneratorConfig(kind="bandstack", widths=(12, 24, 36, 48), blocks=_ONES),
        "d": GeneratorConfig(kind="bandstack", widths=(11, 22, 34, 46), blocks=_ONES, head="complex"),
        "e": GeneratorConfig(widths=(17, 34, 52, 70), blocks=_ONES, dense_bottleneck=0),
        "f": GeneratorConfig(widths=(22, 44, 88, 176), blocks=_ONES, **_FOUND),
        "g": _SMALL,
    },
    "default": {
        "a": GeneratorConfig(),
        "b": GeneratorConfig(widths=(30, 60, 120, 252), head="complex"),
        "c": GeneratorConfig(kind="bandstack", widths=(28, 56, 112, 192), blocks=_ONES),
        "d": GeneratorConfig(kind="bandstack", widths=(26, 52, 112, 192), blocks=_ONES, head="complex"),
        "e": GeneratorConfig(widths=(32, 66, 130, 264), dense_bottleneck=0),
        "f": GeneratorConfig(widths=(54, 108, 216, 432), blocks=_ONES, **_FOUND),
        "g": GeneratorConfig(),
    },
}


@dataclass(frozen=True)
class Arm:
    """One architecture and what it costs."""

    name: str
    config: GeneratorConfig
    cost: Cost

    @property
    def learning_rate(self) -> float:
        """What it is trained with."""
        return LEARNING_RATES.get(self.name, TrainingConfig.learning_rate)

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"({self.name}) {ARMS[self.name]}"


def arms_of_equal_cost(size: str, names: str) -> dict[str, Arm]:
    """Return the arms of a size, the control first, and print what each costs.

    Raises: SystemExit if one of them costs more or less than the control by over `TOLERANCE`.
    """
    chosen = [name for name in ARMS if name in names or name == CONTROL]
    arms = {name: Arm(name, SIZES[size][name], generator_cost(SIZES[size][name])) for name in chosen}
    reference = arms[CONTROL].cost.multiply_adds_per_second
    for arm in arms.values():
        ratio = arm.cost.multiply_adds_per_second / reference
        million = arm.cost.multiply_adds_per_second / 1e6
        print(f"{arm.label}: {million:.0f} M multiply-adds a second of audio ({ratio:.3f}), {arm.cost.parameters:,} parameters")
        if abs(ratio - 1) > TOLERANCE:
            raise SystemExit(f"{arm.label}: costs {ratio:.2f} times what the control does; change its widths")
    return arms
