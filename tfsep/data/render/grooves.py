"""Drum performances of the Groove MIDI Dataset as hits in beats, with the drummer's timing and touch.

The dataset (Gillick, Roberts, Engel, Eck and Bamman, "Learning to Groove with Inverse Sequence Transformations", ICML 2019,
arXiv 1905.06118; CC BY 4.0) was played to a click on a Roland TD-11. Its files are named
`drummer1__session1__17_jazz-funk_116_fill_4-4.mid`: style, tempo in beats per minute, beat or fill, meter.
"""

import re
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from tfsep.data.render.chance import pick_weighted
from tfsep.errors import DataError, MissingExtraError

# General MIDI percussion with the Roland TD-11's additions (22, 26, 58), as in table 1 of arXiv 1905.06118's appendix and
# the dataset's page: note -> (class, piece).
DRUM_MAP = {
    22: ("closed_hat", 0), 26: ("open_hat", 0), 35: ("kick", 0), 36: ("kick", 0), 37: ("percussion", 4), 38: ("snare", 0),
    39: ("percussion", 3), 40: ("snare", 0), 41: ("tom", 2), 42: ("closed_hat", 0), 43: ("tom", 2), 44: ("closed_hat", 0),
    45: ("tom", 1), 46: ("open_hat", 0), 47: ("tom", 1), 48: ("tom", 0), 49: ("crash", 0), 50: ("tom", 0), 51: ("ride", 0),
    52: ("crash", 0), 53: ("ride", 0), 54: ("percussion", 0), 55: ("crash", 0), 56: ("percussion", 5), 57: ("crash", 0),
    58: ("tom", 2), 59: ("ride", 0), 60: ("percussion", 1), 61: ("percussion", 2), 62: ("percussion", 1), 63: ("percussion", 1),
    64: ("percussion", 2), 69: ("percussion", 0), 70: ("percussion", 0), 75: ("percussion", 5), 76: ("percussion", 5),
    77: ("percussion", 5), 82: ("percussion", 0),
}  # fmt: skip
_NAME = re.compile(
    r"(?P<player>.+)_(?P<number>\d+)_(?P<style>[a-z0-9-]+)_(?P<tempo>\d+)_(?P<kind>beat|fill)_(?P<meter>\d+-\d+)"
)
_EARLY_BEATS = 0.125  # a stroke this close before a bar line belongs to the bar that it leads in

# (offset in beats from the bar line, slightly negative for early strokes; class; velocity; piece)
BarHit = tuple[float, str, float, int]


@dataclass(frozen=True)
class Performance:
    """What a drummer played, cut on bars.

    `bars` holds for each bar its hits in order of time; velocity is in (0, 1].
    """

    source: str
    style: str
    tempo_bpm: float
    beats_per_bar: int
    bars: tuple[tuple[BarHit, ...], ...]

    def swing(self, unit: int) -> float:
        """Where the second of a pair of eighths (`unit` 8) or sixteenths (16) falls within the pair, as a median.

        Returns: 0.5 (straight, or too few such strokes to tell) to 0.7.
        """
        pair_beats = 1.0 if unit == 8 else 0.5
        phases = [(hit[0] % pair_beats) / pair_beats for bar in self.bars for hit in bar]
        second = [phase for phase in phases if 0.42 < phase < 0.75]
        if len(second) < 4 or len(second) < 0.05 * len(phases):
            return 0.5
        return float(np.clip(np.median(second), 0.5, 0.7))


@dataclass(frozen=True)
class GrooveEntry:
    """One file of the collection, as its name describes it."""

    path: Path
    style: str
    tempo_bpm: float
    kind: str  # "beat" or "fill"
    beats_per_bar: int


@dataclass(frozen=True)
class GrooveLibrary:
    """A folder of performances; a file is read when it is first chosen, and kept."""

    entries: tuple[GrooveEntry, ...]
    _read: dict[Path, Performance] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path) -> "GrooveLibrary":
        """List the performances of a folder and its subfolders. Meters other than quarters (6-8) are left out.

        Raises: DataError if the folder is missing or holds no `.mid` file with a name of the dataset's form.
        Warns: once, with their number, if other `.mid` files are there.
        """
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give the folder of the Groove MIDI files, or leave it out")
        entries, foreign = [], []
        for path in sorted(folder.rglob("*.mid")):
            match = _NAME.fullmatch(path.stem)
            if match is None or not 20 <= int(match["tempo"]) <= 400:
                foreign.append(path.name)
                continue
            beats_per_bar, unit = (int(part) for part in match["meter"].split("-"))
            if unit == 4 and beats_per_bar > 0:
                entries.append(GrooveEntry(path, match["style"], float(match["tempo"]), match["kind"], beats_per_bar))
        if not entries:
            raise DataError(f"{folder}: holds no file named like drummer1__session1__17_jazz-funk_116_fill_4-4.mid")
        if foreign:
            warnings.warn(
                f"{folder}: {len(foreign)} MIDI files with other names are left out, first {foreign[0]}", stacklevel=2
            )
        return cls(tuple(entries))

    @cached_property
    def _by_kind(self) -> dict[tuple[str, int], list[GrooveEntry]]:
        groups: dict[tuple[str, int], list[GrooveEntry]] = {}
        for entry in self.entries:
            groups.setdefault((entry.kind, entry.beats_per_bar), []).append(entry)
        return groups

    def choose(
        self, *, styles: tuple[str, ...], tempo_bpm: float, beats_per_bar: int, kind: str, rng: np.random.Generator
    ) -> Performance | None:
        """Draw a performance of one of the styles, the likelier the closer its tempo (half and double count as near).

        Args:
            styles: beginnings of style names; "funk" takes "funk-groove1" too.
            tempo_bpm: of the song.
            beats_per_bar: quarters in a bar.
            kind: "beat" or "fill".
        Returns: the performance, or None if none of these styles and this meter lies within half an octave of the tempo.
        Raises: DataError naming the file if it cannot be read.
        """
        weighted = []
        for entry in self._by_kind.get((kind, beats_per_bar), ()):
            if entry.style.startswith(styles):
                octaves = abs(np.log2(entry.tempo_bpm / tempo_bpm))
                if octaves < 0.5:
                    weighted.append((entry, float(np.exp(-((octaves / 0.15) ** 2)) + 1e-3)))
        return self.performance(pick_weighted(rng, weighted)) if weighted else None

    def performance(self, entry: GrooveEntry) -> Performance:
        """Read one file, or return what was read before.

        Raises: DataError naming the file if it is no MIDI file or holds no drum of the map; MissingExtraError without mido.
        """
        if entry.path not in self._read:
            self._read[entry.path] = read_performance(entry)
        return self._read[entry.path]


def read_performance(entry: GrooveEntry) -> Performance:
    """Read a MIDI file into bars; notes outside of `DRUM_MAP` are left out.

    Raises: DataError naming the file if it is no MIDI file or holds no drum of the map; MissingExtraError without mido.
    """
    try:
        import mido
    except ImportError as error:
        raise MissingExtraError("mido", "render", "Reading drum performances") from error
    try:
        midi = mido.MidiFile(entry.path)
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        raise DataError(
            f"{entry.path}: cannot be read as MIDI ({error or type(error).__name__}); delete it or copy it again"
        ) from error
    if midi.ticks_per_beat <= 0:
        raise DataError(f"{entry.path}: its time is not counted in beats; delete it or copy it again")
    bars: list[list[BarHit]] = []
    for track in midi.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type != "note_on" or message.velocity == 0 or message.note not in DRUM_MAP:
                continue
            beat = ticks / midi.ticks_per_beat
            index = int((beat + _EARLY_BEATS) // entry.beats_per_bar)
            while len(bars) <= index:
                bars.append([])
            drum, piece = DRUM_MAP[message.note]
            bars[index].append((beat - index * entry.beats_per_bar, drum, message.velocity / 127, piece))
    if not bars:
        raise DataError(f"{entry.path}: holds no drum stroke; delete it or copy it again")
    ordered = tuple(tuple(sorted(bar)) for bar in bars)
    return Performance(entry.path.name, entry.style, entry.tempo_bpm, entry.beats_per_bar, ordered)
