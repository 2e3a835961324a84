import numpy as np
import pytest

from tfsep.dsp.mel import log_mel, mel_filterbank
from tfsep.dsp.stft import stft
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=44_100, window_samples=2048, hop_samples=1024, channels=1, feature_gain=1000.0)


@pytest.mark.parametrize(("bands", "low_hz", "high_hz"), [(64, 30.0, 14_000.0), (20, 0.0, 22_050.0)])
def test_the_filterbank_is_librosas(bands, low_hz, high_hz):
    librosa = pytest.importorskip("librosa")
    theirs = librosa.filters.mel(sr=44_100, n_fft=2048, n_mels=bands, fmin=low_hz, fmax=high_hz, htk=True, norm=1)
    ours = mel_filterbank(SPEC, bands, low_hz, high_hz)
    assert ours.shape == (1024, bands)
    np.testing.assert_allclose(ours, theirs.T[:-1], atol=2e-6)  # ours leaves the Nyquist bin out


def test_bands_are_means_of_their_bins():
    np.testing.assert_allclose(mel_filterbank(SPEC, 64, 30, 14_000).sum(axis=0), 1, rtol=1e-5)


def test_a_sine_is_loudest_in_the_band_around_it():
    time_s = np.arange(44_100) / 44_100
    magnitude = np.abs(stft(np.sin(2 * np.pi * 1000 * time_s)[:, None].astype(np.float32), SPEC)[:, :-1, 0])
    mel = log_mel(magnitude, SPEC, mel_filterbank(SPEC, 64, 30, 14_000))
    edges_mel = np.linspace(*(2595 * np.log10(1 + np.array([30, 14_000]) / 700)), 66)
    centres_hz = 700 * (10 ** (edges_mel[1:-1] / 2595) - 1)
    assert abs(centres_hz[mel[20].argmax()] - 1000) < 40


def test_silence_is_zero():
    assert not log_mel(np.zeros((8, 1024), np.float32), SPEC, mel_filterbank(SPEC, 64, 30, 14_000)).any()


@pytest.mark.parametrize(("bands", "low_hz", "high_hz"), [(0, 30, 100), (8, 200, 100), (8, 30, 30_000), (400, 30, 14_000)])
def test_impossible_filterbanks_are_refused(bands, low_hz, high_hz):
    with pytest.raises(ValueError, match=f"bands={bands}"):
        mel_filterbank(SPEC, bands, low_hz, high_hz)
