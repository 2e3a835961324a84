"""What describes a genre: tempo, feel, drum patterns, who plays what, and the form of its songs."""

from dataclasses import dataclass

from tfsep.data.genres import FAMILIES
from tfsep.data.render.patterns import FILLS, PATTERNS

FORMS = ("song", "club", "loop", "jazz", "drift")
Weights = tuple[tuple[str, float], ...]


def weights(text: str) -> Weights:
    """Read "house 3 techno" as (("house", 3.0), ("techno", 1.0))."""
    found: list[tuple[str, float]] = []
    for word in text.split():
        if word.replace(".", "", 1).isdigit():
            found[-1] = (found[-1][0], float(word))
        else:
            found.append((word, 1.0))
    return tuple(found)


@dataclass(frozen=True)
class Layer:
    """One player of the stem "other".

    Args:
        role: what it does: pad, comp, strum, power, arp, riff, lead, brass, fx (see `comping.py`).
        rhythm: a name in `comping.RHYTHMS`; "" for roles without one.
        sounds: names for `Part.sound`, one is drawn a song.
        probability: of being in a song's line-up.
        gain_db: relative to a usual part.
    """

    role: str
    rhythm: str
    sounds: tuple[str, ...]
    probability: float
    gain_db: float = 0.0


def layer(role: str, rhythm: str, sounds: str, probability: float, gain_db: float = 0.0) -> Layer:
    """Short form of `Layer`; `sounds` are words."""
    return Layer(role, rhythm, tuple(sounds.split()), probability, gain_db)


@dataclass(frozen=True, kw_only=True)
class Genre:
    """One genre. Pairs of numbers are limits to draw between; `Weights` are names with their likelihood."""

    family: str
    tempo_bpm: tuple[float, float]
    form: str
    patterns: Weights
    bass: Weights  # names in `bass.BASS_STYLES`
    bass_sounds: Weights
    layers: tuple[Layer, ...]
    vocals: Weights  # line-ups in `singers.VOCAL_LINE_UPS`
    vocal_share: float = 0.85  # of songs with vocals
    minor_share: float = 0.5
    kits: Weights = (("acoustic", 1.0),)
    fills: Weights = (("acoustic", 1.0),)
    fill_share: float = 0.6  # of phrases that end with a fill
    swing: tuple[float, float] = (0.5, 0.5)
    swing_unit: int = 16
    timing_ms: float = 0.0  # standard deviation of a player's timing; 0 is a sequencer
    velocity_sd: float = 0.05
    groove_styles: tuple[str, ...] = ()  # beginnings of styles of the Groove MIDI Dataset
    groove_share: float = 0.0
    waltz: Weights = ()  # patterns in three; songs in three are `waltz_share` of all
    waltz_share: float = 0.0
    bars_per_chord: tuple[tuple[float, float], ...] = ((1.0, 3.0), (2.0, 1.0), (0.5, 0.5))
    chord_notes: tuple[tuple[int, float], ...] = ((3, 3.0), (4, 1.0))  # 3 triads, 4 sevenths, 5 ninths
    own_major: tuple[str, ...] = ()
    own_minor: tuple[str, ...] = ()
    own_share: float = 0.0
    moods: tuple[str, ...] = ()
    duck: tuple[float, float] = (0.0, 0.0)
    hat_rolls: float = 0.0  # probability a bar
    loop_share: float = 0.0  # of songs under whose drums a loop may lie
    layers_wanted: tuple[int, int] = (2, 4)

    def __post_init__(self) -> None:
        unknown = [name for name, _ in (*self.patterns, *self.waltz) if name not in PATTERNS]
        unknown += [name for name, _ in self.fills if name not in FILLS]
        if unknown or self.family not in FAMILIES or self.form not in FORMS:
            raise ValueError(f"family={self.family!r}, form={self.form!r}, unknown patterns or fills {unknown}")
