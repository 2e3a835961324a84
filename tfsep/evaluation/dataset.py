"""Songs with their stems on disk: `SONG/{mixture,drums,bass,other,vocals}.{wav,flac,ogg,...}`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfsep.audio import READABLE_SUFFIXES, AudioReader, open_audio
from tfsep.errors import DataError, UsageError

STEMS = ("drums", "bass", "other", "vocals")
MIXTURE = "mixture"
BLOCK_SAMPLES = 1 << 16
CONTAINED_DB = -30.0  # of what the stems lack of their mixture, relative to it, up to which they are taken to be complete


@dataclass(frozen=True, kw_only=True)
class Song:
    """A folder with one file a stem. `mixture` is None where the stems' sum stands for it; `genre` and `hits_s` are song.json's.

    `hits_s` are the times of the drum hits, None where they are not known.
    """

    folder: Path
    stems: dict[str, Path]  # in the order of STEMS
    mixture: Path | None = None
    genre: str | None = None
    hits_s: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def missing(self) -> tuple[str, ...]:
        """The stems that have no file."""
        return tuple(stem for stem in STEMS if stem not in self.stems)


def find_songs(folders: Sequence[Path], *, limit: int | None = None) -> list[Path]:
    """List the song folders in `folders`, each of which is a song itself or holds songs; sorted by name within each.

    Args:
        limit: keep this many, spread evenly over the list.
    Raises: DataError for a folder that is missing or holds no song, UsageError for a `limit` below 1.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--songs {limit}: use 1 or more")
    songs: list[Path] = []
    for folder in folders:
        songs += _songs_in(folder)
    songs = list({song.resolve(): song for song in songs}.values())  # a folder given twice counts once
    if limit is not None and limit < len(songs):
        songs = [songs[(2 * index + 1) * len(songs) // (2 * limit)] for index in range(limit)]
    return songs


def _songs_in(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise DataError(f"{folder}: there is no such folder: check the name") from None
    except NotADirectoryError:
        raise DataError(f"{folder}: is a file: name the folder of a song, or the one that holds the songs") from None
    except PermissionError:
        raise DataError(f"{folder}: no permission to read it: change its permissions or copy it") from None
    if _stem_files(folder):
        return [folder]
    songs = [entry for entry in entries if entry.is_dir() and not entry.name.startswith(".") and _stem_files(entry)]
    if not songs:
        raise DataError(
            f"{folder}: holds no song: a song is a folder with files such as drums.wav, bass.flac, other.ogg, vocals.wav "
            "and, if it likes, mixture.wav"
        )
    return songs


def _stem_files(folder: Path) -> list[Path]:
    return [path for path in _audio_files(folder) if path.stem in STEMS]


def _audio_files(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir())
    except PermissionError:
        return []
    return [path for path in paths if path.suffix.lower() in READABLE_SUFFIXES and not path.name.startswith(".")]


def read_song(folder: Path) -> Song:
    """Return what a song folder holds.

    Raises: DataError if a stem has two files, or if there is neither a second stem nor a mixture.
    """
    found: dict[str, Path] = {}
    notes = []
    for path in _audio_files(folder):
        if path.stem not in (*STEMS, MIXTURE):
            notes.append(f"{path.name} is not scored: its name is none of {MIXTURE}, {', '.join(STEMS)}")
        elif path.stem in found:
            raise DataError(f"{folder}: has both {found[path.stem].name} and {path.name}: remove one")
        else:
            found[path.stem] = path
    stems = {stem: found[stem] for stem in STEMS if stem in found}
    if len(stems) < 2 and MIXTURE not in found:
        names = ", ".join(path.name for path in stems.values()) or "no stem"
        raise DataError(f"{folder}: has {names} and no mixture: add the mixture or the other stems")
    record, note = _record(folder / "song.json")
    genre = record.get("genre")
    return Song(
        folder=folder,
        stems=stems,
        mixture=found.get(MIXTURE),
        genre=genre if isinstance(genre, str) and genre else None,
        hits_s=_hits_s(record.get("hits")),
        notes=(*notes, *note),
    )


def _record(path: Path) -> tuple[dict, list[str]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError) as error:
        return {}, [f"song.json cannot be read, the genre is unknown ({error})"]
    return (record if isinstance(record, dict) else {}), []


def _hits_s(hits: object) -> tuple[float, ...] | None:
    """Return the times of `tfsep render`'s hits; None for anything else."""
    if not isinstance(hits, list) or not all(
        isinstance(hit, dict) and isinstance(hit.get("time_s"), int | float) for hit in hits
    ):
        return None
    return tuple(float(hit["time_s"]) for hit in hits)


class SongAudio:
    """The files of a song, read side by side; a context manager.

    A mono file beside stereo ones is heard on both channels.

    Raises: AudioError for a file that cannot be read, DataError if the sample rates differ.
    """

    def __init__(self, song: Song) -> None:
        self.song = song
        self._files = song.stems | ({MIXTURE: song.mixture} if song.mixture else {})
        self._stack = ExitStack()
        self._readers: dict[str, AudioReader] = {}
        try:
            for name, path in self._files.items():
                self._readers[name] = self._stack.enter_context(open_audio(path))
            self._check_rates()
        except BaseException:
            self._stack.close()
            raise
        infos = [reader.info for reader in self._readers.values()]
        self.sample_rate_hz = infos[0].sample_rate_hz
        self.channels = max(info.channels for info in infos)
        self.samples_expected = infos[0].frames  # None where the file does not say

    def __enter__(self) -> "SongAudio":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was wrong with the files, but not fatal; complete after all blocks were read."""
        return tuple(warning for reader in self._readers.values() for warning in reader.warnings)

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield blocks of the mixture and of each stem, float32 `(block_samples, channels)`, the last ones shorter.

        Raises: AudioError for a file that cannot be read on, DataError if the files turn out to differ in length.
        """
        streams = {name: reader.blocks(block_samples) for name, reader in self._readers.items()}
        samples = 0
        while True:
            blocks = {name: next(stream, None) for name, stream in streams.items()}
            lengths = {name: 0 if block is None else len(block) for name, block in blocks.items()}
            if len(set(lengths.values())) > 1:
                rest = {name: lengths[name] + sum(len(block) for block in stream) for name, stream in streams.items()}
                self._complain("lengths", {name: f"{samples + count:,} samples" for name, count in rest.items()}, "cut or pad")
            if not any(lengths.values()):
                return
            samples += next(iter(lengths.values()))
            stems = {name: self._on_all_channels(block) for name, block in blocks.items()}
            mixture = stems.pop(MIXTURE) if MIXTURE in stems else sum(stems.values())
            yield mixture, stems

    def _on_all_channels(self, block: np.ndarray) -> np.ndarray:
        return block if block.shape[1] == self.channels else np.repeat(block, self.channels, axis=1)

    def _check_rates(self) -> None:
        rates = {name: reader.info.sample_rate_hz for name, reader in self._readers.items()}
        if len(set(rates.values())) > 1:
            self._complain("sample rates", {name: f"{rate} Hz" for name, rate in rates.items()}, "resample")

    def _complain(self, what: str, values: dict[str, str], how: str) -> None:
        listed = ", ".join(f"{self._files[name].name} {value}" for name, value in values.items())
        raise DataError(f"{self.song.folder}: the files have different {what} ({listed}): {how} them to the same")


@dataclass(kw_only=True)
class SongSums:
    """Length of a song and all products of its signals, summed: what the scores of the mixture follow from.

    `products` is float64 `(stems + 1, stems + 1)`, the mixture last.
    """

    samples: int = 0
    channels: int = 0
    sample_rate_hz: int = 0
    warnings: tuple[str, ...] = ()
    products: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def residual_db(self) -> float:
        """Level of what the stems' sum lacks of the mixture, relative to the mixture; -120 at least."""
        signs = np.r_[np.ones(len(self.products) - 1), -1.0]
        mixture = self.products[-1, -1]
        return 10 * float(np.log10(max(float(signs @ self.products @ signs) / mixture, 1e-12))) if mixture > 0 else -120.0

    @property
    def complete(self) -> bool:
        """Whether the stems that are there make up the mixture, so that what has no file of its own lies in one of them."""
        return self.residual_db <= CONTAINED_DB


def sum_song(song: Song) -> SongSums:
    """Read a song once, checking it throughout. Raises: AudioError, DataError as `SongAudio`."""
    with SongAudio(song) as audio:
        count = len(song.stems) + 1
        sums = SongSums(channels=audio.channels, sample_rate_hz=audio.sample_rate_hz, products=np.zeros((count, count)))
        for mixture, stems in audio.blocks():
            signals = np.stack([*stems.values(), mixture]).reshape(count, -1).astype(np.float64)
            sums.products += signals @ signals.T
            sums.samples += len(mixture)
        sums.warnings = audio.warnings
    return sums
