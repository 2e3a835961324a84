"""The hits of a whole song, from its mixture or from its drum stem, and the files that keep them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import AudioReader, open_audio
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.creative.drums.hits import Hit, in_order
from tfsep.creative.drums.midi import check_midi, midi_bytes
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.errors import ModelError, UsageError
from tfsep.separation.separator import Separator

Progress = Callable[[float], None]  # how much of the song has been heard, 0 to 1
HITS_FILE = "hits.json"
MIDI_FILE = "drums.mid"
DRUMS = "drums"


@dataclass(frozen=True)
class SongHits:
    """What was found in a song: its hits in order, its length, and what is odd about the file, a line each."""

    song: Path
    hits: tuple[Hit, ...]
    duration_s: float
    notes: tuple[str, ...]


def find_hits(
    song: str | Path,
    *,
    transcriber: DrumTranscriber,
    separator: Separator | None,
    progress: Progress = lambda share: None,
    on_drums: Callable[[np.ndarray], None] = lambda block: None,
) -> SongHits:
    """Find the drum hits of a song, in memory that does not depend on its length but for the hits.

    Args:
        separator: takes the drums out of the song; None if it is a drum stem already.
        on_drums: given each block of the drum stem, float32 `(samples, channels)`.
    Raises: AudioError for a file that cannot be read; ModelError for a separator without drums; as `Separator.stream`.
    """
    if separator is not None and DRUMS not in separator.stems:
        raise ModelError(
            f"model {separator.contract.name}: has the stems {', '.join(separator.stems)}: use one that takes drums out of songs"
        )
    if separator is not None:
        separator, _ = separator.for_song(song)
    hits: list[Hit] = []
    with open_audio(song) as reader:
        info = reader.info
        stream = transcriber.stream(info.sample_rate_hz)
        samples = 0
        for block in _drum_blocks(reader, separator, progress):
            samples += len(block)
            on_drums(block)
            hits += stream.push(block)
        hits += stream.finish()
        notes = tuple(reader.warnings)
    return SongHits(Path(song), tuple(in_order(hits)), samples / info.sample_rate_hz, notes)


def _drum_blocks(reader: AudioReader, separator: Separator | None, progress: Progress) -> Iterator[np.ndarray]:
    """Yield the drum stem of a song, float32 `(samples, channels)`."""
    info = reader.info

    def blocks() -> Iterator[np.ndarray]:
        done = 0
        for block in reader.blocks():
            yield block
            done += len(block)
            progress(min(1.0, done / info.frames) if info.frames else 0.0)

    if separator is None:
        yield from blocks()
        return
    for separated in separator.stream(blocks(), sample_rate_hz=info.sample_rate_hz, channels=info.channels, stems=[DRUMS]):
        yield separated.stems[DRUMS]


class HitFiles:
    """The files of a song's hits, in a folder of the song's name: `hits.json` and, if asked for, `drums.mid`.

    Args:
        out: the folder in which the song's own is made.
        song: for the name.
        midi: whether a MIDI file is written.
        overwrite: replace files that are there already.

    Raises: UsageError if a file is there and must not be replaced; MissingExtraError for a MIDI file without mido. Nothing is
        written yet.
    """

    def __init__(self, out: Path, song: Path, *, midi: bool, overwrite: bool):
        self.folder = out / song.stem
        self.paths = [self.folder / name for name in (HITS_FILE, *([MIDI_FILE] if midi else []))]
        if midi:
            check_midi()
        for path in self.paths:
            if path.exists() and not overwrite:
                raise UsageError(f"{path}: is there already: use --overwrite, or choose another --out")

    def write(self, found: SongHits, *, models: Sequence[str]) -> None:
        """Write the files; all of them appear, or none does. Raises: AudioError if they cannot be written.

        Args:
            models: the names of those that were used, for the record.
        """
        contents = [hits_json(found, models), *([midi_bytes(found.hits)] if len(self.paths) > 1 else [])]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.paths[0], error) from None
        with ExitStack() as stack:  # none takes its name before all are written
            for path, content in zip(self.paths, contents, strict=True):
                target = stack.enter_context(AtomicFile(path))
                try:
                    target.file.write(content)
                    target.file.flush()
                except OSError as error:  # a full disk
                    raise write_error(path, error) from None


def hits_json(found: SongHits, models: Sequence[str]) -> bytes:
    """Return hits as JSON: the song's name and length, the models, and a list of `time_s`, `drum` and `velocity`."""
    rows = [{"time_s": round(hit.time_s, 5), "drum": hit.drum, "velocity": round(hit.velocity, 3)} for hit in found.hits]
    listed = ",\n  ".join(json.dumps(row) for row in rows)
    about = {"song": found.song.name, "duration_s": round(found.duration_s, 3), "models": list(models)}
    head = json.dumps(about, indent=1)[:-2]
    body = f"[\n  {listed}\n ]" if rows else "[]"
    return f'{head},\n "hits": {body}\n}}\n'.encode()
