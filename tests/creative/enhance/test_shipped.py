"""The network that comes with tfsep."""

from pathlib import Path

import numpy as np

from tfsep.audio import Audio
from tfsep.creative.enhance import Enhancer
from tfsep.creative.enhance.degrade import brickwall
from tfsep.creative.enhance.distance import log_spectral_distance_db
from tfsep.creative.enhance.enhancer import NETWORK

RATE_HZ = 44_100


def bursts(seed: int) -> np.ndarray:
    """Return two seconds of decaying noise bursts over a chord, float32 `(samples, 1)`: something like hats and a synthesiser."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    hats = rng.normal(0, 0.08, len(time_s)) * np.exp(-30 * np.mod(time_s, 0.25))
    chord = sum(np.sin(2 * np.pi * 110 * k * time_s) / k for k in range(1, 60)) * 0.05
    return (hats + chord)[:, np.newaxis].astype(np.float32)


def test_it_is_small():
    assert sum(path.stat().st_size for path in Path(NETWORK.find()).parent.iterdir()) < 3.5e6
    assert NETWORK.find().stat().st_size < 1.5e6


def test_it_brings_the_spectrum_nearer_to_what_it_was():
    enhancer, sound = Enhancer.load(), bursts(0)
    for cutoff_hz in (4000.0, 8000.0):
        narrow = Audio(brickwall(sound, RATE_HZ, cutoff_hz), RATE_HZ)
        wide = enhancer.enhance(narrow)
        distances = [
            log_spectral_distance_db(sound, each.samples, enhancer.contract.spec, from_hz=cutoff_hz) for each in (narrow, wide)
        ]
        assert distances[1] < 0.7 * distances[0]


def test_what_is_full_band_comes_back_as_it_is():
    source = Audio(bursts(1), RATE_HZ)
    assert Enhancer.load().enhance(source) is source
