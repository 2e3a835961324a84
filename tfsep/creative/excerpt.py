"""A few seconds of a file: the loudest ones, or those asked for."""

from pathlib import Path

import numpy as np

from tfsep.audio import AudioReader, open_audio


def loudest_start_s(path: Path, seconds: float) -> float:
    """Return where the `seconds` of the file with the most energy begin, in steps of a second; 0 for a shorter file.

    Raises: AudioError if it cannot be read.
    """
    energies, rest = [], 0.0
    with open_audio(path) as reader:
        rate_hz, filled = reader.info.sample_rate_hz, 0
        for block in reader.blocks():
            powers = np.square(block, dtype=np.float64).sum(axis=1)
            while filled + len(powers) >= rate_hz:
                cut = rate_hz - filled
                energies.append(rest + powers[:cut].sum())
                powers, rest, filled = powers[cut:], 0.0, 0
            rest, filled = rest + powers.sum(), filled + len(powers)
    length = round(seconds)
    if len(energies) <= length:
        return 0.0
    sums = np.convolve(energies, np.ones(length), mode="valid")
    return float(sums.argmax())


def read_excerpt(path: Path, start_s: float, seconds: float) -> tuple[np.ndarray, int]:
    """Return what is there of an excerpt, float32 `(samples, channels)`, and the sample rate in hertz.

    Raises: AudioError if the file cannot be read.
    """
    with open_audio(path) as reader:
        rate_hz = reader.info.sample_rate_hz
        return cut(reader, round(start_s * rate_hz), round((start_s + seconds) * rate_hz)), rate_hz


def cut(reader: AudioReader, first: int, last: int) -> np.ndarray:
    """Return samples `first` to `last` of a file, float32 `(samples, channels)`, without holding what comes before."""
    pieces, at = [np.zeros((0, reader.info.channels), np.float32)], 0
    for block in reader.blocks():
        pieces.append(block[max(0, first - at) : max(0, last - at)])
        at += len(block)
        if at >= last:
            break
    return np.concatenate(pieces)
