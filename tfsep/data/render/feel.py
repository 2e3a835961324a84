"""Swing: where the strokes between the beats fall."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feel:
    """Swing of a song.

    Args:
        swing: where the second of a pair falls within the pair: 0.5 is straight, 0.667 a triplet.
        unit: 8 if eighths swing, 16 if sixteenths do.
    """

    swing: float = 0.5
    unit: int = 16

    def __post_init__(self) -> None:
        if not 0.5 <= self.swing < 0.8 or self.unit not in (8, 16):
            raise ValueError(f"swing={self.swing}, unit={self.unit}: use a swing of 0.5 to 0.8 and a unit of 8 or 16")

    def at(self, beat: float) -> float:
        """Move a straight position in beats to its swung one; beats stay, and order is kept."""
        pair_beats = 1.0 if self.unit == 8 else 0.5
        pair, place = divmod(beat / pair_beats, 1.0)
        if place < 0.5:
            place *= 2.0 * self.swing
        else:
            place = self.swing + (place - 0.5) * 2.0 * (1.0 - self.swing)
        return (pair + place) * pair_beats
