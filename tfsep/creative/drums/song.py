"""The hits of a whole song, from its mixture or from its drum stem."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import AudioReader, open_audio
from tfsep.creative.drums.hits import Hit, in_order
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.errors import ModelError
from tfsep.separation.separator import Separator

Progress = Callable[[float], None]  # how much of the song has been heard, 0 to 1
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
