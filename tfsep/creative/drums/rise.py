"""When a hit begins, finer than a frame: where the waveform rises most."""

import numpy as np

REACH_S = 0.025  # how far from the network's time the rise is looked for, with the stretches that are compared
_STEP = 16  # samples
_BEFORE_S, _AFTER_S = 0.006, 0.006  # stretches whose levels are compared
_NEAR_S = 0.004  # deviation of the times that the network tells: a rise further off counts less
_LEAST = 6.0  # times the power: a smaller rise may be that of something else, and the network's time is nearer
_FLOOR = 1e-4  # of the loudest step nearby: what is below counts as silent


def rise_s(sound: np.ndarray, about_s: float, sample_rate_hz: int) -> float:
    """Return where the level rises most near a time.

    The signal is differenced first, so that the highs of an attack outweigh the lows that still ring.

    Args:
        sound: float32 mono `(samples,)`.
        about_s: seconds from its start.
    Returns: seconds from its start; `about_s` where nothing rises enough.
    """
    steps = round(REACH_S * sample_rate_hz / _STEP)
    middle = round(about_s * sample_rate_hz)
    first = middle - steps * _STEP
    inside = sound[max(0, first - 1) : max(0, first + 2 * steps * _STEP)]
    padded = np.zeros(2 * steps * _STEP + 1)
    padded[max(0, 1 - first) :][: len(inside)] = inside
    power = (np.diff(padded) ** 2).reshape(2 * steps, _STEP).mean(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    before, after = (max(1, round(length_s * sample_rate_hz / _STEP)) for length_s in (_BEFORE_S, _AFTER_S))
    at = np.arange(before, len(sums) - after)
    floor = _FLOOR * power.max() + 1e-20
    louder = (sums[at + after] - sums[at]) / after + floor
    softer = (sums[at] - sums[at - before]) / before + floor
    offsets_s = (first + at * _STEP) / sample_rate_hz - about_s
    gains = np.log(louder / softer)
    near = int((np.maximum(gains, 0) * np.exp(-0.5 * (offsets_s / _NEAR_S) ** 2)).argmax())
    # nearness tells which rise it is, and draws the time from where that rise is steepest
    around = slice(max(0, near - after), near + after + 1)
    best = around.start + int(gains[around].argmax())
    return about_s + float(offsets_s[best]) if gains[best] >= np.log(_LEAST) else about_s
