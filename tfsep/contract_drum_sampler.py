"""What the two files of a sampler of drum hits promise: one finds the code of a hit, one makes a hit of a code."""

import json
from dataclasses import dataclass, field
from typing import Any

from tfsep.contract import ModelContract
from tfsep.contract_drums import CLASSES
from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

CONTRACT_VERSION = 1
DRUM_SAMPLER = "drum-sampler"  # the contract's kind
GRID, CODE, CODES = "grid", "code", "codes"
PARTS = {"encoder": (GRID, CODES), "decoder": (CODE, GRID)}  # input and output of each


@dataclass(frozen=True, kw_only=True)
class DrumSamplerContract:
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
    def kind(self) -> str:
        """What a contract's field `kind` says of such files."""
        return DRUM_SAMPLER

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

    def to_json(self) -> dict[str, Any]:
        """Return the contract as JSON values; `tensors` follows from the rest."""
        return {
            "contract_version": CONTRACT_VERSION,
            "kind": DRUM_SAMPLER,
            "part": self.part,
            "name": self.name,
            "drums": list(self.drums),
            "spec": self.spec.to_json(),
            "cells": self.cells,
            "bands": self.bands,
            "floor_db": self.floor_db,
            "code": self.code,
            "tensors": self._tensors(),
            "training": self.training,
        }

    def _tensors(self) -> dict[str, Any]:
        return {
            side: [{"name": name, "dtype": "float32", "shape": list(shape)} for name, shape in tensors.items()]
            for side, tensors in (("inputs", self.inputs), ("outputs", self.outputs))
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any], source: str) -> "DrumSamplerContract":
        """Build a contract from `to_json`'s fields. Raises: ModelError, which names the `source`."""
        if fields.get("contract_version") != CONTRACT_VERSION:
            version = fields.get("contract_version")
            raise ModelError(f"{source}: contract version {version}, this program reads {CONTRACT_VERSION}: export it again")
        try:
            values = {name: fields[name] for name in cls.__dataclass_fields__}
            values |= {"spec": SpectrogramSpec.from_json(fields["spec"]), "drums": tuple(fields["drums"])}
            contract = cls(**values)
            if fields.get("tensors", contract._tensors()) != contract._tensors():
                raise ValueError("tensors do not follow from the other fields")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{source}: the description of the drum sampler is incomplete or wrong ({error}); export it again"
            ) from None
        return contract

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> "DrumSamplerContract":
        """Read a contract from what `to_bytes` returns, JSON of this kind. Raises: ModelError, which names the `source`."""
        return cls.from_json(json.loads(content), source)

    to_bytes = ModelContract.to_bytes
