"""Draws from small sets; `numpy`'s `choice` takes twenty times as long for them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """Draw one item, all equally likely; `items` must not be empty."""
    return items[int(rng.random() * len(items))]


def pick_weighted(rng: np.random.Generator, items: Sequence[tuple[T, float]]) -> T:
    """Draw one of (item, weight) pairs; weights are >= 0, and one at least is positive."""
    left = rng.random() * sum(weight for _, weight in items)
    for item, weight in items:
        left -= weight
        if left < 0:
            return item
    return next(item for item, weight in reversed(items) if weight > 0)  # rounding


def between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw evenly from low to high."""
    return limits[0] + (limits[1] - limits[0]) * rng.random()


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with that probability."""
    return bool(rng.random() < probability)
