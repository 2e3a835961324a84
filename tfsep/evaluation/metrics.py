"""Scores of a separated stem: SDR of the whole song, SI-SDR, and BSSEval v4 through museval."""

from dataclasses import dataclass

import numpy as np

from tfsep.errors import MissingExtraError, TfsepError

SDR_EPSILON = 1e-7  # of the MDX definition, added to both energies
SILENCE_POWER = 1e-8  # mean square of a reference below which it is silent: -80 dB of full scale


class ScoreAccumulator:
    """Sums over a reference and its estimate, block by block, from which their scores follow; no song need be in memory.

    The channels of a block count as one signal.
    """

    def __init__(self) -> None:
        self.values = 0  # samples times channels
        self.reference_energy = self.estimate_energy = self.product = self.error_energy = 0.0

    @classmethod
    def from_sums(cls, values: int, reference_energy: float, estimate_energy: float, product: float) -> "ScoreAccumulator":
        """Build one from sums that were made elsewhere: sum(ref^2), sum(est^2), sum(ref * est) over `values` values."""
        scores = cls()
        scores.values, scores.product = values, product
        scores.reference_energy, scores.estimate_energy = reference_energy, estimate_energy
        scores.error_energy = max(0.0, reference_energy - 2 * product + estimate_energy)
        return scores

    def with_best_gain(self) -> "ScoreAccumulator":
        """Return the sums for the same estimate times the gain that makes its SDR best, <est, ref> / |est|^2."""
        gain = self.product / self.estimate_energy if self.estimate_energy > 0 else 0.0
        return self.from_sums(self.values, self.reference_energy, gain**2 * self.estimate_energy, gain * self.product)

    def add(self, reference: np.ndarray, estimate: np.ndarray) -> None:
        """Add a block of float `(samples, channels)` of both. Raises: ValueError if the shapes differ."""
        if reference.shape != estimate.shape:
            raise ValueError(f"reference has shape {reference.shape}, estimate {estimate.shape}: use the same")
        reference = reference.astype(np.float64).reshape(-1)
        estimate = estimate.astype(np.float64).reshape(-1)
        error = reference - estimate
        self.values += len(reference)
        self.reference_energy += float(reference @ reference)
        self.estimate_energy += float(estimate @ estimate)
        self.product += float(reference @ estimate)
        self.error_energy += float(error @ error)

    @property
    def silent(self) -> bool:
        """Whether the reference is silent, so that no ratio to it says anything."""
        return self.reference_energy <= SILENCE_POWER * self.values

    @property
    def sdr_db(self) -> float | None:
        """Signal-to-distortion ratio over all that was added; None for a silent reference.

        10 log10((sum ref^2 + eps) / (sum (ref - est)^2 + eps)), Mitsufuji et al. 2022, "Music Demixing Challenge 2021",
        arXiv 2108.13559, eq. 1.
        """
        if self.silent:
            return None
        return 10 * float(np.log10((self.reference_energy + SDR_EPSILON) / (self.error_energy + SDR_EPSILON)))

    @property
    def si_sdr_db(self) -> float | None:
        """Scale-invariant SDR; None if reference or estimate is silent.

        10 log10(|a ref|^2 / |a ref - est|^2) with a = <est, ref> / |ref|^2, Le Roux et al. 2019, "SDR - half-baked or well
        done?", arXiv 1811.02508, eq. 5. One factor for all channels; sums of doubles resolve it up to some 100 dB, where it is
        cut off.
        """
        if self.silent or self.estimate_energy <= SILENCE_POWER**2 * self.values:
            return None
        target = self.product**2 / self.reference_energy
        floor = 1e-10 * self.estimate_energy
        return 10 * float(np.log10(max(target, floor) / max(self.estimate_energy - target, floor)))


@dataclass(frozen=True, kw_only=True)
class BssEvalScore:
    """Medians over windows of 1 s of the BSSEval v4 ratios, in dB; None where no window has one."""

    sdr_db: float | None
    isr_db: float | None
    sir_db: float | None
    sar_db: float | None


def check_museval() -> None:
    """Raise MissingExtraError if museval is not installed, TfsepError if it is, but cannot be used."""
    try:
        import museval.metrics  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("museval", "evaluate", "BSSEval") from None
    except RuntimeError as error:  # stempeg, which it imports, asks for ffmpeg at once
        raise TfsepError(f"BSSEval needs the package museval, which cannot be imported: {error}") from None


def bsseval(references: np.ndarray, estimates: np.ndarray, sample_rate_hz: int) -> list[BssEvalScore | None]:
    """Score all stems of a song together with BSSEval v4 (Stöter, Liutkus and Ito 2018), filters over the whole song.

    Args:
        references: float `(stems, samples, channels)`: what the mixture is made of, all of it.
        estimates: float, the same shape; silent ones are not scored, but their references count as interference.
    Returns: a score for each stem; None for a silent reference or estimate.
    Raises: ValueError if the shapes differ, MissingExtraError without museval.
    """
    if references.shape != estimates.shape or references.ndim != 3:
        raise ValueError(
            f"references {references.shape} and estimates {estimates.shape}: use the same (stems, samples, channels)"
        )
    check_museval()
    from museval.metrics import bss_eval

    audible = [index for index, reference in enumerate(references) if np.mean(np.square(reference)) > SILENCE_POWER]
    given = [index for index in audible if np.any(estimates[index])]
    if not given:
        return [None] * len(references)
    # museval skips windows in which an estimate is silent, and fails if one is silent throughout: what is not scored anyway is
    # stood in for by its reference, which changes no other score
    stand_ins = [estimates[index] if index in given else references[index] for index in audible]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = bss_eval(references[audible], np.stack(stand_ins), window=sample_rate_hz, hop=sample_rate_hz)[:4]
    sdr, isr, sir, sar = (np.asarray(ratio) for ratio in ratios)
    scores: list[BssEvalScore | None] = [None] * len(references)
    for row, index in enumerate(audible):
        if index in given:
            scores[index] = BssEvalScore(
                sdr_db=_median(sdr[row]), isr_db=_median(isr[row]), sir_db=_median(sir[row]), sar_db=_median(sar[row])
            )
    return scores


def _median(values: np.ndarray) -> float | None:
    """Return the median of the finite values: museval marks silent windows with NaN and a single source's SIR with infinity."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None
