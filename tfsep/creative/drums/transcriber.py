"""Finding the hits in a drum stem as it arrives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.audio import Audio, Resampler, open_audio, to_mono
from tfsep.contract_drums import ONSETS, VELOCITIES, DrumContract
from tfsep.creative.drums.hits import Hit, in_order
from tfsep.creative.drums.rise import REACH_S, rise_s
from tfsep.dsp.drum_mel import DrumMel
from tfsep.dsp.overlap_add import ChunkCutter
from tfsep.dsp.peaks import pick_peaks, sigmoid, vertex
from tfsep.errors import AudioError
from tfsep.separation.networks import NetworkKind
from tfsep.separation.runtime import Runtime

TRANSCRIBER = NetworkKind("drums", DrumContract)
SOFTEST = 1 / 127  # the least velocity that MIDI has
BLOCK_S = 10.0  # of a longer block: spectra take far more memory than the sound


class DrumTranscriber:
    """Finds hits; made by `load`, or from a runtime of a file whose contract is a `DrumContract`."""

    def __init__(self, runtime: Runtime):
        self._runtime = runtime
        self.contract: DrumContract = runtime.contract

    @classmethod
    def load(cls, model: str | Path = TRANSCRIBER.name) -> Self:
        """Load a transcriber, see `NetworkKind.find`. Raises: as `NetworkKind.load`."""
        return cls(TRANSCRIBER.load(model))

    def stream(self, sample_rate_hz: int) -> "HitStream":
        """Return what finds the hits of a drum stem that arrives in blocks at this rate."""
        return HitStream(self._runtime, sample_rate_hz)

    def transcribe(self, source: str | Path | Audio) -> list[Hit]:
        """Return the hits of a drum stem, in order; none for silence.

        Args:
            source: a file, read in blocks, or sound.
        Raises: AudioError for a file that cannot be read, or samples that are NaN or infinite.
        """
        if isinstance(source, Audio):
            stream = self.stream(source.sample_rate_hz)
            hits = stream.push(source.samples)
        else:
            with open_audio(source) as reader:
                stream = self.stream(reader.info.sample_rate_hz)
                hits = [hit for block in reader.blocks() for hit in stream.push(block)]
        return in_order(hits + stream.finish())


class HitStream:
    """Hits of a stem as its blocks arrive, some seconds late; they do not depend on how it is cut into blocks.

    `push` each block, then `finish` once. Memory does not depend on the stem's length, nor on that of its blocks but for their sound.

    Args:
        runtime: of a file whose contract is a `DrumContract`.
        sample_rate_hz: of the blocks.
    """

    def __init__(self, runtime: Runtime, sample_rate_hz: int):
        self._runtime = runtime
        self._contract: DrumContract = runtime.contract
        contract, rate_hz = self._contract, self._contract.spec.sample_rate_hz
        self._most = round(BLOCK_S * sample_rate_hz)
        self._resampler = Resampler(sample_rate_hz, rate_hz, 1)
        self._mel = DrumMel(contract)
        self._cutter = ChunkCutter(contract.spec.frames, 2 * contract.context_frames)
        self._chunk: np.ndarray | None = None  # the newest, which may turn out to be the last
        self._chunks = 0  # processed
        classes = len(contract.classes)
        self._likely = self._hard = np.zeros((0, classes), np.float32)  # of frames from `_first` on
        self._first = self._next = 0  # the first frame that is held, and the first whose peaks are not yet picked
        self._sound, self._sound_start = np.zeros(0, np.float32), 0

    def push(self, block: np.ndarray) -> list[Hit]:
        """Take float32 `(samples, channels)`; return hits that are found by now, in order but for hits of other calls.

        Raises: AudioError for NaN or infinity.
        """
        if not np.isfinite(block).all():
            raise AudioError("the drum stem has samples that are NaN or infinite: repair it first")
        hits: list[Hit] = []
        for first in range(0, len(block), self._most):
            mono = to_mono(block[first : first + self._most])
            hits += self._take(self._resampler.process(mono))
        return in_order(hits)

    def finish(self) -> list[Hit]:
        """Return the hits that are left."""
        hits = list(self._take(self._resampler.flush()))
        for chunk in (*self._cutter.push(self._mel.finish()), *self._cutter.finish()):
            hits += self._follow(chunk)
        if self._chunk is not None:
            hits += self._process(self._chunk, last=True)
        return in_order(hits)

    def _take(self, samples: np.ndarray) -> Iterator[Hit]:
        self._sound = np.concatenate([self._sound, samples[:, 0]])
        for chunk in self._cutter.push(self._mel.push(samples)):
            yield from self._follow(chunk)

    def _follow(self, chunk: np.ndarray) -> list[Hit]:
        """Take the next chunk, and process the one before it."""
        before, self._chunk = self._chunk, chunk
        return [] if before is None else self._process(before, last=False)

    def _process(self, chunk: np.ndarray, *, last: bool) -> list[Hit]:
        contract = self._contract
        heard = np.zeros(contract.input_shape[1:], np.float32)
        heard[: len(chunk), :, 0] = chunk
        found = self._runtime.predict(heard)
        known = slice(contract.context_frames if self._chunks else 0, len(chunk) - (0 if last else contract.context_frames))
        self._chunks += 1
        self._likely = np.concatenate([self._likely, sigmoid(found[ONSETS][known])])
        self._hard = np.concatenate([self._hard, found[VELOCITIES][known]])
        end = self._first + len(self._likely) - (0 if last else contract.peak_frames)
        hits = list(self._hits(end))
        self._next = max(self._next, end)
        self._forget()
        return hits

    def _hits(self, end: int) -> Iterator[Hit]:
        """Yield the hits in frames from `_next` to `end`."""
        contract, likely = self._contract, self._likely
        peaks = pick_peaks(likely, contract.peak_frames) & (likely >= np.asarray(contract.thresholds, np.float32))
        peaks[: self._next - self._first] = False
        peaks[end - self._first :] = False
        beside = np.pad(likely, ((1, 1), (0, 0)))
        for frame, index in np.argwhere(peaks):
            offset = float(vertex(*beside[frame : frame + 3, index]))
            about_s = contract.frame_s(self._first + frame + offset)
            start_s = self._sound_start / self._rate_hz
            time_s = start_s + rise_s(self._sound, about_s - start_s, self._rate_hz)
            velocity = float(np.clip(self._hard[frame, index], SOFTEST, 1))
            yield Hit(max(0.0, time_s), contract.classes[index], velocity)

    def _forget(self) -> None:
        """Drop frames and sound that no later hit needs."""
        drop = max(0, self._next - self._contract.peak_frames - self._first)
        self._likely, self._hard, self._first = self._likely[drop:], self._hard[drop:], self._first + drop
        needed = max(0, int((self._contract.frame_s(self._first) - 2 * REACH_S) * self._rate_hz))
        if needed > self._sound_start:
            self._sound, self._sound_start = self._sound[needed - self._sound_start :], needed

    @property
    def _rate_hz(self) -> int:
        return self._contract.spec.sample_rate_hz
