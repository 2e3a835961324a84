"""The best and the worst few seconds of a song, kept as spectrograms while it is scored."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tfsep.dsp.stft import stft
from tfsep.evaluation.metrics import ScoreAccumulator
from tfsep.evaluation.result import Excerpt
from tfsep.spec import SpectrogramSpec

EXCERPT_S = 6.0
SHORTEST_S = 2.0  # a shorter rest at the end of a song is no excerpt, unless the song is that short
AUDIBLE_POWER = 10**-4.5  # mean square of a reference in an excerpt: -45 dB of full scale
LOWEST_HZ = 40.0
ROWS = 160
RANGE_DB = 80.0


@dataclass(frozen=True, eq=False)
class Picture:
    """An excerpt to look at: spectrograms of mixture, reference and estimate.

    Each is uint8 `(ROWS, frames)`, lowest frequency first, rows spaced evenly on a logarithmic axis from `LOWEST_HZ` to
    `highest_hz`; 255 is the loudest cell of the mixture, 0 lies `RANGE_DB` or more below it.
    """

    excerpt: Excerpt
    song: str
    highest_hz: float
    mixture: np.ndarray
    reference: np.ndarray
    estimate: np.ndarray


class ExcerptFinder:
    """Cuts a song into excerpts as it is scored, and keeps the best and the worst in which the reference is heard."""

    def __init__(self, *, song: str, estimator: str, stem: str, sample_rate_hz: int) -> None:
        self._song, self._estimator, self._stem, self._sample_rate_hz = song, estimator, stem, sample_rate_hz
        self._length = round(EXCERPT_S * sample_rate_hz)
        self._blocks: list[np.ndarray] = []  # each (3, samples, channels)
        self._held = self._start = 0
        self._found: dict[str, Picture] = {}

    def add(self, mixture: np.ndarray, reference: np.ndarray, estimate: np.ndarray) -> None:
        """Take the next float32 `(samples, channels)` of each."""
        block = np.stack([mixture, reference, estimate])
        while self._held + block.shape[1] >= self._length:
            cut = self._length - self._held
            self._close([*self._blocks, block[:, :cut]])
            self._blocks, self._held, block = [], 0, block[:, cut:]
        if block.shape[1]:
            self._blocks.append(block)
            self._held += block.shape[1]

    def finish(self) -> list[Picture]:
        """Return the best and the worst excerpt; one alone counts as best; none where the reference is never heard."""
        if self._held >= (SHORTEST_S * self._sample_rate_hz if self._start else 1):
            self._close(self._blocks)
        best, worst = self._found.get("best"), self._found.get("worst")
        if best is None:
            return []
        return [best] if worst is None or worst.excerpt.start_s == best.excerpt.start_s else [best, worst]

    def _close(self, blocks: list[np.ndarray]) -> None:
        signals = np.concatenate(blocks, axis=1)
        start, self._start = self._start, self._start + signals.shape[1]
        _, reference, estimate = signals
        if np.mean(np.square(reference)) < AUDIBLE_POWER:
            return
        scores = ScoreAccumulator()
        scores.add(reference, estimate)
        for kind, better in (("best", 1), ("worst", -1)):
            known = self._found.get(kind)
            if known is None or better * scores.sdr_db > better * known.excerpt.sdr_db:
                self._found[kind] = self._picture(kind, start, scores.sdr_db, signals)

    def _picture(self, kind: str, start: int, sdr_db: float, signals: np.ndarray) -> Picture:
        rate = self._sample_rate_hz
        excerpt = Excerpt(
            estimator=self._estimator,
            stem=self._stem,
            kind=kind,
            start_s=start / rate,
            duration_s=signals.shape[1] / rate,
            sdr_db=sdr_db,
        )
        levels = [log_spectrogram_db(signal.mean(axis=1, keepdims=True), rate) for signal in signals]
        top = levels[0].max()
        return Picture(excerpt, self._song, rate / 2, *(as_image(level, top) for level in levels))


def as_image(level_db: np.ndarray, top_db: float) -> np.ndarray:
    """Return a level as uint8 of its shape: 255 from `top_db` up, 0 from `RANGE_DB` below it down."""
    return np.clip((level_db - top_db) / RANGE_DB * 255 + 255, 0, 255).astype(np.uint8)


def log_spectrogram_db(signal: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Return the level of float32 `(samples, 1)`, float32 `(ROWS, frames)` in dB, each row the loudest of its bins."""
    spec = SpectrogramSpec(sample_rate_hz=sample_rate_hz, window_samples=2048, hop_samples=512, channels=1)
    magnitude = np.abs(stft(signal, spec)[:, :, 0]).T
    edges_hz = np.geomspace(LOWEST_HZ, sample_rate_hz / 2, ROWS + 1)
    edges = np.clip(np.round(edges_hz / sample_rate_hz * spec.window_samples).astype(int), 1, spec.bins - 1)
    rows = [magnitude[low : max(low + 1, high)].max(axis=0) for low, high in pairwise(edges)]
    return 20 * np.log10(np.maximum(np.stack(rows), 1e-7))
