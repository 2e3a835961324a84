"""A drum stem with its hits played anew, by clean samples: streamed, in two passes over the stem."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.creative.drums.align import resampled
from tfsep.creative.drums.fit import Placed, choke_times_s, fit_gains, place
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.kit_folder import KitFolder
from tfsep.creative.drums.sampler import DrumSampler
from tfsep.creative.drums.song_kit import AlikeHits, Chooser, SongKit, Stem, ended
from tfsep.dsp.hit_grid import ONSET_SAMPLES, HitGrid
from tfsep.errors import UsageError

GENERATED, NEAREST = "generated", "nearest"
LEAST_EXPLAINED = 0.1  # of the energy of a hit's attack, once other hits are taken off: below, the original is kept
BLOCK_S = 1.0
_AHEAD_S = 0.5  # hits that begin so much later are fitted along, and then again with their own block
_FADE_IN_S, _FADE_OUT_S = 0.0015, 0.02
_KEPT_S = 0.08  # of the original, around a hit whose fit is bad


@dataclass
class ReplacementCount:
    """How many hits were played anew, and how many kept for a bad fit or for want of a sample."""

    replaced: int = 0
    badly_fitted: int = 0
    without_sample: int = 0

    @property
    def summary(self) -> str:
        """One line."""
        kept = f"{self.badly_fitted} kept for a bad fit, {self.without_sample} for want of a sample"
        return f"{self.replaced} hits played anew, {kept}"


def check_amount(amount: float) -> float:
    """Return the amount. Raises: UsageError outside of 0 to 1."""
    if not 0 <= amount <= 1:
        raise UsageError(f"--amount {amount:g}: use 0 (the stem as it is) to 1 (samples where they fit)")
    return amount


def chooser(what: str, sample_rate_hz: int, *, sampler: DrumSampler | None = None) -> tuple[Chooser, list[str]]:
    """Return what gives a kit its samples, and notes for whoever asked.

    Args:
        what: "generated": the sampler's version of the mean of hits that are alike, with that mean's phases; "nearest": the most
            isolated one of those hits itself; else a folder of one-shots, of which the one whose grid is nearest is taken.
        sampler: for "generated"; the one that ships, if it is left out.
    Raises: DataError, AudioError as `KitFolder.read`; ModelError as `DrumSampler.load`.
    """
    if what == GENERATED:
        return _generated(sampler or DrumSampler.load(), sample_rate_hz), []
    if what == NEAREST:
        return lambda drum, alike: ended(alike.first, alike.first_alone), []
    kit = KitFolder.read(Path(what), sample_rate_hz)
    missing = ", ".join(kit.missing)
    return _of_folder(kit, sample_rate_hz), [f"{what}: no sample for {missing}: these are left as they are"] if missing else []


def _generated(sampler: DrumSampler, sample_rate_hz: int) -> Chooser:
    def choose(drum: str, alike: AlikeHits) -> np.ndarray:
        heard = resampled(alike.mean, sample_rate_hz, sampler.rate_hz)
        made = sampler.clip(sampler.code(heard, drum), drum, like=heard)
        return resampled(made, sampler.rate_hz, sample_rate_hz)

    return choose


def _of_folder(kit: KitFolder, sample_rate_hz: int) -> Chooser:
    from tfsep.contract_drum_sampler import DrumSamplerContract

    contract = DrumSamplerContract(part="encoder")
    grid, rate_hz = HitGrid(contract), contract.spec.sample_rate_hz
    grids = {
        drum: [grid.of_clip(resampled(clip, sample_rate_hz, rate_hz)) for clip in clips] for drum, clips in kit.clips.items()
    }

    def choose(drum: str, alike: AlikeHits) -> np.ndarray | None:
        if not kit.clips.get(drum):
            return None
        heard = grid.of_clip(resampled(ended(alike.mean, alike.alone), sample_rate_hz, rate_hz))
        distances = [float(np.abs(each - heard).mean()) for each in grids[drum]]
        return kit.clips[drum][int(np.argmin(distances))]

    return choose


def replace_hits(
    stem: Stem, hits: Sequence[Hit], kit: SongKit, amount: float, *, count: ReplacementCount | None = None
) -> Iterator[np.ndarray]:
    """Play the hits of a stem anew.

    Around each hit the stem is cross-faded to what all samples play together, by `amount` times the share of the hit's energy that
    its sample explains; elsewhere, and around hits of which it explains less than `LEAST_EXPLAINED`, it is left as it is.

    Args:
        hits: in the order of their times.
        kit: from `song_kit`.
        amount: 0 (the stem) to 1 (samples in the measure in which they explain each hit).
        count: set to what became of the hits.
    Yields: float32 `(samples, channels)`, in all as many as the stem has, a second or less each.
    Raises: UsageError for another amount.
    """
    check_amount(amount)
    return _replaced(stem, hits, kit, amount, count or ReplacementCount())


def _replaced(stem: Stem, hits: Sequence[Hit], kit: SongKit, amount: float, count: ReplacementCount) -> Iterator[np.ndarray]:
    rate_hz = stem.sample_rate_hz
    block, ahead, lead = (round(seconds * rate_hz) for seconds in (BLOCK_S, _AHEAD_S, 2 * _FADE_IN_S))
    waiting = deque(zip(hits, choke_times_s(hits), strict=True))
    known: list[Placed] = []  # placed, not yet settled
    settled: list[Placed] = []
    for first in range(0, stem.samples, block):
        last = first + block
        while waiting and waiting[0][0].time_s * rate_hz < last + ahead:
            placed = place(stem, waiting[0][0], kit, waiting[0][1])
            waiting.popleft()
            if placed is None:
                count.without_sample += 1
            else:
                known.append(placed)
        began = min((each.start for each in known), default=first)
        ended = max((each.stop for each in known), default=last)
        sound = stem.read(began, ended - began)
        for each in settled:
            _add(sound, began, each.start, -each.sound())
        fit_gains(sound, began, known, rate_hz)
        begun = [each for each in known if each.start - lead < last]  # in no order: fitting moves each by itself
        known = [each for each in known if each.start - lead >= last]
        for each in begun:
            good = each.explained >= LEAST_EXPLAINED
            count.replaced += good
            count.badly_fitted += not good
        settled += begun
        size = min(block, stem.samples - first)
        yield _mixed(stem.read(first, size), first, settled, amount, rate_hz)
        settled = [each for each in settled if _until(each, rate_hz) > last]


def _mixed(original: np.ndarray, first: int, settled: Sequence[Placed], amount: float, rate_hz: int) -> np.ndarray:
    played, share = np.zeros_like(original), np.zeros((len(original), 1), np.float32)
    kept = np.zeros_like(share)
    for each in settled:
        if each.explained >= LEAST_EXPLAINED:
            _add(played, first, each.start, each.sound())
            _raise(share, first, each.start + ONSET_SAMPLES, each.stop, rate_hz, each.explained)
        else:
            _raise(kept, first, each.start + ONSET_SAMPLES, _kept_until(each, rate_hz), rate_hz, 1.0)
    share *= amount * (1 - kept)
    return original + share * (played - original)


def _kept_until(each: Placed, rate_hz: int) -> int:
    """Return the sample up to which the original is kept around a hit if its fit is bad."""
    return each.start + ONSET_SAMPLES + round(_KEPT_S * rate_hz)


def _until(each: Placed, rate_hz: int) -> int:
    """Return the sample from which a hit changes nothing any more, whether it is played or kept."""
    return max(each.stop, _kept_until(each, rate_hz)) + round(_FADE_OUT_S * rate_hz)


def _add(sound: np.ndarray, first: int, start: int, piece: np.ndarray) -> None:
    """Add a piece that begins at sample `start` to a sound that begins at `first`, as far as they overlap."""
    low, high = max(first, start), min(first + len(sound), start + len(piece))
    if high > low:
        sound[low - first : high - first] += piece[low - start : high - start]


def _raise(share: np.ndarray, first: int, start: int, stop: int, rate_hz: int, to: float) -> None:
    """Bring a share up to a value from `start` to `stop`, with fades before and after."""
    before, after = round(_FADE_IN_S * rate_hz), round(_FADE_OUT_S * rate_hz)
    low, high = max(first, start - before), min(first + len(share), stop + after)
    if high <= low:
        return
    at = np.arange(low, high)
    ramp = np.minimum((at - (start - before)) / before, (stop + after - at) / after).clip(0, 1)
    part = share[low - first : high - first, 0]
    np.maximum(part, to * np.sin(np.pi / 2 * ramp) ** 2, out=part)
