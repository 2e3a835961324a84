"""The frozen configuration of a super-resolution network."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SuperResolutionConfig:
    """The architecture of a `SuperResolutionNet`; the shapes of its input and output are the contract's.

    Attributes:
        bands: `(bins, bins_per_patch)` from DC upwards; the bins add up to the spectrum's.
        widths: channels at each level; frames and positions halve from one level to the next.
        dense_bottleneck: of the frequency-wise dense layers, see `FrequencyDense`.

    Raises: ValueError from a field out of range.
    """

    bands: tuple[tuple[int, int], ...] = ((384, 8), (640, 20))
    widths: tuple[int, ...] = (32, 64, 96)
    dense_bottleneck: int = 2

    def __post_init__(self):
        if not self.widths or min(self.widths) < 1 or self.dense_bottleneck < 1:
            raise ValueError(f"widths={self.widths}, dense_bottleneck={self.dense_bottleneck}: use 1 or more")
        if not self.bands or any(patch < 1 or bins % patch for bins, patch in self.bands):
            raise ValueError(f"bands={self.bands}: each number of bins must be a multiple of its bins_per_patch")
        if self.positions % 2 ** (len(self.widths) - 1):
            raise ValueError(f"bands={self.bands}: {self.positions} positions cannot be halved {len(self.widths) - 1} times")

    @property
    def bins(self) -> int:
        """Bins of the spectrum."""
        return sum(bins for bins, _ in self.bands)

    @property
    def positions(self) -> int:
        """Places along frequency at the first level."""
        return sum(bins // patch for bins, patch in self.bands)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "SuperResolutionConfig":
        """Build a configuration from `to_json`'s fields. Raises: ValueError or TypeError for other fields or values."""
        bands = tuple((int(bins), int(patch)) for bins, patch in fields["bands"])
        return cls(**fields | {"bands": bands, "widths": tuple(fields["widths"])})
