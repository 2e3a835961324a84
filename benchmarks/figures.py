"""Figures of experiments: how far each arm is from the control, with its interval."""

from collections.abc import Mapping, Sequence
from pathlib import Path

Interval = tuple[float, float, float]  # mean, low, high


def plot_differences(
    path: Path, panels: Mapping[str, Mapping[str, Sequence[Interval]]], arms: Sequence[str], control: str
) -> None:
    """Draw a row of panels, one for each metric; in each, the arms from top to bottom, a colour for each test.

    Args:
        panels: by metric and test, one interval for each arm.
        arms: labels; the control is not among them.
        control: what it is the difference from, for the axes.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(3.4 * len(panels) + 2.2, 0.55 * len(arms) + 1.4),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for axis, (metric, tests) in zip(axes[0], panels.items(), strict=True):
        axis.axvline(0, color="0.6", linewidth=1)
        for number, (test, intervals) in enumerate(tests.items()):
            shift = (number - (len(tests) - 1) / 2) * 0.22
            for row, (mean, low, high) in enumerate(intervals):
                label = test if row == 0 else None
                axis.plot([low, high], [row + shift] * 2, color=f"C{number}", linewidth=2)
                axis.plot(mean, row + shift, "o", color=f"C{number}", markersize=5, label=label)
        axis.set(title=metric, xlabel=f"difference from {control}", yticks=range(len(arms)))
        axis.set_yticklabels(arms)
    axes[0][0].invert_yaxis()
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
