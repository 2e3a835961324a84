"""A picture of a mash-up: both decks, their bars, and what plays together. Imports matplotlib."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfsep.audio import open_audio
from tfsep.audio.atomic import AtomicFile
from tfsep.creative.excerpt import cut
from tfsep.creative.mashup.align import PHRASE
from tfsep.creative.mashup.deck import POWERS_PER_S
from tfsep.creative.mashup.meter import BEATS
from tfsep.creative.mashup.mix import Mashup, PlayedDeck
from tfsep.creative.mashup.settings import STEMS
from tfsep.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {"A": "#2f7ed8", "B": "#e07b39"}
_FAINT, _INK = "#c9ced8", "#1d2330"
_CLOSE_BARS = 2
_MOST_LINES = 48  # of bars; of longer songs only phrases are marked


def check_plot(path: Path, *, overwrite: bool) -> None:
    """Raise MissingExtraError without matplotlib, UsageError if `path` cannot be drawn to or must not be overwritten."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("matplotlib", "mashup", "the picture of --plot") from None
    if path.suffix.lower() != ".png":
        raise UsageError(f"--plot {path}: name it something.png")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: is there already: use --overwrite, or choose another --plot")
    if path.is_dir():
        raise UsageError(f"--plot {path}: is a folder: choose another name")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {path}: there is no folder {path.parent}: make it first, or choose another")


def write_plot(path: Path, mashup: Mashup) -> None:
    """Write the picture of `draw` as a PNG. Raises: as `AtomicFile`."""
    figure = draw(mashup)
    with AtomicFile(path) as atomic:
        figure.savefig(atomic.file, format="png")


def draw(mashup: Mashup) -> "Figure":
    """Draw both decks with the bars that are played, and two bars of the mash-up with the beats of both."""
    from matplotlib.figure import Figure  # not pyplot, which keeps every figure in a global

    figure = Figure(figsize=(10, 6), dpi=110, layout="constrained")
    upper, lower, close = figure.subplots(3, 1)
    for axes, played in zip((upper, lower), mashup.decks, strict=True):
        _draw_deck(axes, played)
    _draw_close(close, mashup)
    return figure


def _draw_deck(axes: "Axes", played: PlayedDeck) -> None:
    deck = played.deck
    times_s = (np.arange(len(deck.powers)) + 0.5) / POWERS_PER_S
    colour = _COLOURS[deck.name]
    whole = np.sqrt(deck.powers.sum(axis=1))
    heard = np.sqrt(deck.powers[:, [STEMS.index(stem) for stem in deck.store.names]].sum(axis=1))
    axes.fill_between(times_s, -whole, whole, color=_FAINT, linewidth=0)
    inside = (times_s >= played.beats_s[0]) & (times_s <= played.beats_s[-1])
    axes.fill_between(times_s, -heard, heard, where=inside, color=colour, linewidth=0)
    every = 1 if played.beats.bars <= _MOST_LINES else PHRASE
    lines_s = played.beats.bar_lines_s()[played.start_bar % every :: every]
    axes.vlines(lines_s, *axes.get_ylim(), color=_INK, linewidth=0.3)
    axes.axvspan(played.beats_s[0], played.beats_s[-1], color=colour, alpha=0.12, linewidth=0)
    axes.set_title(
        f"deck {deck.name}: {deck.path.name}, {' and '.join(deck.store.names)}: {deck.beats.bpm:.1f} BPM, "
        f"{deck.key or 'no key'}, at {100 * played.speed:.1f} % speed",
        fontsize=9,
        loc="left",
        parse_math=False,  # dollar signs in file names are no formulas
    )
    axes.set_xlim(0, deck.features.duration_s)
    axes.set_xlabel(f"seconds of the song; lines are {'bars' if every == 1 else f'{every} bars apart'}", fontsize=8)
    _dress(axes)


def _draw_close(axes: "Axes", mashup: Mashup) -> None:
    """Draw the waveforms of what each deck plays, A above and B below, and the beats of both."""
    bars = min(_CLOSE_BARS, mashup.alignment.bars)
    first = (mashup.alignment.bars - bars) // 2 * BEATS
    edges_s = mashup.decks[0].output_s[[first, first + bars * BEATS]]
    for played, side in zip(mashup.decks, (1, -1), strict=True):
        times_s, peaks = _peaks(mashup, played, edges_s)
        axes.fill_between(times_s, side * peaks, color=_COLOURS[played.deck.name], linewidth=0)
    beats_s = mashup.decks[0].output_s[first : first + bars * BEATS + 1]
    axes.vlines(beats_s, -1, 1, color=_INK, linewidth=[1.2 if beat % BEATS == 0 else 0.5 for beat in range(len(beats_s))])
    axes.set_xlim(*edges_s)
    axes.set_ylim(-1, 1)
    axes.set_title(f"together, at {mashup.bpm:.1f} BPM: A above, B below, lines are beats", fontsize=9, loc="left")
    axes.set_xlabel("seconds of the mash-up", fontsize=8)
    _dress(axes)


def _peaks(mashup: Mashup, played: PlayedDeck, edges_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the peaks, 0 to 1, of what a deck plays, from the files, in steps of two milliseconds."""
    parts = []
    for stem in played.deck.store.names:
        with open_audio(mashup.files[stem]) as reader:
            rate_hz = reader.info.sample_rate_hz
            parts.append(cut(reader, *(round(float(edge) * rate_hz) for edge in edges_s)))
    total = np.sum(parts, axis=0).mean(axis=1)
    step = max(1, round(0.002 * rate_hz))
    count = len(total) // step
    peaks = np.abs(total[: count * step]).reshape(count, step).max(axis=1)
    return edges_s[0] + (np.arange(count) + 0.5) * step / rate_hz, peaks / max(float(peaks.max(initial=0.0)), 1e-9)


def _dress(axes: "Axes") -> None:
    axes.set_yticks([])
    axes.tick_params(labelsize=8)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
