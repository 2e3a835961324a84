import numpy as np

from tfsep.creative.drums.phases import griffin_lim, with_phases
from tfsep.dsp.stft import frame_count, stft
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(window_samples=256, hop_samples=64, channels=1)
SAMPLES = 4000


def tone():
    time_s = np.arange(SAMPLES) / 44_100
    return (np.sin(2 * np.pi * 700 * time_s) * np.exp(-time_s / 0.03)).astype(np.float32)


def test_a_sound_comes_back_from_its_magnitudes_and_phases():
    spectra = stft(tone()[:, None], SPEC)[:, :, 0]
    np.testing.assert_allclose(with_phases(np.abs(spectra), 3 * spectra, SPEC, SAMPLES), tone(), atol=1e-5)


def test_iteration_makes_magnitudes_come_true():
    wanted = np.abs(stft(tone()[:, None], SPEC)[:, :, 0])

    def error(iterations):
        made = griffin_lim(wanted, SPEC, SAMPLES, np.random.default_rng(0), iterations)
        found = np.abs(stft(made[:, None], SPEC)[:, :, 0])
        return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)

    assert error(32) < 0.5 * error(0)
    assert error(32) < 0.25


def test_silence_stays_silence():
    silence = np.zeros((frame_count(SAMPLES, SPEC), SPEC.bins), np.float32)
    assert not griffin_lim(silence, SPEC, SAMPLES, np.random.default_rng(0), 2).any()
    assert not with_phases(silence, silence.astype(np.complex64), SPEC, SAMPLES).any()
