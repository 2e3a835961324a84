import numpy as np
import pytest

from tfsep.dsp.stft import StreamingIstft, StreamingStft, features, frame_count, istft, stft
from tfsep.dsp.windows import hann_window
from tfsep.spec import SpectrogramSpec

SPECS = [
    SpectrogramSpec(window_samples=256, hop_samples=64),
    SpectrogramSpec(window_samples=256, hop_samples=128),
    SpectrogramSpec(window_samples=96, hop_samples=8),
]


def noise(samples: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(samples).uniform(-1, 1, (samples, channels)).astype(np.float32)


def pieces(array: np.ndarray, rng) -> list[np.ndarray]:
    """Cut at random places, empty pieces included."""
    cuts = np.sort(rng.integers(0, len(array) + 1, 7))
    return np.split(array, cuts)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("samples", [1, 63, 64, 255, 256, 1000, 1001])
def test_perfect_reconstruction(spec, samples):
    sound = noise(samples)
    spectra = stft(sound, spec)
    assert spectra.dtype == np.complex64
    assert spectra.shape == (frame_count(samples, spec), spec.bins, 2)
    back = istft(spectra, spec, samples)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, sound, atol=2e-6)


def test_no_samples():
    spec = SPECS[0]
    assert stft(noise(0), spec).shape == (0, spec.bins, 2)
    assert istft(np.zeros((0, spec.bins, 2), np.complex64), spec, 0).shape == (0, 2)
    assert StreamingStft(spec, 2).finish().shape == (0, spec.bins, 2)


def test_sine_on_a_bin_has_its_amplitude():
    spec = SPECS[0]
    at = np.arange(2048) / spec.window_samples
    sound = np.stack([0.5 * np.sin(2 * np.pi * 10 * at), 0.25 * np.cos(2 * np.pi * 20 * at)], axis=1).astype(np.float32)
    middle = np.abs(stft(sound, spec))[10:-10]
    np.testing.assert_allclose(middle[:, 10, 0], 0.5, rtol=1e-5)
    np.testing.assert_allclose(middle[:, 20, 1], 0.25, rtol=1e-5)
    np.testing.assert_allclose(middle[:, 9, 0], 0.25, rtol=1e-5)  # a Hann window's next bin has half of it
    np.testing.assert_allclose(middle[:, 13:, 0], 0, atol=1e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_parseval(spec):
    sound = noise(1000)
    spectra = np.abs(stft(sound, spec).astype(np.complex128)) ** 2
    power = 2 * spectra.sum(axis=(0, 1)) - spectra[:, 0].sum(axis=0) - spectra[:, -1].sum(axis=0)
    window = hann_window(spec.window_samples).astype(np.float64)
    # each sample is weighed by all shifts of the squared window; sum of |X|^2 is N times the sum of squares
    scale = (window.sum() / 2) ** 2 / spec.window_samples
    weights = np.tile((window**2).reshape(-1, spec.hop_samples).sum(axis=0), -(-1000 // spec.hop_samples))[:1000]
    np.testing.assert_allclose(power * scale, (weights[:, None] * sound.astype(np.float64) ** 2).sum(axis=0), rtol=1e-5)


def test_against_a_slow_transform():
    spec = SpectrogramSpec(window_samples=16, hop_samples=4)
    sound = noise(40, 1)
    padded = np.concatenate([np.zeros(12), sound[:, 0], np.zeros(16)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    for frame, spectrum in enumerate(stft(sound, spec)):
        for bin_, value in enumerate(spectrum[:, 0]):
            wave = np.exp(-2j * np.pi * bin_ * np.arange(16) / 16)
            assert value == pytest.approx(
                (padded[4 * frame : 4 * frame + 16] * window * wave).sum() * 2 / window.sum(), abs=1e-6
            )


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("samples", [0, 1, 300, 1000])
def test_streaming_is_the_whole(spec, samples):
    rng = np.random.default_rng(3)
    sound = noise(samples)
    whole = stft(sound, spec)
    for _ in range(5):
        streaming = StreamingStft(spec, 2)
        parts = [streaming.push(piece) for piece in pieces(sound, rng)] + [streaming.finish()]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        inverse = StreamingIstft(spec, 2)
        back = np.concatenate([inverse.push(group) for group in pieces(whole, rng)])
        assert len(back) >= samples
        np.testing.assert_allclose(back[:samples], sound, atol=2e-6)


def test_silence_stays_silent():
    spec = SPECS[0]
    assert not istft(stft(np.zeros((500, 2), np.float32), spec), spec, 500).any()


def test_features_leave_out_nyquist_and_compress():
    spec = SpectrogramSpec(window_samples=8, hop_samples=2, feature_gain=3.0)
    spectra = np.full((2, 5, 1), 3 - 4j, np.complex64)
    seen = features(spectra, spec)
    assert seen.shape == (2, 4, 1)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, np.log(16), rtol=1e-6)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"expected \(samples, channels\), got shape \(5,\)"):
        stft(np.zeros(5, np.float32), SPECS[0])
    with pytest.raises(ValueError, match=r"expected \(frames, bins, channels\)"):
        istft(np.zeros((5, 129)), SPECS[0], 5)
    with pytest.raises(ValueError, match="spectra of 3 frames: 100 samples have 5"):
        istft(np.zeros((3, 129, 1)), SPECS[0], 100)
