"""Harmonic-percussive separation as a model: drums by median filters, with nothing that was learnt."""

import numpy as np

from tfsep.contract import ModelContract
from tfsep.dsp.hpss import KERNEL, hpss_masks
from tfsep.spec import SpectrogramSpec

HPSS = "hpss"  # its name
DRUMS, REST = "drums", "accompaniment"


class HpssRuntime:
    """Takes what is percussive for the drums, and what is harmonic for the rest. A `Runtime`.

    Neighbouring chunks share so many frames that a cell where they are cross-faded has all the neighbours that its medians reach
    in one of them at least.
    """

    contract = ModelContract(
        spec=SpectrogramSpec(window_samples=2048, hop_samples=512),
        stems=(DRUMS, REST),
        overlap_frames=KERNEL + 1,
        name=HPSS,
    )

    def __init__(self, *, workers: int = 1):
        self.workers = workers

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk, see `Runtime.predict`."""
        masks = {stem: np.full(features.shape, 0.5, np.float32) for stem in self.contract.stems}
        sounding = np.flatnonzero(features.any(axis=(1, 2)))
        if len(sounding):
            # the silence that fills up the last chunk of a song is no part of it, and would make its end sound like a hit
            frames = sounding[-1] + 1
            masks[REST][:frames], masks[DRUMS][:frames] = hpss_masks(np.expm1(features[:frames]))
        return masks
