"""What was made of a song, as one HTML page beside its files: players, spectrograms before and after, hits on the drum stem.

Figures are inside the page; the sound stays in the files, which the page plays by their relative paths. Imports matplotlib.
"""

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np

from tfsep.audio import Resampler
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.creative.drums.hits import CLASSES, Hit
from tfsep.creative.excerpt import loudest_start_s, read_excerpt
from tfsep.errors import MissingExtraError, UsageError
from tfsep.evaluation import figures
from tfsep.evaluation.excerpts import RANGE_DB, as_image, log_spectrogram_db
from tfsep.evaluation.style import page, themed_image

EXCERPT_S = 8.0
PEAK_S = 0.004  # of a column of a waveform
_COLOURS = ("#2f7ed8", "#e07b39", "#2f9e6e", "#b455a0", "#c2a20c", "#8a7bd0", "#8b93a3")
Section = tuple[str, str]  # heading and HTML


def check_report(path: Path, extra: str, *, overwrite: bool) -> None:
    """Raise MissingExtraError without matplotlib, UsageError if the page is there and must not be replaced.

    Args:
        extra: that brings matplotlib to the command.
    """
    try:
        figures.check_matplotlib()
    except MissingExtraError:
        raise MissingExtraError("matplotlib", extra, "the page of --report") from None
    if path.is_dir():
        raise UsageError(f"{path}: is a folder: move it away, or choose another --out")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: is there already: use --overwrite, or choose another --out")


def write_page(path: Path, title: str, lead: str, sections: Sequence[Section]) -> None:
    """Write the page, whole or not at all.

    Args:
        title, lead: plain text.
    Raises: AudioError if it cannot be written.
    """
    body = "\n".join(f"<section><h2>{escape(heading)}</h2>\n{content}</section>" for heading, content in sections if content)
    html = page(title, title, escape(lead), body)
    with AtomicFile(path) as atomic:
        try:
            atomic.file.write(html.encode("utf-8", "replace"))  # names of files need not be UTF-8
            atomic.file.flush()
        except OSError as error:  # a full disk
            raise write_error(path, error) from None


def facts(rows: Mapping[str, str]) -> str:
    """Return names and values, plain text, as HTML."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items()) + "</dl>"


def players(files: Mapping[str, Path], beside: Path) -> str:
    """Return a player for each file, by its path relative to the folder of the page `beside`, as HTML.

    A file on another drive, to which no relative path leads, is named by its whole address.
    """
    shown = []
    for name, path in files.items():
        shown.append(
            f'<figure><figcaption>{escape(name)}</figcaption><audio controls preload="none" '
            f'src="{escape(_address(path, beside))}" style="width: 100%"></audio><small>{escape(path.name)}</small></figure>'
        )
    return f'<div class="grid">{"".join(shown)}</div>'


def spectrograms(files: Mapping[str, Path], *, like: str | None = None) -> str:
    """Return spectrograms of the same seconds of several files as HTML.

    Args:
        like: the file whose loudest seconds they are and whose loudest cell is white; None for the first.
    Raises: AudioError if one cannot be read.
    """
    reference = files[like or next(iter(files))]
    start_s = loudest_start_s(reference, EXCERPT_S)
    heard = {name: read_excerpt(path, start_s, EXCERPT_S) for name, path in files.items()}
    if not all(len(samples) for samples, _ in heard.values()):
        return ""
    rate_hz = max(rate_hz for _, rate_hz in heard.values())
    levels = {name: log_spectrogram_db(_mono(*sound, rate_hz), rate_hz) for name, sound in heard.items()}
    top_db = max(float(levels[like or next(iter(files))].max()), -RANGE_DB)
    shown = []
    for name, level_db in levels.items():
        image, duration_s = as_image(level_db, top_db), len(heard[name][0]) / heard[name][1]
        drawn = themed_image(
            lambda theme, image=image, duration_s=duration_s: figures.spectrogram(
                image, start_s, duration_s, rate_hz / 2, theme
            ),
            f"Spectrogram of {name}",
        )
        shown.append(f"<figure><figcaption>{escape(name)}</figcaption>{drawn}</figure>")
    note = f"The loudest seconds; bright is loud, black lies {RANGE_DB:.0f} dB or more below the loudest cell of the first."
    return f'<p>{note}</p><div class="grid wide">{"".join(shown)}</div>'


def hits_on_stem(stem: Path, hits: Sequence[Hit]) -> str:
    """Return the loudest seconds of a drum stem with its hits drawn on it, a row and a colour for each class, as HTML.

    Raises: AudioError if the stem cannot be read.
    """
    start_s = loudest_start_s(stem, EXCERPT_S)
    samples, rate_hz = read_excerpt(stem, start_s, EXCERPT_S)
    if not len(samples):
        return ""
    found = [hit for hit in hits if start_s <= hit.time_s < start_s + len(samples) / rate_hz]
    drawn = themed_image(lambda theme: _draw_hits(samples, rate_hz, start_s, found, theme), "Drum stem and its hits")
    return f"<p>{len(found)} of {len(hits)} hits, in the loudest seconds; a longer line is a harder hit.</p><figure>{drawn}</figure>"


def _mono(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    resampler, mono = Resampler(from_hz, to_hz, 1), samples.mean(axis=1, keepdims=True)
    return np.concatenate([resampler.process(mono), resampler.flush()])


def _draw_hits(samples: np.ndarray, rate_hz: int, start_s: float, hits: Sequence[Hit], theme: str) -> str:
    figure = figures.new_figure(9.0, 3.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.2))
    step = max(1, round(PEAK_S * rate_hz))
    peaks = np.abs(samples[: len(samples) // step * step]).max(axis=1).reshape(-1, step).max(axis=1)
    times_s = start_s + (np.arange(len(peaks)) + 0.5) * step / rate_hz
    upper.fill_between(times_s, -peaks, peaks, color=figures.FAINT[theme], linewidth=0)
    loudest = float(peaks.max(initial=0.0))
    rows = {drum: len(CLASSES) - place for place, drum in enumerate(CLASSES)}
    for drum, colour in zip(CLASSES, _COLOURS, strict=True):
        at = [hit.time_s for hit in hits if hit.drum == drum]
        strengths = np.array([hit.velocity for hit in hits if hit.drum == drum])
        upper.vlines(at, -loudest, loudest, color=colour, linewidth=0.6)
        lower.vlines(at, rows[drum] - 0.45 * strengths, rows[drum] + 0.45 * strengths, color=colour, linewidth=2)
    upper.set_yticks([])
    lower.set_yticks(list(rows.values()), [drum.replace("_", " ") for drum in rows])
    lower.set_ylim(0.4, len(CLASSES) + 0.6)
    lower.set_xlim(start_s, start_s + len(samples) / rate_hz)
    lower.set_xlabel("time (s)")
    for axes in (upper, lower):
        figures.dress(axes, theme)
    return figures.data_uri(figure)


def _address(path: Path, beside: Path) -> str:
    try:
        relative = os.path.relpath(path.resolve(), beside.resolve().parent)
    except ValueError:  # another drive
        return path.resolve().as_uri()
    return quote(os.fsencode(Path(relative).as_posix()))
