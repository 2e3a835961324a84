"""A mash-up as an HTML page beside its files. Imports matplotlib."""

import base64
from html import escape
from io import BytesIO
from pathlib import Path

from tfsep.creative.mashup.files import MIX
from tfsep.creative.mashup.mix import Mashup, PlayedDeck
from tfsep.creative.mashup.plot import draw
from tfsep.creative.mashup.settings import STEMS
from tfsep.creative.report import facts, players, spectrograms, write_page


def write_mashup_page(path: Path, mashup: Mashup) -> None:
    """Write players of the mix and its stems, the picture of both decks, and spectrograms. Raises: as `report.write_page`."""
    a, b = mashup.decks
    heard = {name: mashup.files[name] for name in (MIX, *STEMS)}
    drawn = BytesIO()
    draw(mashup).savefig(drawn, format="png")
    picture = base64.b64encode(drawn.getvalue()).decode("ascii")
    notes = "".join(f"<li>{escape(note)}</li>" for note in mashup.notes)
    sections = [
        ("Listen", players(heard, path)),
        ("Decks", facts({f"Deck {played.deck.name}": _described(played, mashup) for played in mashup.decks})),
        (
            "Alignment",
            f'<img src="data:image/png;base64,{picture}" alt="Both decks, their bars, and two bars together" '
            'style="max-width: 100%">',
        ),
        ("Spectrograms", spectrograms(heard)),
        ("The songs", players({f"Deck {played.deck.name}": played.deck.path for played in mashup.decks}, path)),
        ("Notes", f"<ul>{notes}</ul>" if notes else ""),
    ]
    lead = f"{mashup.alignment.bars} bars, {mashup.duration_s:.1f} s at {mashup.bpm:.1f} BPM"
    write_page(path, f"{a.deck.path.stem} x {b.deck.path.stem}", lead, sections)


def _described(played: PlayedDeck, mashup: Mashup) -> str:
    deck = played.deck
    parts = [
        f"{deck.path.name}: {' and '.join(deck.store.names) or 'nothing'}",
        f"{deck.beats.bpm:.1f} BPM, {deck.key or 'no key'}",
    ]
    parts.append(f"bars {played.start_bar + 1} to {played.start_bar + mashup.alignment.bars} of {played.beats.bars}")
    parts.append(f"at {100 * played.speed:.1f} % speed")
    parts += [f"{played.semitones:+d} semitones"] if played.semitones else []
    return ", ".join(parts)
