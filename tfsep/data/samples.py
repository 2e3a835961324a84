"""Drum sample libraries: loops go round for a while, one-shots play simple patterns. Drums alone, without a multitrack.

Patterns are bars of 4/4 with a little chance in them, no more: enough for a critic to hear kits that no loop has. `tfsep render`
plays one-shots with feel, by genre and with a band around them, and is the better choice where it is one.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio, Resampler, read_info
from tfsep.data.files import FileTrack, Part, audio_files, not_excluded, own_names, relative_name, tagged_genre, without_suffix
from tfsep.data.stem_names import stem_by_words, words
from tfsep.errors import AudioError, DataError

TRACK_S = 12.0  # of loops, at least, and of patterns: four of the default model's crops
LOOP_S = 4.0  # files this long are loops, whatever they are called; a crash cymbal is shorter
_LOOP = re.compile(r"\b(?:loop|break|breakbeat|beat|groove|fill|bpm|top)s?\b")
_ROLES = (
    ("kick", r"kick|kik|kck|bd|bass drum|subkick|stomp"),
    ("snare", r"snare|snr|sd|clap|snap|rim|rimshot|side ?stick"),
    ("hat", r"hat|hihat|hh|shaker|maraca|cabasa|tamb|tambourine"),
    ("cymbal", r"cymbal|crash|ride|china|splash"),
    ("tom", r"tom"),
)
_ROLE_PATTERNS = tuple((role, re.compile(rf"\b(?:{phrases})s?\b")) for role, phrases in _ROLES)
STEPS = 16  # a bar
# What each role plays in a bar of four on the floor, of a backbeat, of a break: x always, o now and then.
_BARS = {
    "kick": ("x...x...x...x..o", "x.....oox.o.....", "x.x.......xo...."),
    "snare": ("....x..o....x...", "....x.......x..o", "....x..o.o..x..o"),
    "hat": ("o.x.o.x.o.x.o.xo", "x.x.x.x.x.x.x.xo", "x.xox.x.x.xox.x."),
    "tom": ("..............oo", "............oooo", "..........o...oo"),
    "perc": ("x.o..o..o.o..o..", "o..x..o...o..o..", "...x..o....o..o."),
}
_STYLES = 3
_CHANCE = 0.3  # of an o


@dataclass(frozen=True, kw_only=True)
class LoopTrack(FileTrack):
    """A loop, as often as it takes to last `TRACK_S`; a `Track`."""

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        """Return the drums as float32 `(samples, channels)`. Raises: AudioError for a file that cannot be read."""
        (part,) = self.parts
        once = Audio.read(part.path, channels=channels)
        times = max(1, int(np.ceil(TRACK_S / once.duration_s)))
        # Repeated before it is resampled, so that the seams sound as they do in a sequencer.
        resampler = Resampler(once.sample_rate_hz, sample_rate_hz, channels)
        return {part.stem: np.concatenate([resampler.process(np.tile(once.samples, (times, 1))), resampler.flush()])}


@dataclass(frozen=True, kw_only=True)
class PatternTrack(FileTrack):
    """One-shots in a pattern; a `Track`.

    Attributes:
        roles: what each of `parts` plays.
        seed: of tempo and pattern.
    """

    roles: tuple[str, ...]
    seed: int

    @property
    def recipe(self) -> str:
        """A hash of how the files are made into the track."""
        return hashlib.sha256(json.dumps([super().recipe, self.roles, self.seed]).encode()).hexdigest()[:12]

    def hits(self) -> list[tuple[int, float, float]]:
        """Return the pattern: which of `parts`, when in seconds, how loud (factor)."""
        rng = np.random.default_rng(self.seed)
        step_s = 60 / rng.uniform(80, 174) / 4
        style = rng.integers(_STYLES)
        found = []
        for step in range(int(TRACK_S / step_s)):
            for number, role in enumerate(self.roles):
                if role == "cymbal":  # marks every fourth bar
                    mark = "x" if step % (4 * STEPS) == 0 else "."
                else:
                    mark = _BARS[role][style][step % STEPS]
                if mark == "x" or (mark == "o" and rng.random() < _CHANCE):
                    found.append((number, step * step_s, rng.uniform(0.7, 1.0) * (1.0 if mark == "x" else 0.5)))
        return found or [(0, 0.0, 1.0)]  # toms alone may have been left out by chance

    def read(self, sample_rate_hz: int, channels: int) -> dict[str, np.ndarray]:
        """Return the drums as float32 `(samples, channels)`. Raises: AudioError for a file that cannot be read."""
        shots = [Audio.read(part.path, sample_rate_hz=sample_rate_hz, channels=channels).samples for part in self.parts]
        out = np.zeros((round(TRACK_S * sample_rate_hz), channels), np.float32)
        for number, start_s, level in self.hits():
            start = round(start_s * sample_rate_hz)
            piece = shots[number][: len(out) - start]
            out[start : start + len(piece)] += level * piece
        return {self.parts[0].stem: out}


@dataclass(frozen=True, kw_only=True)
class SampleSource:
    """Loops and one-shots below `root`; a `StemSource` of drums alone.

    Loops are files of `LOOP_S` and longer, and those with a word such as loop, break or bpm in their path. One-shots play in
    kits: those of a folder with both a kick and a snare together, all others with each other. A kit has as many tracks as files
    of the role that has most, so that each file is heard. Files of which their names, or else only their folders', tell that
    they are of another instrument are left out; what nothing tells anything of is percussion.
    """

    root: Path
    exclude: frozenset[str] = frozenset()  # names of files, with or without suffix, or of folders below `root`
    paired: bool = False

    def names(self) -> frozenset[str]:
        """Return what the recordings are called. Raises: DataError as `tracks`."""
        return own_names(self.root, audio_files(self.root))

    def tracks(self) -> Sequence[FileTrack]:
        """Return a track for each loop and some for each kit. Raises: DataError if there are no drums in the folder."""
        loops: list[FileTrack] = []
        shots: list[tuple[Path, str]] = []
        for path in not_excluded(self.root, audio_files(self.root), self.exclude):
            names = _words_by_nearness(path, self.root)
            if not _is_drums(names):
                continue
            if _is_loop(path, names):
                part = Part(stem="drums", path=path)
                loops.append(LoopTrack(name=relative_name(path, self.root), genre=tagged_genre(path), parts=(part,)))
            else:
                shots.append((path, _role(names)))
        tracks = loops + self._patterns(shots)
        if not tracks:
            raise DataError(f"{self.root}: no drum samples in it: the names of all files tell of other instruments")
        return sorted(tracks, key=lambda track: track.name)

    def _patterns(self, shots: Sequence[tuple[Path, str]]) -> list[PatternTrack]:
        folders: dict[Path, list[tuple[Path, str]]] = {}
        for path, role in shots:
            folders.setdefault(path.parent, []).append((path, role))
        kits: dict[Path, list[tuple[Path, str]]] = {}
        for folder, kit in folders.items():
            whole = {"kick", "snare"} <= {role for _, role in kit}
            kits.setdefault(folder if whole else self.root, []).extend(kit)
        tracks = []
        for folder, kit in kits.items():
            by_role = {role: [path for path, its in kit if its == role] for role in sorted({role for _, role in kit})}
            for number in range(max(map(len, by_role.values()))):
                chosen = {role: paths[number % len(paths)] for role, paths in by_role.items()}
                name = f"{relative_name(folder, self.root)}/pattern {number + 1:04d}"
                tracks.append(
                    PatternTrack(
                        name=name,
                        parts=tuple(Part(stem="drums", path=path) for path in chosen.values()),
                        roles=tuple(chosen),
                        seed=int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]),
                    )
                )
        return tracks


def role_of(path: Path, root: Path) -> str:
    """Return what a one-shot below `root` plays, by its name or the nearest folder's that tells: kick, ..., cymbal, tom or perc."""
    return _role(_words_by_nearness(path, root))


def _words_by_nearness(path: Path, root: Path) -> list[list[str]]:
    """Return the words of the file's name, then of its folders' below `root`, the inmost first."""
    *folders, name = relative_name(path, root).split("/")
    return [words(without_suffix(name)), *(words(folder) for folder in reversed(folders))]


def _is_drums(names: Sequence[list[str]]) -> bool:
    """Return whether the file's name says so, or else one of its folders, or else none says anything."""
    own, *folders = map(stem_by_words, names)
    return own == "drums" if own else "drums" in folders or not any(folders)


def _is_loop(path: Path, names: Sequence[Sequence[str]]) -> bool:
    if any(_LOOP.search(" ".join(name)) for name in names):
        return True
    try:
        return (read_info(path).duration_s or 0.0) >= LOOP_S
    except AudioError:
        return True  # on its own it spoils no pattern; reading it will tell what is wrong


def _role(names: Sequence[Sequence[str]]) -> str:
    """Return what a one-shot plays, by the nearest name that tells."""
    told = (role for name in names for role, pattern in _ROLE_PATTERNS if pattern.search(" ".join(name)))
    return next(told, "perc")
