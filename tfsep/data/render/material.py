"""The sound material on disk: an index of samples by role, decoded and trimmed on demand."""

import csv
import re
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.errors import AudioError, DataError

COLUMNS = ("path", "role", "licence", "licence_confidence")
AUDIO_ROLES = ("drums/", "bass", "other/", "vocals/")
CACHE_BYTES = 768 * 2**20  # a process; about half of what the whole material takes once decoded
LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
MIDI_NAME = re.compile(r"^m(\d{3})(?:_|$)")
# "aa_Db4", "piano_C2", and "C_4" for C#4: in the Berklee library an underscore between letter and octave stands for the sharp
NOTE_NAME = re.compile(r"(?:^|_)([A-Ga-g])([b_#s]?)(\d)(?:_\d+)?$")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One file of the material. `folder` is what groups files: the kit or the instrument."""

    path: str
    role: str
    folder: str
    licence: str
    attribution: str

    @property
    def name(self) -> str:
        """File name without its suffix."""
        return Path(self.path).stem


def note_number(name: str) -> int | None:
    """Return the MIDI note that a file name tells, or None: m060_v84, femalevoice_aa_Db4, malevoice_oo_C_4 (C sharp 4)."""
    if match := MIDI_NAME.match(name):
        return int(match[1])
    if match := NOTE_NAME.search(name):
        shift = {"b": -1, "": 0}.get(match[2], 1)
        return 12 * (int(match[3]) + 1) + LETTERS[match[1].lower()] + shift
    return None


def estimate_note(audio: np.ndarray) -> float | None:
    """Estimate the pitch of a single note as a fractional MIDI number, by autocorrelation; None if it has no clear pitch.

    Args:
        audio: `(channels, samples)` at 44.1 kHz.
    """
    mono = audio.mean(axis=0)
    start = min(int(0.06 * SAMPLE_RATE), len(mono) // 4)
    piece = mono[start : start + 16384] - mono[start : start + 16384].mean()
    if len(piece) < 4096:
        return None
    size = 2 * len(piece)
    correlation = np.fft.irfft(np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)) ** 2)[: len(piece) // 2]
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(len(piece)), size)) ** 2)[: len(piece) // 2]
    correlation = correlation / (correlation[0] + 1e-12) / (taper / taper[0])
    low, high = int(SAMPLE_RATE / 1800), min(int(SAMPLE_RATE / 27), len(correlation) - 2)
    below = np.flatnonzero(correlation[:high] < 0)
    low = max(low, int(below[0]) if len(below) else high)
    if low >= high - 2:
        return None
    best = correlation[low:high].max()
    if best < 0.8:
        return None
    rising = np.flatnonzero(
        (correlation[low + 1 : high - 1] > 0.9 * best)
        & (correlation[low + 1 : high - 1] >= correlation[low : high - 2])
        & (correlation[low + 1 : high - 1] >= correlation[low + 2 : high])
    )
    if not len(rising):
        return None
    lag = low + 1 + int(rising[0])  # the first of the high peaks: the others are its multiples
    left, middle, right = correlation[lag - 1 : lag + 2]
    lag += 0.5 * (left - right) / (left - 2 * middle + right - 1e-12)
    return 69 + 12 * np.log2(SAMPLE_RATE / lag / 440)


def trim(audio: np.ndarray) -> np.ndarray:
    """Cut silence before the attack and after the decay, remove DC, scale the peak to 1; `(channels, samples)`.

    The attack starts at most 1.5 ms in, so that a hit placed at a time sounds at that time.
    """
    audio = audio - audio.mean(axis=1, keepdims=True)
    level = np.abs(audio).max(axis=0)
    peak = level.max(initial=0.0)
    if peak < 1e-5:
        return np.zeros((len(audio), 1), np.float32)
    start = max(int(np.argmax(level > 0.03 * peak)) - 64, 0)
    stop = len(level) - int(np.argmax(level[::-1] > 0.0015 * peak))
    piece = (audio[:, start:stop] / peak).astype(np.float32)
    fade_in, fade_out = min(48, piece.shape[1]), min(400, piece.shape[1])
    piece[:, :fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    piece[:, -fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return piece


class Material:
    """The index of a material folder, and a bounded cache of decoded samples.

    Args:
        folder: the folder that holds manifest.csv.
        samples: what may be used.
    """

    def __init__(self, folder: Path, samples: list[Sample]) -> None:
        self.folder = folder
        self.samples = tuple(samples)
        self._by_role: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        for sample in self.samples:
            self._by_role[sample.role][sample.folder].append(sample)
        self._cache: OrderedDict[str, np.ndarray] = OrderedDict()
        self._cached_bytes = 0
        self._pitches: dict[str, float | None] = {}

    @classmethod
    def load(cls, folder: Path, *, grade_b: bool = False) -> "Material":
        """Read manifest.csv.

        Args:
            folder: holds manifest.csv with at least the columns path, role, licence, licence_confidence (A or B).
            grade_b: also use rows of licence confidence B, whose licence rests on a collector's word.
        Raises: DataError if the manifest or a file that it lists is missing, or nothing can be used.
        """
        manifest = Path(folder) / "manifest.csv"
        if not manifest.is_file():
            raise DataError(
                f"{folder}: no manifest.csv in it; give --material a folder that holds one (path, role, licence, ...)"
            )
        samples = []
        with manifest.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{manifest}: column {', '.join(missing)} is missing; it must have {', '.join(COLUMNS)}")
            for line, row in enumerate(reader, 2):
                if not row["role"].startswith(AUDIO_ROLES) or (row["licence_confidence"] != "A" and not grade_b):
                    continue
                # "amen": that break was sampled from a record (The Winstons, 1969); no uploader can give it away
                if "amen" in re.split(r"[^a-z]+", row["path"].lower()):
                    continue
                if not (Path(folder) / row["path"]).is_file():
                    raise DataError(
                        f"{manifest}, line {line}: {row['path']} does not exist; remove the row or restore the file"
                    )
                samples.append(
                    Sample(
                        path=row["path"],
                        role=row["role"],
                        folder=Path(row["path"]).parent.name,
                        licence=row["licence"],
                        attribution=row.get("attribution") or "",
                    )
                )
        if not samples:
            raise DataError(
                f"{manifest}: no row can be used (roles drums/..., bass, other/..., vocals/...; grade A, or B with --grade-b)"
            )
        return cls(Path(folder), sorted(samples, key=lambda sample: sample.path))

    def folders(self, role: str) -> dict[str, list[Sample]]:
        """Return the samples of a role ("drums/kick", "bass", "other/piano") by kit or instrument, sorted; empty if none."""
        return {folder: self._by_role[role][folder] for folder in sorted(self._by_role[role])} if role in self._by_role else {}

    def pitch(self, sample: Sample) -> float | None:
        """Return the MIDI note of a sample, from its name, else estimated (fractional); None if it has no clear pitch."""
        if sample.path not in self._pitches:
            named = note_number(sample.name)
            self._pitches[sample.path] = float(named) if named is not None else estimate_note(self.audio(sample))
        return self._pitches[sample.path]

    def audio(self, sample: Sample) -> np.ndarray:
        """Return a sample decoded and trimmed, float32 `(channels, samples)`, 44.1 kHz, peak 1. Do not write into it.

        Raises: AudioError if the file cannot be decoded.
        """
        if (audio := self._cache.get(sample.path)) is not None:
            self._cache.move_to_end(sample.path)
            return audio
        path = self.folder / sample.path
        try:
            data, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            raise AudioError(
                f"{path}: cannot be decoded ({error}); remove its row from manifest.csv or restore the file"
            ) from None
        if not np.isfinite(data).all():
            raise AudioError(f"{path}: holds samples that are not numbers; remove its row from manifest.csv")
        data = data[:, :2]
        if rate != SAMPLE_RATE:
            data = soxr.resample(data, rate, SAMPLE_RATE)
        audio = trim(np.ascontiguousarray(data.T)) if len(data) else np.zeros((1, 1), np.float32)
        self._cache[sample.path] = audio
        self._cached_bytes += audio.nbytes
        while self._cached_bytes > CACHE_BYTES:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.nbytes
        return audio
