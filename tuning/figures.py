"""Figures of a search's report, as PNG images. Imports matplotlib."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsep.evaluation.figures import FAINT, INK, MODEL_COLOURS, data_uri, dress, new_figure

from .importance import Importance
from .results import MULTIPLY_ADDS, SDR, TrialResult


def front_plot(trials: Sequence[TrialResult], front: Sequence[TrialResult], theme: str) -> str:
    """Draw SDR against multiply-adds of all completed trials, and their front. Returns a data URI."""
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = new_figure(6.4, 3.8)
    axes = figure.add_subplot()
    axes.plot([_g(trial) for trial in trials], [trial.metrics[SDR] for trial in trials], "o", color=MODEL_COLOURS[0], alpha=0.55,
              markersize=5, markeredgewidth=0)  # fmt: skip
    axes.step([_g(trial) for trial in front], [trial.metrics[SDR] for trial in front], "-o", where="post", color=MODEL_COLOURS[1],
              markersize=6, linewidth=1.6)  # fmt: skip
    for trial in front:
        axes.annotate(trial.name, (_g(trial), trial.metrics[SDR]), xytext=(4, 5), textcoords="offset points", fontsize=7,
                      color=INK[theme])  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())  # its labels would lie over each other
    axes.set_xlabel("G multiply-adds for a second of audio")
    axes.set_ylabel("SDR (dB)", color=INK[theme], size=9)
    axes.grid(color=FAINT[theme], linewidth=0.7)
    dress(axes, theme)
    return data_uri(figure)


def parallel_plot(trials: Sequence[TrialResult], theme: str) -> str:
    """Draw parallel coordinates: a line for each trial through its hyperparameters, coloured by SDR. Returns a data URI."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = sorted({name for trial in trials for name in trial.values})
    names = [name for name in names if len({trial.values.get(name) for trial in trials}) > 1]
    figure = new_figure(1.2 + 0.85 * (len(names) + 1), 4.2)
    axes = figure.add_subplot()
    sdr_db = np.array([trial.metrics[SDR] for trial in trials])
    # the worst outliers would take all colours for themselves
    scale = ScalarMappable(Normalize(np.quantile(sdr_db, 0.1), sdr_db.max()), "viridis")
    places = [_Axis([trial.values.get(name) for trial in trials]) for name in names]
    jitter = np.random.default_rng(0)
    for trial in sorted(trials, key=lambda trial: trial.metrics[SDR]):
        heights = [axis.height(trial.values.get(name)) for axis, name in zip(places, names, strict=True)]
        shaken = np.array(heights) + jitter.uniform(-0.012, 0.012, len(heights))
        axes.plot(range(len(names)), shaken, color=scale.to_rgba(trial.metrics[SDR]), alpha=0.75, linewidth=1.2)
    for at, axis in enumerate(places):
        axes.axvline(at, color=FAINT[theme], linewidth=0.8, zorder=0)
        for label, height in axis.labels:
            axes.text(at + 0.04, height, label, fontsize=6.5, color=INK[theme], va="center")
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks([])
    dress(axes, theme)
    bar = figure.colorbar(scale, ax=axes, pad=0.02)
    bar.set_label("SDR (dB)", color=INK[theme], size=8)
    bar.ax.tick_params(colors=INK[theme], labelsize=8)
    return data_uri(figure)


class _Axis:
    """One of the parallel coordinates: values to heights in [0, 1]; none at all at the bottom."""

    def __init__(self, values: Sequence[Any]):
        known = sorted({value for value in values if value is not None}, key=lambda v: (isinstance(v, str), v))
        numbers = all(isinstance(value, float) for value in known) and len(known) > 8
        low, high = (np.log(known[0]), np.log(known[-1])) if numbers else (0, max(1, len(known) - 1))
        self._missing = None in values
        self._known, self._range, self._numbers = known, (low, high), numbers
        shown = [known[0], known[-1]] if numbers else known
        self.labels = [(f"{value:.2g}" if isinstance(value, float) else str(value), self.height(value)) for value in shown]
        self.labels += [("none", 0.0)] if self._missing else []

    def height(self, value: Any) -> float:
        """Return where a value lies."""
        if value is None:
            return 0.0
        low, high = self._range
        at = np.log(value) if self._numbers else self._known.index(value)
        share = (at - low) / (high - low)
        return 0.12 + 0.88 * share if self._missing else share


def importance_plot(found: Importance, theme: str) -> str:
    """Draw how much each hyperparameter mattered. Returns a data URI."""
    figure = new_figure(5.6, 0.8 + 0.28 * len(found.shares))
    axes = figure.add_subplot()
    names = list(found.shares)[::-1]
    means, deviations = zip(*(found.shares[name] for name in names), strict=True)
    axes.barh(range(len(names)), means, xerr=deviations, color=MODEL_COLOURS[2], ecolor=INK[theme], height=0.6)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("R² lost when it is shuffled")
    axes.grid(axis="x", color=FAINT[theme], linewidth=0.7)
    dress(axes, theme)
    return data_uri(figure)


def _g(trial: TrialResult) -> float:
    return trial.metrics[MULTIPLY_ADDS] / 1e9
