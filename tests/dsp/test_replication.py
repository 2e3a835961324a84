import numpy as np
import pytest

from tfsep.dsp.replication import network_input, patch_bins, source_bins
from tfsep.dsp.stft import stft
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, channels=1)


def test_the_octave_below_is_repeated():
    source = source_bins(40, 128, SPEC)
    np.testing.assert_array_equal(source[:40], np.arange(40))
    np.testing.assert_array_equal(source[40:60], np.arange(20, 40))
    np.testing.assert_array_equal(source[60:80], np.arange(20, 40))
    assert patch_bins(47, SPEC) == 20
    for first_bin in (2, 129):
        with pytest.raises(ValueError, match=f"first_bin={first_bin}"):
            source_bins(first_bin, 128, SPEC)


def test_a_copied_tone_has_the_phases_of_a_tone():
    """A shift by 20 bins, a multiple of window / hop, turns phases as a tone 20 bins higher does."""
    time = np.arange(4000)
    low, high = (
        stft(np.cos(2 * np.pi * (b + 0.3) / 256 * time)[:, None].astype(np.float32), SPEC)[8:-8, :, 0] for b in (30, 50)
    )
    copied = low[:, source_bins(40, 128, SPEC)]
    ratio = copied[:, 50] / high[:, 50]
    np.testing.assert_allclose(ratio, np.full(len(ratio), ratio[0]), atol=1e-3)


def test_the_network_sees_what_is_known_and_what_is_copied(rng):
    compressed = rng.uniform(1, 2, (3, 128)).astype(np.float32)
    holes = np.zeros((3, 128), bool)
    holes[1, 7] = True
    known, excitation, mask = np.moveaxis(network_input(compressed, 40, SPEC, holes), 2, 0)
    np.testing.assert_array_equal(mask, (np.arange(128) < 40) & ~holes)
    np.testing.assert_array_equal(known, compressed * mask)
    np.testing.assert_array_equal(excitation[:, :40], compressed[:, :40])
    np.testing.assert_array_equal(excitation[:, 40:60], compressed[:, 20:40])
