import numpy as np
import pytest

from tfsep.data.catalogue.likeness import CoherenceMeter, SoundMeter

RATE_HZ = 16_000


def shared(signals: np.ndarray, block: int = 10**9) -> np.ndarray:
    meter = CoherenceMeter(signals.shape[1], RATE_HZ)
    for start in range(0, len(signals), block):
        meter.push(signals[start : start + block].astype(np.float32))
    return meter.shared()


def test_signals_that_have_nothing_in_common_and_copies(rng):
    noise = rng.normal(size=(20 * RATE_HZ, 3)) * [1, 0.01, 0.3]
    noise[:, 2] = -3 * noise[:, 0]
    found = shared(noise)
    np.testing.assert_allclose(np.diag(found), 1)
    assert found[0, 2] == pytest.approx(1)
    frames = 20 * RATE_HZ / 2048
    assert found[0, 1] == pytest.approx(1 / frames, rel=0.5)  # the bias of Welch's estimate, about 1 / frames
    assert found[1, 2] == pytest.approx(found[1, 0], rel=1e-6)


@pytest.mark.parametrize("bleed_db", [-10, -20])
def test_bleed_into_pauses(rng, bleed_db):
    """A signal that rests half of the time carries there what leaks, however faint it is against its own sound."""
    signals = rng.normal(size=(20 * RATE_HZ, 2))
    signals[: 10 * RATE_HZ, 1] = 0
    clean = shared(signals)[1, 0]
    signals[:, 1] += 10 ** (bleed_db / 20) * signals[:, 0]
    assert shared(signals)[1, 0] > 0.1 > 10 * clean


def test_silence_has_nothing_in_common(rng):
    signals = np.stack([rng.normal(size=RATE_HZ), np.zeros(RATE_HZ)], axis=1)
    np.testing.assert_array_equal(shared(signals), [[pytest.approx(1), 0], [0, 0]])
    np.testing.assert_array_equal(shared(np.zeros((0, 2))), np.zeros((2, 2)))


def test_sounds(rng):
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 100 * k * time_s) / k**2 for k in range(1, 9))[:, None]
    clicks = np.zeros((2 * RATE_HZ, 1))
    clicks[1000::4000] = 1
    sounds = []
    for samples in (tone, clicks, 1e-4 * tone):
        meter = SoundMeter(RATE_HZ)
        meter.push(samples.astype(np.float32))
        sounds.append(meter.finish())
    assert sounds[0].low == pytest.approx(1 / sum(k**-4 for k in range(1, 9)), rel=0.1)
    assert sounds[0].percussive < 0.1
    assert sounds[0].centroid_hz == pytest.approx(
        100 * sum(k**-3 for k in range(1, 9)) / sum(k**-4 for k in range(1, 9)), rel=0.03
    )
    assert sounds[1].percussive > 0.95
    assert sounds[1].low == pytest.approx(200 / 8000, rel=0.1)  # a click is white
    assert sounds[2] is None  # too soft to tell
