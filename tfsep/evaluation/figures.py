"""Figures of a report, as PNG images for light and for dark pages. Imports matplotlib."""

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from tfsep.errors import MissingExtraError
from tfsep.evaluation.estimators import HPSS_LABEL, MIXTURE_LABEL, SCALED_LABEL
from tfsep.evaluation.excerpts import LOWEST_HZ, RANGE_DB

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = {"light": "#1d2330", "dark": "#e7e9ee"}
FAINT = {"light": "#c9ced8", "dark": "#444b5a"}
MODEL_COLOURS = ("#2f7ed8", "#e07b39", "#2f9e6e", "#b455a0", "#c2a20c")
BASELINE_COLOURS = {HPSS_LABEL: "#8a7bd0", SCALED_LABEL: "#b09a7c", MIXTURE_LABEL: "#8b93a3"}
TICKS_HZ = (100, 1_000, 10_000)


def check_matplotlib() -> None:
    """Raise MissingExtraError if matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("matplotlib", "evaluate", "the report") from None


def colours(estimators: Sequence[str]) -> dict[str, str]:
    """Return a colour for each estimator, the same in all figures and tables."""
    models = [label for label in estimators if label not in BASELINE_COLOURS]
    return {label: MODEL_COLOURS[index % len(MODEL_COLOURS)] for index, label in enumerate(models)} | BASELINE_COLOURS


def box_plot(values: Mapping[str, Sequence[float]], theme: str, colour_of: Mapping[str, str]) -> str:
    """Draw the songs' scores of one stem, in dB, a row for each estimator; all songs as points. Returns a data URI."""
    from matplotlib.ticker import MaxNLocator

    labels = list(values)
    figure = new_figure(4.6, 0.75 + 0.42 * len(labels))
    axes = figure.add_subplot()
    positions = np.arange(len(labels), 0, -1)
    jitter = np.random.default_rng(0)
    for position, label in zip(positions, labels, strict=True):
        scores, colour = np.asarray(values[label], float), colour_of[label]
        if len(scores) > 2:  # a box of two points would only look like more of them
            axes.boxplot(
                [scores],
                positions=[position],
                orientation="horizontal",
                widths=0.55,
                showfliers=False,
                patch_artist=True,
                boxprops={"facecolor": colour + "44", "edgecolor": colour},
                medianprops={"color": colour, "linewidth": 2},
                whiskerprops={"color": colour},
                capprops={"color": colour},
            )
        axes.plot(
            scores,
            position + jitter.uniform(-0.12, 0.12, len(scores)) * (len(scores) > 2),
            "o",
            color=colour,
            markersize=6 if len(scores) <= 10 else 4 if len(scores) <= 100 else 2,
            alpha=0.75,
            markeredgewidth=0,
        )
    axes.set_yticks(positions, labels)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_ylim(0.4, len(labels) + 0.6)
    axes.set_xlabel("SDR (dB)")
    axes.grid(axis="x", color=FAINT[theme], linewidth=0.7)
    dress(axes, theme)
    return data_uri(figure)


def spectrogram(image: np.ndarray, start_s: float, duration_s: float, highest_hz: float, theme: str) -> str:
    """Draw a spectrogram as `Picture` holds it. Returns a data URI."""
    figure = new_figure(4.2, 2.6)
    axes = figure.add_subplot()
    rows = len(image)
    axes.imshow(
        image, origin="lower", aspect="auto", cmap="magma", vmin=0, vmax=255, extent=(start_s, start_s + duration_s, 0, rows)
    )
    ticks = [hz for hz in TICKS_HZ if hz < highest_hz]
    axes.set_yticks(
        [rows * np.log(hz / LOWEST_HZ) / np.log(highest_hz / LOWEST_HZ) for hz in ticks],
        [f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz" for hz in ticks],
    )
    axes.set_xlabel("time (s)")
    dress(axes, theme)
    return data_uri(figure, with_palette=True)


def scale_note() -> str:
    """Say what the colours of a spectrogram mean."""
    return f"bright is loud; black lies {RANGE_DB:.0f} dB or more below the mixture's loudest cell"


def new_figure(width_inches: float, height_inches: float) -> "Figure":
    """Return an empty figure."""
    from matplotlib.figure import Figure  # not pyplot, which keeps every figure in a global

    return Figure(figsize=(width_inches, height_inches), dpi=140, layout="constrained")


def dress(axes: "Axes", theme: str) -> None:
    """Give axes the colours of a theme, and take their frame away."""
    axes.tick_params(colors=INK[theme], labelsize=9)
    axes.xaxis.label.set(color=INK[theme], size=9)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(FAINT[theme])


def data_uri(figure: "Figure", *, with_palette: bool = False) -> str:
    """Return the figure as PNG; with a palette a spectrogram is three times smaller, and nobody sees it."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", transparent=True)
    if with_palette:
        from PIL import Image  # comes with matplotlib

        full, drawn = drawn, BytesIO()
        Image.open(full).quantize(256, Image.Quantize.FASTOCTREE).save(drawn, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode("ascii")
