"""Which of the possible tempi is the beat, which beat the first of a bar: a small network that looks at folded bars.

For each tempo the onset strength of all bars is folded to one bar of 16 steps, as is the change of harmony; each of the 16
rotations of that bar is a guess where the bar begins. The network gives each guess a score, from the whole folded bar, the
tempo and the strength of the pulse; so it knows, say, that a snare on the second and fourth beat at 87 BPM is likelier than one
on the third at 174. It was fitted by `benchmarks/mashup_meter.py` on rendered songs, whose bars are known. Bars have four beats:
it knows no others.
"""

from functools import lru_cache
from importlib import resources

import numpy as np

from tfsep.creative.mashup.features import CHROMA_PER_S, FRAMES_PER_S, LANES, Features
from tfsep.creative.mashup.pulse import Pulse

STEPS = 16  # of a bar
BEATS = 4
STEPS_PER_BEAT = STEPS // BEATS
_TEMPO_BELLS = np.log(60.0) + np.arange(8) * 0.17  # centres, 60 to 197 BPM
_EMPHASIS = 8.0  # of two inputs among many
INPUTS = STEPS * (LANES + 1) + len(_TEMPO_BELLS) + 2


def folded_bars(features: Features, envelope: np.ndarray, pulse: Pulse, height: float) -> np.ndarray:
    """Return the network's inputs for one tempo, float32 `(STEPS, INPUTS)`: row `r` takes step `r` of the pulse for the first.

    Args:
        envelope: of `features`, from `onset_envelope`.
        height: of the tempo, from `tempo_candidates`.
    """
    frame_s = np.arange(len(envelope)) / FRAMES_PER_S
    steps = pulse.beats_at(frame_s) * STEPS_PER_BEAT
    nearest = np.rint(steps)
    # of what lies between two steps, swing for instance, less is counted
    weight = np.exp(-0.5 * ((steps - nearest) / 0.22) ** 2)
    step = nearest.astype(int) % STEPS
    bar = np.empty((STEPS, LANES + 1))
    share = np.bincount(step, weight, STEPS) + 1e-9
    for lane in range(LANES):
        bar[:, lane] = np.bincount(step, weight * envelope[:, lane], STEPS) / share
    bar[:, LANES] = _harmonic_change(features, pulse)
    scale = np.sqrt((bar**2).mean(axis=0))
    bar /= np.maximum(scale, 0.1 * scale[:LANES].max(initial=0.0) + 1e-9)  # a lane with nothing in it stays small
    tempo = np.exp(-0.5 * ((np.log(pulse.bpm) - _TEMPO_BELLS) / 0.12) ** 2)
    whole = _EMPHASIS * np.array([pulse.strength, height])
    return np.stack([np.concatenate([np.roll(bar, -turn, axis=0).ravel(), tempo, whole]) for turn in range(STEPS)]).astype(
        np.float32
    )


def scores(inputs: np.ndarray) -> np.ndarray:
    """Return the network's score of each row of `inputs`, float32 `(rows, INPUTS)`: float32 `(rows,)`, logits of one choice."""
    layers = _layers()
    hidden = inputs
    for weights, bias in layers[:-1]:
        hidden = np.maximum(hidden @ weights + bias, 0)
    weights, bias = layers[-1]
    return (hidden @ weights + bias)[:, 0]


def _harmonic_change(features: Features, pulse: Pulse) -> np.ndarray:
    """Return how much chroma differs between the beat before and the beat after each step, mean over bars, without its mean."""
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(features.chroma, axis=0)])
    first, last = np.ceil(pulse.beats_at.y[0]) + 1, np.floor(pulse.beats_at.y[-1]) - 1
    if last <= first:
        return np.zeros(STEPS)
    at = np.arange(first * STEPS_PER_BEAT, last * STEPS_PER_BEAT)

    def mean_chroma(from_step: np.ndarray) -> np.ndarray:
        edges = [pulse.beats_at.inverse((from_step + shift) / STEPS_PER_BEAT) * CHROMA_PER_S for shift in (0, STEPS_PER_BEAT)]
        low, high = (np.clip(np.rint(edge).astype(int), 0, len(features.chroma)) for edge in edges)
        part = sums[high] - sums[low]
        return part / (np.linalg.norm(part, axis=1, keepdims=True) + 1e-9)

    change = 1 - (mean_chroma(at - STEPS_PER_BEAT) * mean_chroma(at)).sum(axis=1)
    step = at.astype(int) % STEPS
    folded = np.bincount(step, change, STEPS) / np.maximum(np.bincount(step, minlength=STEPS), 1)
    return folded - folded.mean()


@lru_cache(maxsize=1)
def _layers() -> list[tuple[np.ndarray, np.ndarray]]:
    with resources.files("tfsep.creative.mashup").joinpath("meter.npz").open("rb") as file, np.load(file) as stored:
        count = len(stored.files) // 2
        return [(stored[f"weights_{i}"].astype(np.float32), stored[f"bias_{i}"].astype(np.float32)) for i in range(count)]
