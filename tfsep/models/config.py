"""Frozen configurations of generators: what a JSON file holds and a model is built from."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tfsep.spec import SpectrogramSpec

DEFAULT_STEMS = ("drums", "bass", "other", "vocals")


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """A generator's architecture and the spectrogram it works on.

    Attributes:
        kind: the name of the architecture, as `tfsep.models.presets.build_generator` knows it.
        stems: what it separates, in the order of the masks.
        bands: for `bandsplit`: `(bins, bins_per_patch)` from DC upwards; the bins must add up to `spec.model_bins`.
        widths: channels at each level of the U-Net; frames and positions halve from one level to the next.
        blocks: residual blocks at each level, on the way down and again on the way up.
        dense_bottleneck: the frequency-wise dense layer of a block maps `n` positions to `n / dense_bottleneck` and back; 0 for none.

    Raises: ValueError from a field out of range.
    """

    kind: str = "bandsplit"
    spec: SpectrogramSpec = field(default_factory=SpectrogramSpec)
    stems: tuple[str, ...] = DEFAULT_STEMS
    bands: tuple[tuple[int, int], ...] = ((256, 2), (512, 8), (1280, 20))
    widths: tuple[int, ...] = (32, 64, 128, 256)
    blocks: tuple[int, ...] = (1, 1, 2, 2)
    dense_bottleneck: int = 8

    def __post_init__(self):
        if len(self.stems) < 2 or len(set(self.stems)) != len(self.stems):
            raise ValueError(f"stems={self.stems}: use two or more different names")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths={self.widths}: use one or more positive numbers of channels")
        if self.kind == "dssgan" and self.spec.channels != 1:
            raise ValueError(f"channels={self.spec.channels}: generators of kind dssgan are mono, use 1")
        if self.kind != "bandsplit":
            return
        if len(self.blocks) != len(self.widths) or min(self.blocks) < 0:
            raise ValueError(f"blocks={self.blocks}: use {len(self.widths)} numbers of 0 or more, one for each of widths")
        if self.dense_bottleneck < 0:
            raise ValueError(f"dense_bottleneck={self.dense_bottleneck}: use 0 (none) or more")
        if sum(bins for bins, _ in self.bands) != self.spec.model_bins:
            raise ValueError(f"bands={self.bands}: the bins must add up to {self.spec.model_bins}")
        if any(patch < 1 or bins % patch for bins, patch in self.bands):
            raise ValueError(f"bands={self.bands}: each number of bins must be a multiple of its bins_per_patch")
        if self.positions % self.frame_multiple or self.spec.frames % self.frame_multiple:
            raise ValueError(
                f"{self.positions} positions and {self.spec.frames} frames: both must be multiples of {self.frame_multiple} "
                f"for {len(self.widths)} levels"
            )

    @property
    def frame_multiple(self) -> int:
        """What the number of frames of a chunk must be a multiple of: `bandsplit` halves them at each level, `dssgan` pads."""
        return 2 ** (len(self.widths) - 1) if self.kind == "bandsplit" else 1

    @property
    def positions(self) -> int:
        """Patches along frequency, all bands together."""
        return sum(bins // patch for bins, patch in self.bands)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"spec": self.spec.to_json()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "GeneratorConfig":
        """Build a configuration from `to_json`'s fields. Raises: ValueError for unknown fields or values out of range."""
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"generator fields {', '.join(unknown)} are unknown: use {', '.join(cls.__dataclass_fields__)}")
        values = dict(fields)
        if "spec" in values:
            values["spec"] = SpectrogramSpec.from_json(values["spec"])
        if "bands" in values:
            values["bands"] = tuple((int(bins), int(patch)) for bins, patch in values["bands"])
        for name in ("stems", "widths", "blocks"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)
