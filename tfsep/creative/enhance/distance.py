"""How far a restored spectrum is from the true one."""

import numpy as np

from tfsep.dsp.stft import stft
from tfsep.spec import SpectrogramSpec

FLOOR_DB = -100.0  # of full scale, for a cell; what lies below counts as this
SILENT_DB = -70.0  # of a frame's root mean square magnitude; frames below it say nothing


def log_spectral_distance_db(
    reference: np.ndarray, estimate: np.ndarray, spec: SpectrogramSpec, *, from_hz: float = 0.0
) -> float | None:
    """Return the log-spectral distance in dB, None if the reference is silent.

    The root mean square over bins of the difference of levels in dB, its mean over frames and channels (Gray and Markel 1976,
    "Distance measures for speech processing", eq. 3).

    Args:
        reference, estimate: float32 `(samples, channels)` of one shape, at the spec's rate.
        from_hz: bins below are left out.
    Raises: ValueError if the shapes differ.
    """
    if reference.shape != estimate.shape:
        raise ValueError(f"reference has shape {reference.shape}, estimate {estimate.shape}: use the same")
    first = round(from_hz * spec.window_samples / spec.sample_rate_hz)
    powers = [_power(sound, spec) for sound in (reference, estimate)]
    heard = powers[0].mean(axis=1) > 10 ** (SILENT_DB / 10)
    if not heard.any():
        return None
    floor = 10 ** (FLOOR_DB / 10)
    levels = [10 * np.log10(np.maximum(power[:, first : spec.model_bins], floor)) for power in powers]
    distances = np.sqrt(((levels[0] - levels[1]) ** 2).mean(axis=1))
    return float(distances[heard].mean())


def _power(sound: np.ndarray, spec: SpectrogramSpec) -> np.ndarray:
    spectra = stft(sound, spec)
    return spectra.real**2 + spectra.imag**2
