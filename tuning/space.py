"""The space of a search: a function from hyperparameters to configurations, which knows nothing of the tuner.

`hp` is KerasTuner's `HyperParameters` while a search draws, and `Chosen` where the values are known: a winner is built without
KerasTuner. Calling `training_config` on fresh `HyperParameters` declares the whole space, conditional parts as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from tfsep.errors import UsageError
from tfsep.models.config import BLOCKS, HEADS, UNET_KINDS, GeneratorConfig
from tfsep.training.adversarial_config import LOSSES
from tfsep.training.config import ERRORS, TrainingConfig

# Of the spectrum's bins and of positions: bands from DC upwards, as shares of all bins, and how many positions each becomes.
LAYOUTS: dict[str, tuple[tuple[float, int], ...]] = {
    "coarse": ((1 / 8, 64), (1 / 4, 32), (5 / 8, 32)),
    "default": ((1 / 8, 128), (1 / 4, 64), (5 / 8, 64)),
    "fine": ((1 / 8, 256), (1 / 4, 128), (5 / 8, 128)),
    "uniform": ((1.0, 256),),
}
WIDTH_MULTIPLE = 8  # of channels: what accelerators compute at once


class HyperParameters(Protocol):
    """What the space needs of KerasTuner's class of that name."""

    def Choice(self, name: str, values: Sequence[Any]) -> Any: ...  # noqa: D102
    def Float(self, name: str, min_value: float, max_value: float, sampling: str) -> Any: ...  # noqa: D102
    def conditional_scope(self, parent_name: str, parent_values: Sequence[Any]) -> Any: ...  # noqa: D102


class Chosen:
    """Stands for `HyperParameters` where the values are known, such as those of a finished trial.

    Raises: ValueError when a value is asked for that is not there.
    """

    def __init__(self, values: Mapping[str, Any]):
        self._values, self._active = dict(values), True

    def Choice(self, name: str, values: Sequence[Any]) -> Any:
        """Return the value of a name, None where its parent has another value."""
        if not self._active:
            return None
        if name not in self._values:
            raise ValueError(f"hyperparameter {name} has no value: the values belong to another space")
        return self._values[name]

    def Float(self, name: str, min_value: float, max_value: float, sampling: str) -> Any:
        """Return the value of a name, None where its parent has another value."""
        return self.Choice(name, (min_value, max_value))

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Sequence[Any]) -> Iterator[None]:
        """Hold for hyperparameters that there are only where their parent has one of some values."""
        self._active = self._values.get(parent_name) in parent_values
        try:
            yield
        finally:
            self._active = True


@dataclass(frozen=True, kw_only=True)
class Space:
    """What there is to choose from; written to `search.json`.

    Attributes:
        kinds, heads, blocks: of `GeneratorConfig`.
        convolutions: blocks at each level.
        dense_bottlenecks: 0 is no frequency-dense layer.
        levels: of the U-Net.
        widths: channels at the first level; those of level n are `width * growth^n`, in steps of 8.
        layouts: for `bandsplit`, names in `LAYOUTS`.
        subbands: for `bandstack`.
        windows: STFT windows in samples; their hop is the window divided by one of `overlaps`.
        learning_rates: from and to, drawn evenly on a logarithmic scale.
        batches: crops a step; the number of steps changes with it, so that all trials see as much audio.
        errors: of the loss.
        critic_losses, critic_rates, adversarial_weights, feature_matching_weights: of stage 2; the last three from and to.

    Raises: ValueError for values that no configuration allows.
    """

    kinds: tuple[str, ...] = UNET_KINDS
    heads: tuple[str, ...] = HEADS
    blocks: tuple[str, ...] = BLOCKS
    convolutions: tuple[int, ...] = (1, 2)
    dense_bottlenecks: tuple[int, ...] = (0, 4, 8, 16)
    levels: tuple[int, ...] = (3, 4, 5)
    widths: tuple[int, ...] = (16, 24, 32, 48)
    growths: tuple[float, ...] = (1.5, 2.0)
    layouts: tuple[str, ...] = tuple(LAYOUTS)
    subbands: tuple[int, ...] = (4, 8, 16)
    windows: tuple[int, ...] = (2048, 4096)
    overlaps: tuple[int, ...] = (2, 4)
    learning_rates: tuple[float, float] = (3e-4, 3e-3)
    batches: tuple[int, ...] = (4, 8, 16)
    errors: tuple[str, ...] = ERRORS
    critic_losses: tuple[str, ...] = LOSSES
    critic_rates: tuple[float, float] = (5e-5, 5e-4)
    adversarial_weights: tuple[float, float] = (1e-4, 1e-1)
    feature_matching_weights: tuple[float, float] = (1e-3, 1.0)

    def __post_init__(self):
        allowed = {"kinds": UNET_KINDS, "heads": HEADS, "blocks": BLOCKS, "errors": ERRORS, "layouts": tuple(LAYOUTS),
                   "critic_losses": LOSSES}  # fmt: skip
        for name, value in asdict(self).items():
            if not value or len(set(value)) != len(value):
                raise ValueError(f"{name}={value}: use one or more different values")
            wrong = [each for each in value if each not in allowed.get(name, value)]
            if wrong:
                raise ValueError(f"{name}={wrong[0]!r}: use {', '.join(allowed[name])}")
        for name in ("levels", "widths", "subbands", "windows", "overlaps", "batches"):
            wrong = [each for each in getattr(self, name) if type(each) is not int or each < 1]
            if wrong:
                raise ValueError(f"{name}={wrong[0]!r}: use whole numbers from 1")
        for name in ("learning_rates", "critic_rates", "adversarial_weights", "feature_matching_weights"):
            low, *_, high = getattr(self, name)
            if not 0 < low < high < float("inf") or len(getattr(self, name)) != 2:
                raise ValueError(f"{name}={getattr(self, name)}: use two positive numbers, the smaller one first")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Space":
        """Build a space from `to_json`'s fields. Raises: ValueError for unknown fields or values that are not allowed."""
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"space fields {', '.join(unknown)} are unknown: use {', '.join(cls.__dataclass_fields__)}")
        return cls(**{name: tuple(value) for name, value in fields.items()})


SPACES: dict[str, Space] = {
    "full": Space(),
    # About a minute a trial on two cores: a look at what matters, and at which architectures are worth a longer one.
    "small": Space(convolutions=(1,), levels=(2, 3, 4), widths=(8, 16, 24), dense_bottlenecks=(0, 8), batches=(4, 8)),
    # For tests and for trying the commands out.
    "tiny": Space(kinds=("bandsplit",), heads=("mask",), convolutions=(0, 1), dense_bottlenecks=(0,), levels=(1, 2), widths=(8,),
                  growths=(1.5,), layouts=("coarse",), windows=(2048,), overlaps=(2,), batches=(2,)),
}  # fmt: skip


def space_named(name: str) -> Space:
    """Return a space by its name. Raises: UsageError for an unknown one."""
    if name not in SPACES:
        raise UsageError(f"space {name!r} is unknown: use {', '.join(SPACES)}, or a .json file of a space")
    return SPACES[name]


def generator_config(hp: HyperParameters, space: Space, base: GeneratorConfig) -> GeneratorConfig:
    """Return the generator that hyperparameters stand for.

    Args:
        base: gives what is not searched: stems, sample rate, channels, feature gain and how long a chunk is.
    Raises: ValueError for a combination that is no generator, such as more positions than bins.
    """
    kind = _choose(hp, "kind", space.kinds)
    window = _choose(hp, "window_samples", space.windows)
    hop = window // _choose(hp, "overlap", space.overlaps)
    levels, width = _choose(hp, "levels", space.levels), _choose(hp, "width", space.widths)
    growth = _choose(hp, "growth", space.growths)
    options: dict[str, Any] = {
        "head": _choose(hp, "head", space.heads),
        "block": _choose(hp, "block", space.blocks),
        "blocks": (_choose(hp, "convolutions", space.convolutions),) * levels,
        "dense_bottleneck": _choose(hp, "dense_bottleneck", space.dense_bottlenecks),
        "widths": tuple(max(1, round(width * growth**level / WIDTH_MULTIPLE)) * WIDTH_MULTIPLE for level in range(levels)),
    }
    layout = _choose_for("bandsplit", hp, space, "layout", space.layouts)
    subbands = _choose_for("bandstack", hp, space, "subbands", space.subbands)
    if kind == "bandsplit":
        options["bands"] = _bands(layout, window // 2)
    elif kind == "bandstack":
        options["subbands"] = subbands
    spec = replace(base.spec, window_samples=window, hop_samples=hop, frames=base.spec.frames * base.spec.hop_samples // hop)
    return replace(base, kind=kind, spec=spec, **options)


def _choose(hp: HyperParameters, name: str, values: Sequence[Any]) -> Any:
    """Return one of some values; where there is one only, it is no hyperparameter."""
    return hp.Choice(name, list(values)) if len(values) > 1 else values[0]


def _choose_for(kind: str, hp: HyperParameters, space: Space, name: str, values: Sequence[Any]) -> Any:
    """Return one of some values that generators of one kind have; it is declared in any case where the space has that kind."""
    if kind not in space.kinds:
        return None
    with hp.conditional_scope("kind", [kind]) if len(space.kinds) > 1 else nullcontext():
        return _choose(hp, name, values)


def _bands(layout: str, bins: int) -> tuple[tuple[int, int], ...]:
    sizes = [(round(share * bins), positions) for share, positions in LAYOUTS[layout]]
    for size, positions in sizes:
        if size % positions:
            raise ValueError(f"layout {layout}: {size} bins do not make {positions} positions: use a longer window")
    return tuple((size, size // positions) for size, positions in sizes)


def declare(hp: HyperParameters, space: Space, base: TrainingConfig) -> None:
    """Add the whole space to `hp`, whose first values may be refused."""
    with suppress(ValueError):  # every name is declared before the generator is built, which the first values may not be
        training_config(hp, space, base)


def training_config(hp: HyperParameters, space: Space, base: TrainingConfig) -> TrainingConfig:
    """Return the whole training configuration that hyperparameters stand for, as long as `base` is.

    Where `base` has a stage 2, its generator is given, and what is searched is how stage 2 trains it.

    Raises: ValueError as `generator_config`.
    """
    rate = hp.Float("learning_rate", *space.learning_rates, sampling="log")
    if base.adversarial is not None:
        stage2 = replace(
            base.adversarial,
            loss=_choose(hp, "critic_loss", space.critic_losses),
            critic_learning_rate=hp.Float("critic_learning_rate", *space.critic_rates, sampling="log"),
            adversarial_weight=hp.Float("adversarial_weight", *space.adversarial_weights, sampling="log"),
            feature_matching_weight=hp.Float("feature_matching_weight", *space.feature_matching_weights, sampling="log"),
        )
        return replace(base, learning_rate=rate, adversarial=stage2)
    batch, error = _choose(hp, "batch", space.batches), _choose(hp, "error", space.errors)
    generator = generator_config(hp, space, base.generator)
    return replace(
        base,
        generator=generator,
        learning_rate=rate,
        batch=batch,
        error=error,
        steps=max(1, round(base.steps * base.batch / batch)),
        crop_frames=base.crop_frames * base.generator.spec.hop_samples // generator.spec.hop_samples,
    )
