"""Tempi that a song may have, and where the pulse of each lies, followed through the song.

Tempi are peaks of the onset strength's spectrum, harmonics added (a Fourier tempogram; Grosche and Müller, "Extracting
predominant local pulse information from music recordings", IEEE TASLP 19(6), 2011). The pulse of a tempo is the phase of those
harmonics in windows of some seconds, joined by dynamic programming (as Ellis joins beats, "Beat tracking by dynamic
programming", JNMR 36(1), 2007). A song that was made to a click comes out as a straight line and is made one.
"""

from dataclasses import dataclass

import numpy as np

from tfsep.creative.mashup.features import FRAMES_PER_S
from tfsep.creative.mashup.piecewise import PiecewiseLinear

SLOWEST_BPM, FASTEST_BPM = 50.0, 220.0
_HARMONICS = {1: 0.5, 2: 1.0, 3: 0.3, 4: 1.0, 6: 0.3, 8: 1.0}  # of the beat, and their weights
_PULSE_HARMONICS = {1: 0.5, 2: 1.0, 4: 1.0, 8: 0.5}
_SPECTRUM_S = 30.0  # windows for tempi: a longer one is finer than the grid of tempi
_GRID = 0.0005  # step of that grid, natural logarithm
_APART = 0.03  # nearer tempi are one
_WINDOW_S, _HOP_S = 8.0, 1.0  # of following the pulse
_STATES = 96  # places of the pulse within a beat
_STEP_COST = 0.01  # of moving by a state a window, squared, where the best place of a window is worth 1
_STEADY_S = 0.015  # a pulse that lies this near to a straight line, root mean square, is one


@dataclass(frozen=True, eq=False)
class Pulse:
    """A tempo and where its beats lie, up to which of the quarters of a beat is the beat.

    Attributes:
        beats_at: from seconds, 0 to the end of the song, to how many beats have passed, counted from anywhere.
        steady: whether it is a straight line.
        strength: 0 to 1: how much of the onset strength moves with the pulse.
    """

    beats_at: PiecewiseLinear
    steady: bool
    strength: float

    @property
    def bpm(self) -> float:
        """Mean tempo."""
        times_s, beats = self.beats_at.x, self.beats_at.y
        return 60 * (beats[-1] - beats[0]) / (times_s[-1] - times_s[0])


def onset_envelope(onsets: np.ndarray) -> np.ndarray:
    """Return lanes of equal weight, except such as are nearly empty, without their means: float32 `(frames, lanes)`."""
    means = onsets.mean(axis=0)
    envelope = onsets / np.maximum(means, 0.05 * means.max(initial=0.0) + 1e-9)
    return envelope - envelope.mean(axis=0)


def tempo_candidates(envelope: np.ndarray, count: int, hint_bpm: float | None = None) -> list[tuple[float, float]]:
    """Return tempi in beats a minute, the likeliest first, and how high the peak of each is against that of the first.

    Args:
        envelope: from `onset_envelope`.
        count: how many at most.
        hint_bpm: only tempi within 4 % of this one, which is the answer if none is.
    """
    spectrum, step_hz = _mean_spectrum(envelope)
    low, high = (SLOWEST_BPM, FASTEST_BPM) if hint_bpm is None else (hint_bpm / 1.04, hint_bpm * 1.04)
    tempi = np.exp(np.arange(np.log(low), np.log(high), _GRID))
    score = sum(
        weight * np.interp(tempi / 60 * harmonic / step_hz, np.arange(len(spectrum)), spectrum)
        for harmonic, weight in _HARMONICS.items()
    )
    peaks = np.flatnonzero((score[1:-1] > score[:-2]) & (score[1:-1] >= score[2:])) + 1
    chosen: list[tuple[float, float]] = []
    for peak in peaks[np.argsort(-score[peaks])]:
        if all(abs(np.log(tempi[peak] / other)) > _APART for other, _ in chosen):
            chosen.append((float(tempi[peak]), float(score[peak])))
        if len(chosen) == count:
            break
    return [(bpm, height / chosen[0][1]) for bpm, height in chosen] or [(hint_bpm or 120.0, 1.0)]


def follow_pulse(envelope: np.ndarray, bpm: float) -> Pulse:
    """Find where the pulse of about `bpm` lies all through the song.

    Args:
        envelope: from `onset_envelope`.
    """
    beat_hz = bpm / 60
    centres_s, windows = _windows(len(envelope))
    times_s = np.arange(len(envelope)) / FRAMES_PER_S
    places = np.arange(_STATES) / _STATES
    comb, locked, all_energy = np.zeros((len(centres_s), _STATES)), 0.0, 0.0
    random_walk = np.sqrt(_windowed(envelope.sum(axis=1) ** 2, [(start, window**2) for start, window in windows])).mean()
    for harmonic, weight in _PULSE_HARMONICS.items():
        turned = (envelope * np.exp(-2j * np.pi * harmonic * beat_hz * times_s)[:, None]).sum(axis=1)
        phases = _windowed(turned, windows)
        comb += weight * np.real(phases[:, None] * np.exp(2j * np.pi * harmonic * places))
        locked += weight * np.abs(phases).mean()
        all_energy += weight * random_walk
    path = _best_path(comb / (np.abs(comb).max() + 1e-12))
    # a place of p beats means that the pulse is late by p
    beats = centres_s * beat_hz - path / _STATES
    slope, offset = np.polyfit(centres_s, beats, 1) if len(centres_s) > 1 else (beat_hz, beats[0] - centres_s[0] * beat_hz)
    deviation_s = (beats - slope * centres_s - offset) / beat_hz
    steady = float(np.sqrt(np.mean(deviation_s**2))) <= _STEADY_S
    end_s = np.array([0.0, len(envelope) / FRAMES_PER_S])
    strength = float(np.clip(1 - all_energy / max(locked, 1e-12), 0, 1))
    if steady:
        return Pulse(PiecewiseLinear(end_s, slope * end_s + offset), True, strength)
    drift = np.convolve(np.pad(beats - centres_s * beat_hz, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    line = PiecewiseLinear(centres_s, drift + centres_s * beat_hz)
    inner = centres_s[(centres_s > 0) & (centres_s < end_s[1])]
    points_s = np.concatenate([end_s[:1], inner, end_s[1:]])
    return Pulse(PiecewiseLinear(points_s, line(points_s)), False, strength)


def _mean_spectrum(envelope: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mean magnitude over windows, summed over lanes, and the distance of its bins in Hz."""
    window = min(len(envelope), round(_SPECTRUM_S * FRAMES_PER_S))
    size = 1 << 16
    starts = np.unique(np.linspace(0, len(envelope) - window, max(1, round(2 * len(envelope) / window) - 1)).astype(int))
    total = np.zeros(size // 2 + 1)
    for start in starts:
        total += np.abs(np.fft.rfft(envelope[start : start + window], size, axis=0)).sum(axis=1)
    return total, FRAMES_PER_S / size


def _windows(frames: int) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Return the centres of the windows in seconds; and of each its first frame and its weights, a Hann window cut at the ends."""
    centres_s = np.arange(max(1, round(frames / FRAMES_PER_S / _HOP_S))) * _HOP_S + _HOP_S / 2
    windows = []
    for centre in centres_s * FRAMES_PER_S:
        reach = _WINDOW_S * FRAMES_PER_S / 2
        inside = np.arange(max(0, round(centre - reach)), min(frames, round(centre + reach)))
        windows.append((int(inside[0]), 0.5 + 0.5 * np.cos(np.pi * np.clip((inside - centre) / reach, -1, 1))))
    return centres_s, windows


def _windowed(values: np.ndarray, windows: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Return the weighted sum of `(frames,)` over each window."""
    return np.array([window @ values[start : start + len(window)] for start, window in windows])


def _best_path(comb: np.ndarray) -> np.ndarray:
    """Return the unwrapped states, float64 `(windows,)`, of the best path; a step of one state costs as the square of it."""
    reach = _STATES // 16
    steps = np.arange(-reach, reach + 1)
    cost = _STEP_COST * steps**2
    total, back = comb[0].copy(), np.zeros(comb.shape, int)
    for index in range(1, len(comb)):
        options = np.stack([np.roll(total, step) - price for step, price in zip(steps, cost, strict=True)])
        best = options.argmax(axis=0)
        back[index] = steps[best]
        total = options[best, np.arange(_STATES)] + comb[index]
    state = int(total.argmax())
    path = np.empty(len(comb))
    unwrapped = state
    for index in range(len(comb) - 1, -1, -1):
        path[index] = unwrapped
        step = back[index, unwrapped % _STATES]
        unwrapped -= step
    return path
