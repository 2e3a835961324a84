"""A deck as it plays in the mash-up: from its bar on, at the tempo and in the key that are wanted."""

from collections.abc import Iterator

import numpy as np

from tfsep.audio import Resampler
from tfsep.creative.mashup.deck import Deck
from tfsep.creative.mashup.features import FRAMES_PER_S, LANES
from tfsep.creative.mashup.piecewise import PiecewiseLinear
from tfsep.creative.mashup.stretch import Stretcher, Transient

_BLOCK = 1 << 15
_PEAK_FRAMES = 4  # an onset is the strongest within so many frames either way


class Playback:
    """The stems of a deck, block by block.

    Args:
        deck: what is played.
        sample_rate_hz: of its stems and of the output.
        beats_s: the deck's beats, `(n,)`.
        output_s: where they are to be in the output, `(n,)`; None plays the deck as it is, from the first beat on.
        semitones: by which it is shifted; 0 unless `output_s` is given.
        samples: length of the output.
    """

    def __init__(
        self,
        deck: Deck,
        sample_rate_hz: int,
        beats_s: np.ndarray,
        output_s: np.ndarray | None,
        semitones: int,
        samples: int,
    ):
        self._shape = deck.store.stems, deck.store.channels
        self._held = np.zeros((0, *self._shape), np.float32)
        if output_s is None:
            first = round(float(beats_s[0]) * sample_rate_hz)
            sizes = [min(_BLOCK, samples - at) for at in range(0, samples, _BLOCK)]
            self._blocks = (deck.store.read(first + index * _BLOCK, size) for index, size in enumerate(sizes))
        else:
            # a higher pitch at the same tempo: stretched to more samples, which are then played faster
            faster_hz = round(sample_rate_hz * 2 ** (semitones / 12))
            to_source = PiecewiseLinear(output_s * faster_hz, beats_s * sample_rate_hz)
            stretcher = Stretcher(deck.store, sample_rate_hz, to_source, find_transients(deck, sample_rate_hz))
            count = -(-samples * faster_hz // sample_rate_hz)
            self._blocks = self._resampled(stretcher.blocks(0, count), faster_hz, sample_rate_hz)

    def take(self, count: int) -> np.ndarray:
        """Return the next `count` samples, float32 `(count, stems, channels)`; silence after the end."""
        while len(self._held) < count:
            block = next(self._blocks, None)
            if block is None:
                block = np.zeros((count - len(self._held), *self._shape), np.float32)
            self._held = np.concatenate([self._held, block])
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _resampled(self, blocks: Iterator[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
        resampler = Resampler(from_hz, to_hz, self._shape[0] * self._shape[1])
        for block in blocks:
            yield resampler.process(block.reshape(len(block), -1)).reshape(-1, *self._shape)
        yield resampler.flush().reshape(-1, *self._shape)


def find_transients(deck: Deck, sample_rate_hz: int) -> list[Transient]:
    """Return the onsets of what a deck plays: peaks of onset strength above its mean by more than its deviation."""
    half = LANES // 2
    lanes = ([slice(0, half)] if "drums" in deck.store.names else []) + (
        [slice(half, LANES)] if set(deck.store.names) - {"drums"} else []
    )
    strength = sum(deck.features.onsets[:, part].mean(axis=1) for part in lanes)
    padded = np.pad(strength, _PEAK_FRAMES, mode="constant")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * _PEAK_FRAMES + 1).max(axis=1)
    peaks = np.flatnonzero((strength == highest) & (strength > strength.mean() + strength.std()))
    return [Transient(peak / FRAMES_PER_S * sample_rate_hz, float(strength[peak])) for peak in peaks]
