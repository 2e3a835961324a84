"""Drum hits out of the trained sampler: the code of a hit, the hit of a code; run by LiteRT, without TensorFlow."""

from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.contract_drum_sampler import CODES, GRID, PARTS, DrumSamplerContract
from tfsep.creative.drums.phases import griffin_lim, with_phases
from tfsep.dsp.hit_grid import HitGrid
from tfsep.errors import ModelError
from tfsep.separation.runtime import LiteRtRuntime

_SHIPPED = "drum_samples"


class DrumSampler:
    """Finds codes and makes hits. A clip is float32 mono at `rate_hz`, a hit beginning `ONSET_SAMPLES` in.

    Args:
        encoder, decoder: runtimes of the two parts of one sampler.

    Raises: ModelError if they are not.
    """

    def __init__(self, encoder: LiteRtRuntime, decoder: LiteRtRuntime):
        for part, runtime in (("encoder", encoder), ("decoder", decoder)):
            contract = runtime.contract
            if not isinstance(contract, DrumSamplerContract) or contract.part != part:
                raise ModelError(f"{contract.name}: is not the {part} of a drum sampler: export the sampler again")
        if encoder.contract.shapes != decoder.contract.shapes or encoder.contract.drums != decoder.contract.drums:
            raise ModelError("encoder and decoder are of two different drum samplers: copy both from one export")
        self._encoder, self._decoder = encoder, decoder
        self.contract: DrumSamplerContract = decoder.contract
        self.grid = HitGrid(self.contract)

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Self:
        """Load a folder with `encoder.tflite` and `decoder.tflite`; None is the one that comes with tfsep.

        Raises: ModelError if one is missing or damaged.
        """
        path = Path(str(resources.files("tfsep") / "weights" / _SHIPPED)) if folder is None else Path(folder)
        files = [path / f"{part}.tflite" for part in PARTS]
        for file in files:
            if not file.is_file():
                raise ModelError(f"{file}: there is no such part of a drum sampler: export one with tfsep-export")
        return cls(*(LiteRtRuntime(file, threads=1) for file in files))

    @property
    def rate_hz(self) -> int:
        """Sample rate of clips."""
        return self.contract.spec.sample_rate_hz

    def code(self, clip: np.ndarray, drum: str) -> np.ndarray:
        """Return the code of a hit, float32 `(code,)`: as noise of variance 1 if it is like other hits of that drum."""
        grid = self.grid.of_clip(clip)
        codes = self._encoder.predict(grid[:, :, np.newaxis])[CODES]
        return codes[self.contract.drums.index(drum)]

    def grid_of(self, code: np.ndarray, drum: str) -> np.ndarray:
        """Return what a code stands for, a grid, float32 `(cells, bands)`."""
        one_hot = np.eye(len(self.contract.drums), dtype=np.float32)[self.contract.drums.index(drum)]
        return self._decoder.predict(np.concatenate([code, one_hot]).astype(np.float32))[GRID][:, :, 0]

    def clip(self, code: np.ndarray, drum: str, *, like: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
        """Return the hit of a code, a clip of `grid.clip_samples` with peak 1.

        Args:
            like: a clip whose phases it takes, which makes it a cleaned version of that hit; None: phases are found by iteration.
            seed: of that iteration.
        """
        magnitudes = self.grid.magnitudes(self.grid_of(code, drum))
        spec, samples = self.contract.spec, self.grid.clip_samples
        if like is None:
            clip = griffin_lim(magnitudes, spec, samples, np.random.default_rng(seed))
        else:
            clip = with_phases(magnitudes, self.grid.spectrum(like), spec, samples)
        return clip / max(float(np.abs(clip).max()), 1e-9)

    def free(self, drum: str, seed: int) -> np.ndarray:
        """Return a hit that the sampler makes up, a clip of that drum."""
        code = np.random.default_rng(seed).standard_normal(self.contract.code, np.float32)
        return self.clip(code, drum, seed=seed)
