"""Piecewise linear maps of time, both ways."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """A rising line through points; its first and last slope go on beyond them.

    Attributes:
        x, y: float64 `(points,)`, two or more, both strictly rising.

    Raises: ValueError if they are not.
    """

    x: np.ndarray
    y: np.ndarray

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or len(self.x) < 2 or np.any(np.diff(self.x) <= 0) or np.any(np.diff(self.y) <= 0):
            raise ValueError(f"{len(self.x)} and {len(self.y)} points: use as many of both, two or more, strictly rising")

    def __call__(self, x: np.ndarray | float) -> np.ndarray:
        """Return y at x."""
        return _interpolate(x, self.x, self.y)

    def inverse(self, y: np.ndarray | float) -> np.ndarray:
        """Return x at y."""
        return _interpolate(y, self.y, self.x)


def _interpolate(at: np.ndarray | float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    at = np.asarray(at, np.float64)
    result = np.interp(at, x, y)
    result = np.where(at < x[0], y[0] + (at - x[0]) * (y[1] - y[0]) / (x[1] - x[0]), result)
    return np.where(at > x[-1], y[-1] + (at - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2]), result)
