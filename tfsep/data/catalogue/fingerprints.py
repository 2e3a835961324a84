"""Audio fingerprints by landmarks: pairs of spectral peaks, which outlast gain, lossy coding and cutting.

After Wang 2003, "An industrial-strength audio search algorithm" (ISMIR): peaks of the spectrogram are joined to a few peaks that
follow, and a pair is kept as a hash of its two frequencies and their distance. Two recordings of one performance share many
hashes at one distance in time; other recordings share few, at distances that differ. A change of speed or pitch is not outlasted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tfsep.audio import Resampler
from tfsep.dsp.stft import StreamingStft
from tfsep.spec import SpectrogramSpec

_SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=1024, hop_samples=256, channels=1)
FRAMES_PER_SECOND = _SPEC.frames_per_second
_LOWEST_BIN, _HIGHEST_BIN = 8, 504  # 62 to 3,937 Hz: what every coder keeps
_REACH_FRAMES, _REACH_BINS = 8, 12  # a peak is the largest value of this many frames and bins to either side
_GROUP_FRAMES = 512
_PEAKS_PER_SECOND = 10
_FLOOR = 1e-4  # magnitude against the loudest peak so far; below lies what coders invent
_FOLLOWERS = 3
_LONGEST_FRAMES = 63

MIN_ALIGNED = 15
MIN_SHARE = 0.03


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The landmarks of a recording: int32 hashes and the frames at which they begin, both `(landmarks,)`, sorted by frame."""

    hashes: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        return len(self.hashes)


@dataclass(frozen=True, kw_only=True)
class Match:
    """How far two recordings agree.

    Attributes:
        aligned: landmarks that both have at one distance in time.
        share: of the landmarks of the one that has fewer.
        offset_s: how much later the sound lies in the reference than in the query.
    """

    aligned: int
    share: float
    offset_s: float

    @property
    def same(self) -> bool:
        """Whether that is one recording; the limits are measured, see docs/contributions.md."""
        return self.aligned >= MIN_ALIGNED and self.share >= MIN_SHARE


class Fingerprinter:
    """Makes a fingerprint from a stream of blocks, in bounded memory but for the landmarks.

    Args:
        sample_rate_hz: of the blocks.
    """

    def __init__(self, sample_rate_hz: int):
        self._resampler = Resampler(sample_rate_hz, _SPEC.sample_rate_hz, 1)
        self._stft = StreamingStft(_SPEC, 1)
        self._pending = np.zeros((_REACH_FRAMES, _SPEC.bins), np.float32)  # its first and last rows are context only
        self._frame = 0  # of the first row that is not context
        self._peaks: list[np.ndarray] = []
        self._loudest = 0.0

    def push(self, block: np.ndarray) -> None:
        """Take float32 `(samples, channels)`, any length."""
        self._take(self._stft.push(self._resampler.process(block.mean(axis=1, keepdims=True, dtype=np.float32))))

    def finish(self) -> Fingerprint:
        """Return the fingerprint of all that was pushed. Raises: MissingExtraError without scipy."""
        self._take(self._stft.push(self._resampler.flush()))
        self._take(self._stft.finish())
        self._pending = np.pad(self._pending, ((0, _REACH_FRAMES), (0, 0)))
        self._find(len(self._pending) - 2 * _REACH_FRAMES)
        peaks = np.concatenate(self._peaks) if self._peaks else np.zeros((0, 2), np.int64)
        return _pair(peaks[np.lexsort((peaks[:, 1], peaks[:, 0]))])

    def _take(self, spectra: np.ndarray) -> None:
        self._pending = np.concatenate([self._pending, np.abs(spectra[:, :, 0])])
        while len(self._pending) >= _GROUP_FRAMES + 2 * _REACH_FRAMES:
            self._find(_GROUP_FRAMES)

    def _find(self, frames: int) -> None:
        """Add the peaks of the next `frames` frames, the loudest of each second."""
        from scipy.ndimage import maximum_filter

        rows = self._pending[: frames + 2 * _REACH_FRAMES]
        largest = maximum_filter(rows, size=(2 * _REACH_FRAMES + 1, 2 * _REACH_BINS + 1), mode="constant")
        inner = rows[_REACH_FRAMES : _REACH_FRAMES + frames]
        self._loudest = max(self._loudest, float(inner.max(initial=0.0)))
        is_peak = (inner == largest[_REACH_FRAMES : _REACH_FRAMES + frames]) & (inner > _FLOOR * self._loudest)
        is_peak[:, :_LOWEST_BIN] = is_peak[:, _HIGHEST_BIN:] = False
        found = np.argwhere(is_peak)
        seconds = ((found[:, 0] + self._frame) / FRAMES_PER_SECOND).astype(np.int64)
        order = np.lexsort((-inner[found[:, 0], found[:, 1]], seconds))
        ranks = np.arange(len(order)) - np.searchsorted(seconds[order], seconds[order])
        self._peaks.append(found[order[ranks < _PEAKS_PER_SECOND]] + (self._frame, 0))
        self._pending = self._pending[frames:]
        self._frame += frames


def fingerprint(blocks: Iterable[np.ndarray], sample_rate_hz: int) -> Fingerprint:
    """Return the fingerprint of a stream of float32 `(samples, channels)`. Raises: MissingExtraError without scipy."""
    maker = Fingerprinter(sample_rate_hz)
    for block in blocks:
        maker.push(block)
    return maker.finish()


def _pair(peaks: np.ndarray) -> Fingerprint:
    """Join each of int64 `(peaks, 2)`, frame and bin, sorted, to the next ones in later frames."""
    hashes, frames = [], []
    for start in range(len(peaks)):
        frame, low = peaks[start]
        joined = 0
        for later, high in peaks[start + 1 : start + 1 + 8 * _FOLLOWERS]:
            distance = later - frame
            if distance > _LONGEST_FRAMES or joined == _FOLLOWERS:
                break
            if distance >= 2:
                hashes.append(low << 15 | high << 6 | distance)
                frames.append(frame)
                joined += 1
    return Fingerprint(np.array(hashes, np.int32), np.array(frames, np.int32))


def compare(query: Fingerprint, reference: Fingerprint) -> Match:
    """Return how far two fingerprints agree."""
    order = np.argsort(reference.hashes, kind="stable")
    sorted_hashes = reference.hashes[order]
    first = np.searchsorted(sorted_hashes, query.hashes, "left")
    count = np.searchsorted(sorted_hashes, query.hashes, "right") - first
    rows = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
    return align(np.repeat(query.frames, count), reference.frames[order[rows]], len(query), len(reference))


def align(query_frames: np.ndarray, reference_frames: np.ndarray, query_count: int, reference_count: int) -> Match:
    """Return the match of landmarks that have equal hashes.

    Args:
        query_frames, reference_frames: where each equal pair lies, integers `(pairs,)`.
        query_count, reference_count: landmarks in all.
    """
    fewer = min(query_count, reference_count)
    if not len(query_frames) or not fewer:
        return Match(aligned=0, share=0.0, offset_s=0.0)
    offsets = reference_frames.astype(np.int64) - query_frames
    lowest = offsets.min()
    counts = np.bincount(offsets - lowest)
    both = counts + np.pad(counts[1:], (0, 1))  # a cut that is no whole number of frames spreads over two
    best = int(both.argmax())
    aligned = int(min(both[best], fewer))
    return Match(aligned=aligned, share=aligned / fewer, offset_s=float(best + lowest) / FRAMES_PER_SECOND)
