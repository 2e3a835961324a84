"""How far a file is from Keras: in dB of its outputs, and in SDR of what it separates."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from tfsep.contract import WAVEFORM
from tfsep.dsp.masks import mask_factor
from tfsep.errors import ModelError

from .graph import Graph, Predict
from .signals import Trial, trials

# What a file must reach, at the worst of the trials, in dB. Quantised weights are judged by what they cost in SDR; their floor in
# dB only tells a broken file.
FLOOR_DB = {"fp32": 100.0, "fp16": 50.0}
QUANTISED_FLOOR_DB = 20.0
MOST_SDR_LOSS_DB = {"fp32": 0.02, "fp16": 0.02}
MOST_QUANTISED_SDR_LOSS_DB = 0.1


@dataclass(frozen=True)
class Parity:
    """The distance between a file and Keras.

    Attributes:
        db: by trial, 10 log10 of the outputs' energy over that of their difference.
        sdr_loss_db: Keras' SDR on the seeded music less that of the file, mean over stems.
    """

    db: dict[str, float]
    sdr_loss_db: float

    @property
    def worst_db(self) -> float:
        """Of the worst trial."""
        return min(self.db.values())

    def shortfall(self, precision: str) -> str | None:
        """Say by how much the file misses what its precision promises; None if it does not."""
        floor_db = FLOOR_DB.get(precision, QUANTISED_FLOOR_DB)
        most_db = MOST_SDR_LOSS_DB.get(precision, MOST_QUANTISED_SDR_LOSS_DB)
        trial = min(self.db, key=lambda name: self.db[name])
        if not self.worst_db >= floor_db:
            return f"differs from Keras by {self.worst_db:.1f} dB ({trial}), {precision} must reach {floor_db:.0f} dB"
        if not self.sdr_loss_db <= most_db:
            return f"loses {self.sdr_loss_db:.2f} dB SDR against Keras, {precision} may lose {most_db:g} dB"
        return None


class Reference:
    """What Keras makes of the trials, worked out once for all files of a graph."""

    def __init__(self, graph: Graph) -> None:
        self._contract = graph.contract
        self._trials = trials(graph.contract)
        self._expected = [graph.reference(trial.tensor) for trial in self._trials]

    def compare(self, predict: Predict) -> Parity:
        """Try a file. Raises: ModelError for outputs of other names or shapes, or that are not finite."""
        db, loss_db = {}, 0.0
        for trial, expected in zip(self._trials, self._expected, strict=True):
            found = predict(trial.tensor)
            self._check(found, expected, trial.name)
            db[trial.name] = distance_db(found, expected, expected)
            if trial.stems is not None:
                loss_db = self._mean_sdr_db(trial, expected) - self._mean_sdr_db(trial, found)
        return Parity(db, loss_db)

    def _check(self, found: dict[str, np.ndarray], expected: dict[str, np.ndarray], trial: str) -> None:
        if set(found) != set(expected):
            raise ModelError(f"the exported outputs are {', '.join(sorted(found))}; expected {', '.join(expected)}")
        for stem, values in found.items():
            if values.shape != expected[stem].shape:
                raise ModelError(f"the exported output {stem} is {values.shape}; expected {expected[stem].shape}")
            if not np.isfinite(values).all():
                raise ModelError(f"the exported output {stem} is not finite on {trial}")

    def _mean_sdr_db(self, trial: Trial, outputs: dict[str, np.ndarray]) -> float:
        scores = []
        for stem in self._contract.stems:
            estimate = outputs[stem]
            if self._contract.kind != WAVEFORM:
                estimate = mask_factor(estimate, self._contract.mask) * trial.mixture
            reference = trial.stems[stem]
            energy = float(np.sum(np.abs(reference.astype(np.complex128)) ** 2))
            error = float(np.sum(np.abs(reference.astype(np.complex128) - estimate) ** 2))
            if energy:
                scores.append(10 * np.log10(energy / max(error, 1e-12 * energy)))
        return float(np.mean(scores))


def distance_db(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], names: Collection[str]) -> float:
    """Return 10 log10 of the energy of all `expected` over that of their difference from `found`; 300 at most.

    Where all that is expected is silence, it is that below full scale.
    """
    signal = noise = 0.0
    for name in names:
        wanted = expected[name].astype(np.float64)
        signal += float(np.sum(wanted**2))
        noise += float(np.sum((found[name] - wanted) ** 2))
    if not signal:
        signal = float(sum(expected[name].size for name in names))
    return 10 * float(np.log10(signal / max(noise, 1e-30 * signal)))
