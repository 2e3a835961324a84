"""What the names of one-shots tell: which of the transcriber's classes each is."""

import math
import re
from collections.abc import Callable
from pathlib import Path

from tfsep.data.drum_names import is_open_hat
from tfsep.data.files import relative_name, without_suffix
from tfsep.data.stem_names import words

_HAT = "hat"
# The first that is found in a name decides: "snare rim" is a snare, and a rim by itself percussion, as the transcriber has it.
_DRUMS = (
    ("kick", r"kick|kik|kck|bd|bass drum|subkick|stomp"),
    ("snare", r"snare|snr|sd"),
    (_HAT, r"hat|hihat|hh|chh|ohh"),
    ("cymbal", r"cymbal|crash|ride|china|splash"),
    ("tom", r"tom"),
    (
        "percussion",
        r"perc|percussion|clap|handclap|snap|rim|rimshot|side ?stick|cross ?stick|clave|wood ?block|shaker|maraca|cabasa|tamb|"
        r"tambourine|cowbell|bell|agogo|triangle|conga|bongo|djembe|tabla|darbuka|timbale|cajon|guiro",
    ),
)
_PATTERNS = tuple((drum, re.compile(rf"\b(?:{phrases})s?\b")) for drum, phrases in _DRUMS)


def drum_of(file: Path, root: Path, decay_s: Callable[[], float]) -> str:
    """Return which of `CLASSES` a one-shot below `root` is, by its name, or that of the inmost folder that tells; else percussion.

    Whether a hat is open is told by the inmost of its names that says so, up to the outmost folder of hats; else by how it sounds.

    Args:
        decay_s: see `is_open_hat`.
    """
    *folders, name = relative_name(file, root).split("/")
    names = [without_suffix(name), *reversed(folders)]
    drums = [_told(name) for name in names]
    telling = next((place for place, drum in enumerate(drums) if drum), None)
    if telling is None:
        return "percussion"
    if drums[telling] != _HAT:
        return drums[telling]
    outmost = max(place for place, drum in enumerate(drums) if drum == _HAT)
    of_hat = [name.lower() for name in names[: outmost + 1]]
    telling_name = next(filter(_tells_open, of_hat), of_hat[0])
    return "open_hat" if is_open_hat(telling_name, decay_s) else "closed_hat"


def _told(name: str) -> str | None:
    """Return the drum that a name tells, hats without saying which."""
    spoken = " ".join(words(name))
    return next((drum for drum, pattern in _PATTERNS if pattern.search(spoken)), None)


def _tells_open(name: str) -> bool:
    """Return whether a hat's name tells if it is open, however long it sounds."""
    return is_open_hat(name, lambda: 0.0) == is_open_hat(name, lambda: math.inf)
