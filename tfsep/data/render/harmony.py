"""Chords, progressions, scales and voice leading, in semitones above the tonic of the song."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tfsep.data.render.chance import pick, pick_weighted
from tfsep.errors import DataError

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
PITCH_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_ROMAN = {"i": 0, "ii": 1, "iii": 2, "iv": 3, "v": 4, "vi": 5, "vii": 6}
_TOKEN = re.compile(r"([b#]*)(VII|VI|V|IV|III|II|I|vii|vi|v|iv|iii|ii|i)(.*)")
# Intervals by the suffix of a chord name, "" and "m" apart; names as in pychord and in free-midi-chords' list of chord types.
_QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "-5": (0, 4, 6),
    "+5": (0, 4, 8),
    "dim": (0, 3, 6),
    "sus2": (0, 2, 7),
    "2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "7-5": (0, 4, 6, 10),
    "7+5": (0, 4, 8, 10),
    "7sus4": (0, 5, 7, 10),
    "maj7": (0, 4, 7, 11),
    "maj7+5": (0, 4, 8, 11),
    "add4": (0, 4, 5, 7),
    "add9": (0, 4, 7, 14),
    "sus4add9": (0, 5, 7, 14),
    "add11": (0, 4, 7, 17),
    "69": (0, 4, 7, 9, 14),
    "9": (0, 4, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "9sus4": (0, 5, 7, 10, 14),
    "7-9": (0, 4, 7, 10, 13),
    "7+11": (0, 4, 7, 10, 18),
    "m6": (0, 3, 7, 9),
    "m7": (0, 3, 7, 10),
    "m7-5": (0, 3, 6, 10),
    "m7+5": (0, 3, 8, 10),
    "dim6": (0, 3, 6, 9),
    "dim7": (0, 3, 6, 9),
    "mmaj7": (0, 3, 7, 11),
    "madd4": (0, 3, 5, 7),
    "madd9": (0, 3, 7, 14),
    "m69": (0, 3, 7, 9, 14),
    "m9": (0, 3, 7, 10, 14),
    "m7b9b5": (0, 3, 6, 10, 13),
    "m7add11": (0, 3, 7, 10, 17),
    "mmaj7add11": (0, 3, 7, 11, 17),
}
_NAMES = {intervals: name for name, intervals in reversed(_QUALITIES.items())}


@dataclass(frozen=True)
class Chord:
    """A chord: `root` in semitones above the tonic, 0 to 11; `intervals` above the root, ascending, the first one 0."""

    root: int
    intervals: tuple[int, ...]

    def pitch_classes(self, key: int) -> tuple[int, ...]:
        """Pitch classes 0 (C) to 11 (B) in a key, root first."""
        return tuple((key + self.root + interval) % 12 for interval in self.intervals)

    def name(self, key: int) -> str:
        """Name such as "Am7" in a key whose tonic is the pitch class `key`."""
        return PITCH_NAMES[(key + self.root) % 12] + _NAMES.get(self.intervals, "?")


def _diatonic(scale: tuple[int, ...], degree: int, notes: int) -> tuple[int, ...]:
    """Intervals of the chord of stacked thirds on a degree (0 to 6) of a scale."""
    steps = [scale[(degree + 2 * i) % 7] + 12 * ((degree + 2 * i) // 7) for i in range(notes)]
    return tuple(step - scale[degree] for step in steps)


def parse_chord(token: str, *, scale: tuple[int, ...]) -> Chord:
    """Read a roman numeral such as "vi", "bVIIM", "ii7", "Idom7" or "Isus4".

    The numeral counts degrees of `scale`; a case that agrees with the triad there takes that triad (so that "vii" in major and
    "ii" in minor are diminished), else upper case is major and lower case minor. A bare 7, 9 or 6 is the scale's; "dom"
    forces a dominant, "M" and "m" the third.

    Raises: ValueError with the token, if it is not a chord.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError(f"{token!r} is not a roman numeral such as I, vi, bVIIM or ii7")
    accidental, numeral, suffix = match.groups()
    degree = _ROMAN[numeral.lower()]
    root = (scale[degree] + accidental.count("#") - accidental.count("b")) % 12
    triad = _diatonic(scale, degree, 3)
    is_minor = numeral.islower()
    in_scale = not accidental and is_minor == (triad[1] == 3)
    if suffix in ("7", "9", "6", "69") and in_scale:
        seventh = _diatonic(scale, degree, 4)
        name = _NAMES.get(seventh, "7")
        suffix = {"7": name, "9": {"maj7": "maj9", "m7": "m9"}.get(name, "9"), "6": "m6" if is_minor else "6"}.get(
            suffix, "m69" if is_minor else "69"
        )
    elif suffix == "" and in_scale:
        return Chord(root, triad)
    elif suffix.startswith("dom"):
        suffix = suffix[3:]
    elif suffix.startswith("M"):
        suffix = {"M7": "maj7", "M9": "maj9", "M7+5": "maj7+5"}.get(suffix, suffix[1:])
        if accidental and suffix in ("7", "9"):
            suffix = "maj" + suffix
    elif suffix.startswith("mM"):
        suffix = "mmaj" + suffix[2:]
    elif is_minor and f"m{suffix}" in _QUALITIES:
        suffix = f"m{suffix}"
    if suffix not in _QUALITIES:
        raise ValueError(f"{token!r}: {suffix!r} is none of the chord types {', '.join(filter(None, _QUALITIES))}")
    return Chord(root, _QUALITIES[suffix])


@lru_cache(maxsize=4096)
def extended(chord: Chord, mode: str, notes: int) -> Chord:
    """The chord with scale tones stacked in thirds on it up to `notes` (4 is a seventh, 5 a ninth).

    A chord that is no plain triad of the scale is returned as it is; a ninth that would be flat is left out.
    """
    scale = MAJOR if mode == "major" else MINOR
    if len(chord.intervals) != 3 or chord.root not in scale or chord.intervals not in ((0, 4, 7), (0, 3, 7), (0, 3, 6)):
        return chord
    full = _diatonic(scale, scale.index(chord.root), notes)
    if full[:3] != chord.intervals:
        if chord.intervals == (0, 4, 7) and chord.root == 7:  # the borrowed dominant of a minor key
            return Chord(chord.root, (0, 4, 7, 10))
        return chord
    if len(full) == 5 and full[4] == 13:
        full = full[:4]
    return Chord(chord.root, full)


@lru_cache(maxsize=4096)
def local_scale(chord: Chord, key: int, mode: str) -> tuple[int, ...]:
    """Pitch classes to play over a chord, ascending: the chord and the scale of the key, without tones a semitone off the
    chord's own that are foreign to the key (over V in minor the seventh is raised).
    """
    tones = set(chord.pitch_classes(key))
    scale = {(key + step) % 12 for step in (MAJOR if mode == "major" else MINOR)}
    foreign = tones - scale
    kept = {tone for tone in scale if tone in tones or not any((tone - other) % 12 in (1, 11) for other in foreign)}
    return tuple(sorted(tones | kept))


@lru_cache(maxsize=8192)
def _voicings(pitch_classes: tuple[int, ...], low: int, high: int) -> tuple[tuple[int, ...], ...]:
    """Close and drop-two positions of the pitch classes between two MIDI notes."""
    ordered = tuple(dict.fromkeys(pitch_classes))
    found = []
    for turn in range(len(ordered)):
        rotation = ordered[turn:] + ordered[:turn]
        for bottom in range(low + (rotation[0] - low) % 12, high + 1, 12):
            notes = [bottom]
            for tone in rotation[1:]:
                notes.append(notes[-1] + 1 + (tone - notes[-1] - 1) % 12)
            found.append(tuple(notes))
            if len(notes) >= 4:
                found.append(tuple(sorted([notes[-2] - 12, *notes[:-2], notes[-1]])))
    fitting = [notes for notes in found if notes[0] >= low and notes[-1] <= high]
    if fitting:
        return tuple(fitting)
    return (tuple(sorted(low + (tone - low) % 12 for tone in ordered)),)  # a range too narrow: close, from the bottom


def voice(chord: Chord, key: int, *, previous: tuple[int, ...] | None, low: int, high: int) -> tuple[int, ...]:
    """Choose the position of a chord that moves least from the previous one and stays near the middle of its range.

    Args:
        chord: what to play; a root doubled elsewhere (five notes and more) is left out.
        key: pitch class of the tonic.
        previous: the notes before, or None at the start.
        low, high: range as MIDI notes, at least an octave apart.
    Returns: MIDI notes, ascending.
    """
    classes = chord.pitch_classes(key)
    candidates = _voicings(classes[1:] if len(classes) > 4 else classes, low, high)
    middle = (low + high) / 2
    return min(candidates, key=lambda notes: _movement(notes, previous, middle))


def _movement(notes: tuple[int, ...], previous: tuple[int, ...] | None, middle: float) -> float:
    away = abs(sum(notes) / len(notes) - middle)
    if previous is None:
        return away
    moved = sum(min(abs(note - before) for before in previous) for note in notes)
    return moved + 2.0 * abs(notes[-1] - previous[-1]) / len(notes) + 0.3 * away


@dataclass(frozen=True)
class Progression:
    """Chords in their order, and the moods that the collection names for them."""

    chords: tuple[Chord, ...]
    moods: tuple[str, ...] = ()


def parse_progression(text: str, *, scale: tuple[int, ...]) -> Progression:
    """Read "I V vi IV =Hopeful Romantic"; the part from the equals sign on may be missing.

    Raises: ValueError if a token is no chord or there is none.
    """
    numerals, _, moods = text.partition("=")
    chords = tuple(parse_chord(token, scale=scale) for token in numerals.split())
    if not chords:
        raise ValueError(f"{text!r} holds no chord")
    return Progression(chords, tuple(moods.split()))


_BUILT_IN_MAJOR = (
    "I V vi IV", "I vi IV V", "vi IV I V", "I IV V IV", "I IV vi V", "IV V iii vi", "I iii IV V", "ii V I I", "I ii IV I",
    "IV I V vi", "I V ii IV", "vi ii V I", "I I IV V", "I IV I V",
)  # fmt: skip
_BUILT_IN_MINOR = (
    "i VI III VII", "i VII VI VII", "i iv VI V", "i iv v i", "VI VII i i", "i III VII iv", "i v VI iv", "iv VI i VII",
    "i i VI VII", "i VI iv V", "i VII i VII", "i iv VII III",
)  # fmt: skip


@dataclass(frozen=True)
class Progressions:
    """A collection of progressions in major and in minor keys."""

    major: tuple[Progression, ...]
    minor: tuple[Progression, ...]

    @classmethod
    def load(cls, path: Path) -> "Progressions":
        """Read `progressions.json` of free-midi-chords (Ludovic Drolez, MIT): lists `prog_maj`, `prog_min` and `prog_modal`.

        Numerals count degrees of the major scale in `prog_maj` and `prog_modal` and of natural minor in `prog_min`; a modal
        progression counts as minor if it names the tonic's minor chord.

        Raises: DataError naming the file if it is missing, is not such a file, or holds a chord that cannot be read.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            major = [parse_progression(text, scale=MAJOR) for text in content["prog_maj"]]
            minor = [parse_progression(text, scale=MINOR) for text in content["prog_min"]]
            for text in content["prog_modal"]:
                is_minor = any(token.startswith("im") for token in text.split("=")[0].split())
                (minor if is_minor else major).append(parse_progression(text, scale=MAJOR))
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}); give free-midi-chords' progressions.json") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DataError(f"{path}: no table of progressions ({reason}); give free-midi-chords' progressions.json") from error
        if not major or not minor:
            raise DataError(f"{path}: holds {len(major)} major and {len(minor)} minor progressions; both are needed")
        return cls(tuple(major), tuple(minor))

    def choose(self, mode: str, rng: np.random.Generator, *, moods: tuple[str, ...] = ()) -> Progression:
        """Draw a progression in a mode; one that names a wanted mood is four times as likely."""
        pool = self.major if mode == "major" else self.minor
        return pick_weighted(rng, [(entry, 4.0 if set(moods) & set(entry.moods) else 1.0) for entry in pool])


@lru_cache(maxsize=1)
def built_in_progressions() -> Progressions:
    """Common progressions for when no collection is at hand."""
    return Progressions(
        tuple(parse_progression(text, scale=MAJOR) for text in _BUILT_IN_MAJOR),
        tuple(parse_progression(text, scale=MINOR) for text in _BUILT_IN_MINOR),
    )


@lru_cache(maxsize=512)
def _own(text: str, mode: str) -> Progression:
    return parse_progression(text, scale=MAJOR if mode == "major" else MINOR)


def choose_progression(
    mode: str,
    own: tuple[str, ...],
    own_share: float,
    collection: Progressions,
    rng: np.random.Generator,
    moods: tuple[str, ...] = (),
) -> Progression:
    """Draw from a genre's own numerals with probability `own_share`, else from the collection."""
    if own and rng.random() < own_share:
        return _own(pick(rng, own), mode)
    return collection.choose(mode, rng, moods=moods)
