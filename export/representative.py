"""Chunks of real songs as a generator sees them, from which integer activations get their ranges."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfsep.audio import open_audio
from tfsep.contract import ModelContract
from tfsep.errors import UsageError
from tfsep.separation.pipeline import Analysis

CHUNKS_A_SONG = 4


def representative_chunks(contract: ModelContract, songs: Sequence[Path]) -> list[np.ndarray]:
    """Return up to four chunks of each song, spread evenly over it: float32 of the input's shape, batch axis included.

    Raises: UsageError for no songs, AudioError for one that cannot be read.
    """
    if not songs:
        raise UsageError("--representative: name songs like those that will be separated, integer activations need them")
    chunks = []
    for song in songs:
        with open_audio(song) as reader:
            analysis = Analysis(contract, reader.info.sample_rate_hz, reader.info.channels)
            found = [analysis.features(chunk) for block in reader.blocks() for chunk in analysis.push(block)]
            found += [analysis.features(chunk) for chunk in analysis.finish()]
        count = min(CHUNKS_A_SONG, len(found))
        chunks += [found[(2 * index + 1) * len(found) // (2 * count)][np.newaxis] for index in range(count)]
    return chunks
