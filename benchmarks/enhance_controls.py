"""What a super-resolution network is compared with: replication of the band below, its level continued along a line."""

from dataclasses import dataclass, field

import numpy as np

from tfsep.contract_enhance import MAGNITUDE, EnhanceContract
from tfsep.dsp.replication import patch_bins

BANDS = 8  # of the octave that the line is fitted to
STEEPEST_DB = -24.0  # an octave; spectra do not rise


@dataclass
class ReplicationRuntime:
    """Blind spectral band replication, in the place of a network: the same excitation, phases and path, other levels.

    In each frame the levels of the octave below the cutoff are fitted by a line over log frequency; each copied cell falls along it
    from where it was copied. (SBR proper is sent the true levels; nobody sends them here.)
    """

    contract: EnhanceContract = field(default_factory=EnhanceContract)
    workers: int = 2

    def predict(self, spectrum: np.ndarray) -> dict[str, np.ndarray]:
        """See `Runtime.predict`."""
        spec = self.contract.spec
        first_bin = int(spectrum[0, :, 2].sum())  # the known cells, there are no holes
        width = patch_bins(first_bin, spec)
        magnitude = np.expm1(spectrum[..., 1]) / spec.feature_gain
        octave = np.array_split(np.arange(first_bin - width, first_bin), BANDS)
        power = np.stack([(magnitude[:, part] ** 2).mean(axis=1) for part in octave], axis=1)
        level_db = 10 * np.log10(power + 1e-12)
        at = np.log2([part.mean() for part in octave])
        slope_db = ((at - at.mean()) * (level_db - level_db.mean(axis=1, keepdims=True))).sum(axis=1) / (
            (at - at.mean()) ** 2
        ).sum()
        slope_db = np.clip(slope_db, STEEPEST_DB, 0)
        bins = np.arange(first_bin, spec.model_bins)
        octaves = np.log2(bins / (first_bin - width + (bins - first_bin) % width))
        gained = magnitude.copy()
        gained[:, first_bin:] *= 10 ** (slope_db[:, np.newaxis] * octaves / 20)
        return {MAGNITUDE: np.log1p(spec.feature_gain * gained)[..., np.newaxis].astype(np.float32)}
