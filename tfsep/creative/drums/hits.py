"""A drum hit as found in a drum stem."""

import math
from dataclasses import dataclass

from tfsep.contract_drums import CLASSES

__all__ = ["CLASSES", "Hit", "in_order"]


@dataclass(frozen=True)
class Hit:
    """One stroke on one drum. Lists of hits are in the order of (`time_s`, `CLASSES.index(drum)`); use `in_order`.

    Attributes:
        time_s: seconds from the start of the audio to the start of the stroke's rise, >= 0, finer than a frame of the network.
        drum: one of `CLASSES`: kick, snare, closed_hat, open_hat, cymbal (crash or ride), tom, percussion.
        velocity: how hard, from 0 (excluded) to 1, as `velocity` of rendered songs; MIDI velocity is 127 times that.
    """

    time_s: float
    drum: str
    velocity: float

    def __post_init__(self) -> None:
        if self.drum not in CLASSES:
            raise ValueError(f"drum={self.drum!r}: use one of {', '.join(CLASSES)}")
        if not (math.isfinite(self.time_s) and self.time_s >= 0):
            raise ValueError(f"time_s={self.time_s}: use seconds from 0 on")
        if not 0 < self.velocity <= 1:
            raise ValueError(f"velocity={self.velocity}: use above 0 to 1")


def in_order(hits: list[Hit]) -> list[Hit]:
    """Sort hits by time, hits of one time in the order of `CLASSES`."""
    return sorted(hits, key=lambda hit: (hit.time_s, CLASSES.index(hit.drum)))
