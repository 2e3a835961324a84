"""What a model may cost: checked before anything is trained."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from tfsep.errors import UsageError
from tfsep.models.config import UNET_KINDS, GeneratorConfig

BYTES_PER_PARAMETER = {"fp32": 4, "fp16": 2, "int8": 1}
_UNITS = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a trial's model may cost at most; None for no limit.

    Attributes:
        multiply_adds: for a second of audio.
        parameters: trainable and not.
        megabytes: of the exported file, as far as its weights go, see `precision`.
        precision: of the exported file, `fp32`, `fp16` or `int8`.
        activation_megabytes: of the largest tensor of one chunk in float16, which phones hold several of.

    Raises: ValueError from a field out of range.
    """

    multiply_adds: float | None = None
    parameters: int | None = None
    megabytes: float | None = None
    precision: str = "int8"
    activation_megabytes: float | None = 64.0

    def __post_init__(self):
        if self.precision not in BYTES_PER_PARAMETER:
            raise ValueError(f"precision={self.precision!r}: use {', '.join(BYTES_PER_PARAMETER)}")
        for name in ("multiply_adds", "parameters", "megabytes", "activation_megabytes"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name}={value}: use a number above 0")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def quantity(text: str) -> float:
    """Read a number with an optional unit, such as `2G` or `800k`. Raises: UsageError."""
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)([kKMGT]?)", text)
    if not match or not float(match[1]):
        raise UsageError(f"{text!r}: use a number above 0, with k, M, G or T if need be, such as 2G")
    return float(match[1]) * _UNITS[match[2]]


def exported_megabytes(parameters: int, precision: str) -> float:
    """Estimate the size of an exported file: its weights; graph and metadata add some 0.1 MB to that."""
    return parameters * BYTES_PER_PARAMETER[precision] / 1e6


def activation_megabytes(config: GeneratorConfig) -> float:
    """Return the size of a generator's largest tensor for one chunk, in float16.

    That is either what the U-Net's first level holds, with its skip beside it, or the heads' values for all stems.
    """
    spec = config.spec
    first_level = config.positions * 2 * config.widths[0]
    heads = spec.model_bins * spec.channels * len(config.stems) * (2 if config.head == "complex" else 1)
    return 2 * spec.frames * max(first_level, heads) / 1e6


def faults(config: GeneratorConfig, limits: Limits) -> list[str]:
    """Return in which ways a generator passes the limits, cheap checks first; its graph is traced only if those pass.

    That generators have fixed shapes, rank 4, ReLU and stride 2 is so by construction for all kinds that the space knows.
    """
    if config.kind not in UNET_KINDS:
        return [f"generators of kind {config.kind} are not made for phones"]
    largest = activation_megabytes(config)
    if limits.activation_megabytes and largest > limits.activation_megabytes:
        return [f"a tensor of {largest:.0f} MB, at most {limits.activation_megabytes:g}"]
    if not (limits.multiply_adds or limits.parameters or limits.megabytes):
        return []
    from tfsep.models.cost import generator_cost

    cost = generator_cost(config)
    megabytes = exported_megabytes(cost.parameters, limits.precision)
    found = []
    if limits.multiply_adds and cost.multiply_adds_per_second > limits.multiply_adds:
        found.append(
            f"{cost.multiply_adds_per_second / 1e9:.2f} G multiply-adds a second, at most {limits.multiply_adds / 1e9:g}"
        )
    if limits.parameters and cost.parameters > limits.parameters:
        found.append(f"{cost.parameters} parameters, at most {limits.parameters:.0f}")
    if limits.megabytes and megabytes > limits.megabytes:
        found.append(f"{megabytes:.2f} MB as {limits.precision}, at most {limits.megabytes:g}")
    return found
