"""Tempo, beats and bars of a song."""

from dataclasses import dataclass

import numpy as np

from tfsep.creative.mashup.features import FRAMES_PER_S, Features
from tfsep.creative.mashup.meter import BEATS, STEPS, STEPS_PER_BEAT, folded_bars, scores
from tfsep.creative.mashup.pulse import Pulse, follow_pulse, onset_envelope, tempo_candidates

_CANDIDATES = 6
_NEAR_S = 0.04  # the beat is looked for so near to the pulse: swing and late snares move the pulse, but not the beat
_SHORTEST_S = 4.0
WEAKEST_PULSE = 0.3  # below that there may be no pulse at all


@dataclass(frozen=True, eq=False)
class BeatGrid:
    """The beats of a song, four a bar.

    Attributes:
        beats_s: float64 `(beats,)`, rising; the beats that lie within the song.
        first_downbeat: index of the first beat of the first whole bar, 0 to 3.
        steady: whether the tempo is constant.
        strength: 0 to 1: how much of the onsets moves with the pulse; below `WEAKEST_PULSE` the beats may mean nothing.
        confidence: 0 to 1: how sure tempo and bar are, of the other tempi and bars that were looked at.
    """

    beats_s: np.ndarray
    first_downbeat: int
    steady: bool
    strength: float
    confidence: float

    @property
    def bpm(self) -> float:
        """Mean tempo."""
        return 60 * (len(self.beats_s) - 1) / (self.beats_s[-1] - self.beats_s[0])

    @property
    def bars(self) -> int:
        """Whole bars."""
        return max(0, (len(self.beats_s) - 1 - self.first_downbeat) // BEATS)

    def bar_lines_s(self) -> np.ndarray:
        """Return the times of the downbeats, and of the end of the last whole bar: float64 `(bars + 1,)`."""
        return self.beats_s[self.first_downbeat :: BEATS][: self.bars + 1]


def track_beats(features: Features, hint_bpm: float | None = None) -> BeatGrid | None:
    """Find the beats of a song.

    Args:
        hint_bpm: what the tempo is known to be, within 4 %; None finds out.
    Returns: None if the song has no onsets or is shorter than 4 s.
    """
    if features.duration_s < _SHORTEST_S or not features.onsets.any():
        return None
    envelope = onset_envelope(features.onsets)
    tempi = tempo_candidates(envelope, _CANDIDATES, hint_bpm)
    pulses = [follow_pulse(envelope, bpm) for bpm, _ in tempi]
    bars = [folded_bars(features, envelope, pulse, height) for pulse, (_, height) in zip(pulses, tempi, strict=True)]
    logits = scores(np.concatenate(bars)).astype(np.float64)
    chances = np.exp(logits - logits.max())
    chances /= chances.sum()
    best = int(chances.argmax())
    pulse, step = pulses[best // STEPS], best % STEPS
    beats_s, index = _beats(pulse, step / STEPS_PER_BEAT, features.duration_s)
    shift_s = _shift_s(envelope.sum(axis=1), beats_s)
    inside = (beats_s + shift_s >= 0) & (beats_s + shift_s < features.duration_s)
    return BeatGrid(
        beats_s=beats_s[inside] + shift_s,
        first_downbeat=int(-index[inside][0] % BEATS),
        steady=pulse.steady,
        strength=pulse.strength,
        confidence=float(chances[best]),
    )


def _beats(pulse: Pulse, offset: float, duration_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of the beats from one before the song to one after it, and their numbers; multiples of 4 are downbeats."""
    first, last = pulse.beats_at(np.array([0.0, duration_s])) - offset
    index = np.arange(int(np.floor(first)), int(np.ceil(last)) + 1)
    return pulse.beats_at.inverse(index + offset), index


def _shift_s(strength: np.ndarray, beats_s: np.ndarray) -> float:
    """Return by how much later than `beats_s` the onsets near them are strongest, in the mean over all beats."""
    shifts_s = np.linspace(-_NEAR_S, _NEAR_S, 41)
    at = (beats_s[:, None] + shifts_s) * FRAMES_PER_S
    mean = np.interp(at, np.arange(len(strength)), strength, left=0.0, right=0.0).mean(axis=0)
    # nearer is likelier, and the peak of a few frames is smoothed over
    mean = np.convolve(np.pad(mean, 3, mode="edge"), np.ones(7) / 7, "valid") * np.exp(-0.5 * (shifts_s / _NEAR_S) ** 2)
    peak = int(mean.argmax())
    return float(shifts_s[peak]) if 0 < peak < len(shifts_s) - 1 else 0.0
