"""What the two files of a sampler of drum hits promise: one finds the code of a hit, one makes a hit of a code."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tfsep.contract_drums import CLASSES
from tfsep.contract_network import NetworkContract
from tfsep.spec import SpectrogramSpec

DRUM_SAMPLER = "drum-sampler"  # the contract's kind
GRID, CODE, CODES = "grid", "code", "codes"
PARTS = {"encoder": (GRID, CODES), "decoder": (CODE, GRID)}  # input and output of each


@dataclass(frozen=True, kw_only=True)
class DrumSamplerContract(NetworkContract):
    """The promise of one exported part of a sampler, kept where a `ModelContract` is.

    A grid is a hit as `tfsep.dsp.hit_grid.HitGrid` describes it. The encoder takes float32 `(1, cells, bands, 1)` and gives float32
    `(1, drums, code)`: row `d` is the code of the hit if it is one of `drums[d]`. The decoder takes float32 `(1, code + drums)`, a
    code and then 1 at the place of its drum and 0 elsewhere, and gives a grid. Codes of the hits of a drum have mean 0 and
    covariance 1, so that a free sample is the decoder's answer to normal noise.

    Attributes:
        part: "encoder" or "decoder".
        drums: in the order of the codes.
        spec: of the transform that grids are made from.
        cells: of a grid, in time.
        bands: of a grid, in frequency.
        floor_db: of a grid, below its loudest cell.
        code: numbers in a code.

    Raises: ValueError from a field out of range.
    """

    kind: ClassVar[str] = DRUM_SAMPLER
    what: ClassVar[str] = "drum sampler"

    part: str
    drums: tuple[str, ...] = CLASSES
    spec: SpectrogramSpec = field(
        default_factory=lambda: SpectrogramSpec(window_samples=1024, hop_samples=128, channels=1, frames=512)
    )
    cells: int = 64
    bands: int = 80
    floor_db: float = 80.0
    code: int = 48
    name: str = "drum_samples"
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.part not in PARTS:
            raise ValueError(f"part={self.part!r}: use {' or '.join(PARTS)}")
        if not self.drums or len(set(self.drums)) != len(self.drums):
            raise ValueError(f"drums={self.drums}: use one or more different names")
        if self.spec.channels != 1:
            raise ValueError(f"channels={self.spec.channels}: a sampler hears mono, use 1")
        for name, most in (("cells", self.spec.frames), ("bands", self.spec.model_bins)):
            if getattr(self, name) % 16 or not 0 < getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)}: use a multiple of 16 up to {most}")
        if self.code < 1 or not 0 < self.floor_db < float("inf"):
            raise ValueError(f"code={self.code}, floor_db={self.floor_db}: use positive numbers")

    @property
    def input_name(self) -> str:
        """Name of the only input."""
        return PARTS[self.part][0]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor that there is in either part, by name."""
        return {
            GRID: (1, self.cells, self.bands, 1),
            CODE: (1, self.code + len(self.drums)),
            CODES: (1, len(self.drums), self.code),
        }

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name: there is one."""
        return {self.input_name: self.shapes[self.input_name]}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name: there is one."""
        name = PARTS[self.part][1]
        return {name: self.shapes[name]}
