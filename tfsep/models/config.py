"""Frozen configurations of generators: what a JSON file holds and a model is built from."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tfsep.contract_live import LIVE
from tfsep.spec import SpectrogramSpec

DEFAULT_STEMS = ("drums", "bass", "other", "vocals")
UNET_KINDS = ("bandsplit", "bandstack")  # those that halve frames and positions from level to level
HEADS = ("mask", "complex")
BLOCKS = ("residual", "plain")


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """A generator's architecture and the spectrogram it works on.

    Attributes:
        kind: the name of the architecture, as `tfsep.models.presets.build_generator` knows it.
        stems: what it separates, in the order of the masks.
        head: `mask` gives real masks in [0, 1]; `complex` masks with a real and an imaginary part, which correct the phase as
            well, and sees the mixture's phase, see `ModelContract`.
        bands: for `bandsplit` and `live`: `(bins, bins_per_patch)` from DC upwards; the bins must add up to `spec.model_bins`.
        subbands: for `bandstack`: into how many bands of equal width the spectrum is cut, which are stacked as channels.
        widths: channels at each level of the U-Net; frames and positions halve from one level to the next, in `live` positions only.
        block: `residual`, convolutions whose input is added to their output, or `plain`, without, as in the reference.
        blocks: blocks at each level, on the way down and again on the way up.
        dense_bottleneck: a frequency-wise dense layer maps `n` positions to `n / dense_bottleneck` and back; 0 for none. In
            `bandsplit` there is one after the blocks of each level, in `bandstack` one within each block.
        hpss_inputs: whether it also sees the percussive part of the mixture, which it makes from its input by median filters, see
            `tfsep.dsp.hpss`.

    Raises: ValueError from a field out of range.
    """

    kind: str = "bandsplit"
    spec: SpectrogramSpec = field(default_factory=SpectrogramSpec)
    stems: tuple[str, ...] = DEFAULT_STEMS
    head: str = "mask"
    bands: tuple[tuple[int, int], ...] = ((256, 2), (512, 8), (1280, 20))
    subbands: int = 8
    widths: tuple[int, ...] = (32, 64, 128, 256)
    block: str = "residual"
    blocks: tuple[int, ...] = (1, 1, 2, 2)
    dense_bottleneck: int = 8
    hpss_inputs: bool = False

    def __post_init__(self):
        if len(self.stems) < 2 or len(set(self.stems)) != len(self.stems):
            raise ValueError(f"stems={self.stems}: use two or more different names")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths={self.widths}: use one or more positive numbers of channels")
        if self.kind == "dssgan" and self.spec.channels != 1:
            raise ValueError(f"channels={self.spec.channels}: generators of kind dssgan are mono, use 1")
        for name, allowed in (("head", HEADS), ("block", BLOCKS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: use {' or '.join(allowed)}")
        if self.kind not in UNET_KINDS and self.hpss_inputs:
            raise ValueError(
                f"hpss_inputs=True: is for generators of kind {' or '.join(UNET_KINDS)}, not {self.kind}; leave it out"
            )
        if self.kind not in UNET_KINDS and self.head == "complex":
            raise ValueError(f"head='complex': generators of kind {self.kind} give real masks, use mask")
        if self.kind not in (*UNET_KINDS, LIVE):
            return
        if len(self.blocks) != len(self.widths) or min(self.blocks) < 0:
            raise ValueError(f"blocks={self.blocks}: use {len(self.widths)} numbers of 0 or more, one for each of widths")
        if self.dense_bottleneck < 0:
            raise ValueError(f"dense_bottleneck={self.dense_bottleneck}: use 0 (none) or more")
        self._check_bands()
        multiple = 2 ** (len(self.widths) - 1)
        if self.kind == LIVE and self.positions % multiple:
            raise ValueError(f"{self.positions} positions: must be a multiple of {multiple} for {len(self.widths)} levels")
        if self.positions % multiple or self.spec.frames % self.frame_multiple:
            raise ValueError(
                f"{self.positions} positions and {self.spec.frames} frames: both must be multiples of {multiple} "
                f"for {len(self.widths)} levels"
            )

    def _check_bands(self) -> None:
        if self.kind == "bandstack":
            if self.subbands < 1 or self.spec.model_bins % self.subbands:
                raise ValueError(f"subbands={self.subbands}: use a divisor of the {self.spec.model_bins} bins")
            return
        if sum(bins for bins, _ in self.bands) != self.spec.model_bins:
            raise ValueError(f"bands={self.bands}: the bins must add up to {self.spec.model_bins}")
        if any(patch < 1 or bins % patch for bins, patch in self.bands):
            raise ValueError(f"bands={self.bands}: each number of bins must be a multiple of its bins_per_patch")

    @property
    def frame_multiple(self) -> int:
        """What the number of frames of a chunk must be a multiple of: a U-Net halves them at each level, `dssgan` pads."""
        return 2 ** (len(self.widths) - 1) if self.kind in UNET_KINDS else 1

    @property
    def positions(self) -> int:
        """Places along frequency at the U-Net's first level: patches of all bands together, or the bins of one subband."""
        if self.kind == "bandstack":
            return self.spec.model_bins // self.subbands
        return sum(bins // patch for bins, patch in self.bands)

    @property
    def input_channels(self) -> int:
        """Channels of the input: those of the sound; with the complex head also their phase, as real and imaginary parts."""
        return self.spec.channels * (3 if self.head == "complex" else 1)

    @property
    def seen_channels(self) -> int:
        """Channels that the first layer sees: those of the input and, with `hpss_inputs`, the percussive part."""
        return self.input_channels + (self.spec.channels if self.hpss_inputs else 0)

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
