"""What SDR does not hear of a drum stem: whether its hits are there, and whether its highs have holes."""

from dataclasses import dataclass

import numpy as np

from tfsep.dsp.stft import stft
from tfsep.errors import MissingExtraError
from tfsep.spec import SpectrogramSpec
from tfsep.training.drum_scores import merged

WINDOW_S = 0.05  # either side of a hit within which an onset is that hit, MIREX's tolerance
HIGHS_HZ = 8000.0
FLOOR_DB = -80.0  # relative to the loudest cell of the reference: what is below counts as silent
# Short windows follow hits; the bins need not tell pitches apart.
DETECTION = SpectrogramSpec(sample_rate_hz=44_100, window_samples=2048, hop_samples=512)


@dataclass(frozen=True, kw_only=True)
class HitScore:
    """Onset F1 of a drum stem, 0 to 1, and its log-spectral distance in the highs, None where the reference has none."""

    onset_f1: float
    lsd_highs_db: float | None


def score_hits(drums: np.ndarray, estimate: np.ndarray, sample_rate_hz: int, hits_s: np.ndarray | None = None) -> HitScore:
    """Score a drum stem by its hits and by its highs.

    Args:
        drums, estimate: float32 `(samples, channels)`, of one shape.
        hits_s: when the hits are, if that is known; else what the same detector finds in `drums`.
    """
    hits_s = onset_times(drums, sample_rate_hz) if hits_s is None else hits_s
    return HitScore(
        onset_f1=onset_f1(hits_s, onset_times(estimate, sample_rate_hz)),
        lsd_highs_db=log_spectral_distance_db(drums, estimate, sample_rate_hz),
    )


def check_onsets() -> None:
    """Raise MissingExtraError if what finds and scores onsets is not installed."""
    for package in ("librosa", "mir_eval"):
        try:
            __import__(package)
        except ModuleNotFoundError:
            raise MissingExtraError(package, "evaluate", "onset F1 of drums") from None


def onset_times(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return when notes or hits begin, in seconds: peaks of librosa's spectral flux on mel bands, with its default thresholds.

    Args:
        samples: float32 `(samples, channels)`; silence has no onset.
    """
    import librosa

    mono = samples.mean(axis=1)
    if not np.abs(mono).max(initial=0.0) > 1e-4:  # the detector scales its envelope, which would make hits of noise
        return np.zeros(0)
    return librosa.onset.onset_detect(y=mono, sr=sample_rate_hz, hop_length=256, units="time")


def onset_f1(reference_s: np.ndarray, estimate_s: np.ndarray) -> float:
    """Return the F-measure of onset times, matched one to one within 50 ms (Raffel et al. 2014, `mir_eval.onset.f_measure`).

    Args:
        reference_s, estimate_s: times in seconds, in any order; hits that sound together (within 30 ms) count as one.
    Returns: 0 to 1; 1 where there is no hit and none was found.
    """
    from mir_eval.onset import f_measure

    reference_s, estimate_s = merged(reference_s), merged(estimate_s)
    if not len(reference_s) and not len(estimate_s):
        return 1.0
    if not len(reference_s) or not len(estimate_s):
        return 0.0
    return float(f_measure(reference_s, estimate_s, window=WINDOW_S)[0])


def log_spectral_distance_db(
    reference: np.ndarray, estimate: np.ndarray, sample_rate_hz: int, *, from_hz: float = HIGHS_HZ
) -> float | None:
    """Return the mean over frames of the root mean square difference of power spectra in dB, above a frequency.

    Gray and Markel 1976, "Distance measures for speech processing", of magnitudes floored 80 dB below the reference's loudest
    cell; frames in which the reference is silent up there are left out. What a mask cut away is as far from a hit as the floor.

    Args:
        reference, estimate: float32 `(samples, channels)`, of one shape.
    Returns: None where the reference has nothing above `from_hz`.
    Raises: ValueError for different shapes.
    """
    if reference.shape != estimate.shape:
        raise ValueError(f"reference has shape {reference.shape}, estimate {estimate.shape}: use the same")
    first = int(np.ceil(from_hz * DETECTION.window_samples / sample_rate_hz))
    there, here = (np.abs(stft(samples, DETECTION))[:, first:] for samples in (reference, estimate))
    floor = there.max(initial=0.0) * 10 ** (FLOOR_DB / 20)
    if not floor > 0:
        return None
    there, here = (20 * np.log10(np.maximum(magnitude, floor)) for magnitude in (there, here))
    distances = np.sqrt(np.mean((there - here) ** 2, axis=1))  # (frames, channels)
    sounding = there.max(axis=1) > there.min() + 1e-3
    return float(distances[sounding].mean()) if sounding.any() else None
