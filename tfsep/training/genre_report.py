"""The report of a genre classifier: tables as Markdown, numbers as JSON, the reliability plot as PNG."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.errors import MissingExtraError
from tfsep.training.genre_scores import GenreScores


def check_matplotlib() -> None:
    """Raise MissingExtraError if the plot cannot be drawn, before anything was trained for it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("matplotlib", "evaluate", "the plot of a genre classifier's reliability") from None


def write_genre_report(folder: Path, scores: Mapping[str, GenreScores], about: Mapping[str, Any]) -> None:
    """Write `report.md`, `report.json` and `reliability.png`. Raises: AudioError if they cannot be written.

    Args:
        scores: by the name of each set of songs.
        about: JSON values that say how it was trained.
    """
    numbers = {**about, "scores": {name: each.to_json() for name, each in scores.items()}}
    files = {"report.md": _markdown(scores).encode(), "report.json": (json.dumps(numbers, indent=1) + "\n").encode()}
    try:
        for name, content in files.items():
            with AtomicFile(folder / name) as target:
                target.file.write(content)
        _plot(folder / "reliability.png", scores)
    except OSError as error:
        raise write_error(folder / "report.md", error) from None


def _markdown(scores: Mapping[str, GenreScores]) -> str:
    lines = [
        "| songs | number | top-1 accuracy | most frequent family | calibration error | log loss |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in scores.items():
        lines.append(
            f"| {name} | {each.songs} | {each.accuracy:.1%} | {each.largest_share:.1%} | {each.calibration_error:.3f} | "
            f"{each.log_loss:.2f} |"
        )
    for name, each in scores.items():
        lines += ["", f"{name}: true family by row, found family by column", ""]
        lines += [f"| | {' | '.join(each.families)} |", "|---|" + "---:|" * len(each.families)]
        for family, row in zip(each.families, each.confusion, strict=True):
            lines.append(f"| {family} | {' | '.join(str(count) if count else '' for count in row)} |")
    return "\n".join(lines) + "\n"


def _plot(path: Path, scores: Mapping[str, GenreScores]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(scores), 4.2), layout="constrained")
    for axes, (name, each) in zip(figure.subplots(1, len(scores), squeeze=False)[0], scores.items(), strict=True):
        there = each.reliability[each.reliability[:, 0] > 0]
        axes.plot([0, 1], [0, 1], color="#8b93a3", linewidth=1, linestyle="--")
        axes.plot(there[:, 1], there[:, 2], color="#2f7ed8")
        axes.scatter(there[:, 1], there[:, 2], s=12 + 600 * there[:, 0] / each.songs, color="#2f7ed8", alpha=0.5)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="mean confidence", ylabel="share that is right")
        axes.set_title(f"{name}: {each.songs} songs, error {each.calibration_error:.3f}", fontsize=10)
    temporary = path.with_name(f".{path.name}.part")
    figure.savefig(temporary, format="png", dpi=110)
    temporary.replace(path)
