"""The report on a set of artefacts: as Markdown, and as one HTML file with plots."""

import os
import platform
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tfsep.audio.atomic import AtomicFile
from tfsep.errors import MissingExtraError
from tfsep.evaluation.style import CSS

from .costs import KERAS, MEASURED_S, THREADS, Row
from .parity import MOST_QUANTISED_SDR_LOSS_DB, MOST_SDR_LOSS_DB

STEM_ORDER = ("drums", "bass", "vocals", "other")
COLOURS = {".tflite": "#2f7ed8", ".onnx": "#e07b39", ".mlpackage": "#2f9e6e", KERAS: "#8b93a3"}
NOTES = (
    "SDR: mean over songs, as `tfsep evaluate` measures it; loss: Keras' SDR less that of the file, negative where the file is better.",
    "Parity: 10 log10 of the outputs' energy over that of their difference from Keras, the worst of seeded music, silence, noise "
    "and clipped music, by the file that was written.",
    "Multiply-adds: of convolutions and matrix products, for a second of audio, chunk overlap left out.",
    f"Speed: the ordinary path from samples to stems on {MEASURED_S:.0f} s of music, the better of two runs, in seconds of music for "
    "each second of wall-clock time; in brackets for each second of processor time, which a busy machine changes less.",
    "Load: from the path to the first masks. Memory: the largest resident memory of the process, Python included.",
    "Core ML files were evaluated by tfsep's own evaluator of the saved program, which rounds to float16 after each operation. The "
    "Neural Engine itself, its speed and its rounding, was not measured.",
)


def columns(rows: Sequence[Row]) -> list[str]:
    """Return the headings of the table."""
    stems = _stems(rows)
    return [
        "file",
        "precision",
        "MB",
        *(f"SDR {stem}" for stem in stems),
        *(f"loss {stem}" for stem in stems),
        "parity dB",
        "G multiply-adds",
        *(f"x real time, {threads} thread{'s' * (threads > 1)}" for threads in THREADS),
        "load s",
        "peak MB",
    ]


def cells(row: Row, stems: Sequence[str]) -> list[str]:
    """Return a row of the table as text."""
    one = row.costs.get(THREADS[0])
    speeds = [
        f"{cost.real_time_factor:.1f} ({cost.cpu_factor:.1f})" if (cost := row.costs.get(threads)) else "-"
        for threads in THREADS
    ]
    return [
        row.label,
        row.precision,
        f"{row.megabytes:.2f}",
        *(f"{row.sdr_db[stem]:.2f}" if stem in row.sdr_db else "-" for stem in stems),
        *(f"{row.loss_db[stem]:.3f}" if stem in row.loss_db else "-" for stem in stems),
        "-" if row.parity_db is None else f"{row.parity_db:.1f}",
        f"{row.multiply_adds_per_second / 1e9:.2f}",
        *speeds,
        f"{one.load_s:.2f}" if one else "-",
        f"{one.peak_mb:.0f}" if one else "-",
    ]


def markdown(rows: Sequence[Row], about: Sequence[str]) -> str:
    """Return the report as Markdown; `about` are lines on what was measured."""
    stems, heads = _stems(rows), columns(rows)
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    lines += ["| " + " | ".join(cells(row, stems)) + " |" for row in rows]
    warnings = [f"- {row.label}: {warning}" for row in rows for warning in row.warnings]
    verdicts = [f"- {line}" for line in _verdicts(rows)]
    notes = [f"- {note}" for note in (*about, _machine(), *NOTES)]
    parts = ["# What each exported file costs", "\n".join(lines), "\n".join(verdicts), "\n".join(notes)]
    if warnings:
        parts.append("What leaves the accelerators:\n\n" + "\n".join(warnings))
    return "\n\n".join(parts) + "\n"


def html(rows: Sequence[Row], about: Sequence[str]) -> str:
    """Return the report as one HTML page. Raises: MissingExtraError without matplotlib."""
    stems = _stems(rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in columns(rows))
    body = "".join(
        "<tr>"
        + "".join(
            f"<{'th' if i == 0 else 'td'}>{escape(cell)}</{'th' if i == 0 else 'td'}>"
            for i, cell in enumerate(cells(row, stems))
        )
        + "</tr>"
        for row in rows
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in (*_verdicts(rows), *about, _machine(), *NOTES))
    warnings = "".join(f"<li>{escape(row.label)}: {escape(warning)}</li>" for row in rows for warning in row.warnings)
    plots = "".join(
        f'<figure><figcaption>{title}</figcaption><img alt="{title}" src="{uri}"></figure>'
        for title, uri in (("SDR lost and size", _loss_plot(rows)), ("Speed on one thread", _speed_plot(rows)))
    )
    sections = [
        ("Files", f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'),
        ("Plots", f'<div class="grid wide">{plots}</div>'),
        ("How it was measured", f"<ul>{notes}</ul>"),
        ("What leaves the accelerators", f"<ul>{warnings}</ul>" if warnings else ""),
    ]
    content = "".join(f"<section><h2>{title}</h2>{inner}</section>" for title, inner in sections if inner)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Exported files</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{CSS}</style></head><body><main><header><h1>What each exported file costs</h1></header>{content}</main></body></html>\n"
    )


def write_report(folder: Path, rows: Sequence[Row], about: Sequence[str]) -> tuple[Path, Path]:
    """Write `report.md` and `report.html`, both or none. Raises: AudioError, MissingExtraError without matplotlib."""
    paths = folder / "report.md", folder / "report.html"
    texts = markdown(rows, about), html(rows, about)
    with AtomicFile(paths[0]) as first, AtomicFile(paths[1]) as second:
        first.file.write(texts[0].encode("utf-8"))
        second.file.write(texts[1].encode("utf-8"))
    return paths


def _stems(rows: Sequence[Row]) -> list[str]:
    found = {stem for row in rows for stem in row.sdr_db}
    return [stem for stem in STEM_ORDER if stem in found] + sorted(found - set(STEM_ORDER))


def _verdicts(rows: Sequence[Row]) -> list[str]:
    lines = []
    for row in rows:
        limit_db = MOST_SDR_LOSS_DB.get(row.precision, MOST_QUANTISED_SDR_LOSS_DB)
        if row.parity_db is not None and row.worst_loss_db > limit_db:
            lines.append(
                f"{row.label} loses {row.worst_loss_db:.3f} dB SDR on a stem, more than {limit_db:g} dB: not to be used as default"
            )
    return lines or ["No file loses more SDR than its precision may."]


def _machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f} when the report was written" if hasattr(os, "getloadavg") else ""
    return f"Machine: {platform.machine()}, {os.cpu_count()} cores, {platform.system()}{load}."


def _figure() -> tuple:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingExtraError("matplotlib", "export", "the report") from None
    figure = Figure(figsize=(5.2, 3.4), dpi=130, layout="constrained", facecolor="white")
    return figure, figure.add_subplot()


def _colour(row: Row) -> str:
    return COLOURS.get(KERAS if row.label == KERAS else Path(row.label).suffix, "#b455a0")


def _loss_plot(rows: Sequence[Row]) -> str:
    figure, axes = _figure()
    for row in rows:
        axes.plot(row.megabytes, row.worst_loss_db, "o", color=_colour(row))
        axes.annotate(row.label, (row.megabytes, row.worst_loss_db), xytext=(4, 3), textcoords="offset points", fontsize=7)
    axes.axhline(MOST_QUANTISED_SDR_LOSS_DB, color="#c0392b", linewidth=0.8, linestyle="--")
    axes.set_xlabel("MB")
    axes.set_ylabel("SDR lost by the worst stem (dB)")
    axes.margins(x=0.25)
    return _data_uri(figure)


def _speed_plot(rows: Sequence[Row]) -> str:
    figure, axes = _figure()
    timed = [row for row in rows if row.costs]
    values = [row.costs[THREADS[0]].cpu_factor for row in timed]
    axes.barh(range(len(timed)), values, color=[_colour(row) for row in timed])
    axes.set_yticks(range(len(timed)), [row.label for row in timed], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("seconds of music for each second of processor time")
    return _data_uri(figure)


def _data_uri(figure) -> str:
    import base64
    from io import BytesIO

    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    return "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode("ascii")
