"""Cutting a stream of frames into overlapping chunks of fixed length, and cross-fading what a model makes of them."""

from collections.abc import Iterator

import numpy as np


def fade_in(frames: int) -> np.ndarray:
    """Return a raised-cosine ramp, float32 `(frames,)`, between 0 and 1; it and its reverse sum to one."""
    ramp = np.sin(np.pi / 2 * (np.arange(frames) + 0.5) / max(1, frames)) ** 2
    return ramp.astype(np.float32)


class ChunkCutter:
    """Cuts frames that arrive in groups into chunks that overlap; the chunks are the same whatever the groups.

    Chunk `k` starts at frame `k * (chunk_frames - overlap_frames)`. All have `chunk_frames` frames but the last, which ends
    with the stream.

    Raises: ValueError unless `0 <= overlap_frames <= chunk_frames / 2`.
    """

    def __init__(self, chunk_frames: int, overlap_frames: int):
        if not 0 <= overlap_frames <= chunk_frames // 2:
            raise ValueError(f"overlap_frames={overlap_frames}: use 0 to {chunk_frames // 2}")
        self.chunk_frames, self.overlap_frames = chunk_frames, overlap_frames
        self._groups: list[np.ndarray] = []
        self._waiting = 0  # frames in the groups
        self._seen = 0  # of these, how many an earlier chunk held as well

    def push(self, frames: np.ndarray) -> Iterator[np.ndarray]:
        """Take `(frames, ...)`; yield the chunks that are full, each `(chunk_frames, ...)`."""
        if len(frames):
            self._groups.append(frames)
            self._waiting += len(frames)
        while self._waiting >= self.chunk_frames:
            frames = self._joined()
            step = self.chunk_frames - self.overlap_frames
            self._groups = [frames[step:]]
            self._waiting -= step
            self._seen = self.overlap_frames
            yield frames[: self.chunk_frames]

    def finish(self) -> Iterator[np.ndarray]:
        """Yield the last chunk, `(1 to chunk_frames - 1, ...)`, if frames are left that no chunk has held."""
        if self._waiting > self._seen:
            yield self._joined()
        self._groups, self._waiting, self._seen = [], 0, 0

    def _joined(self) -> np.ndarray:
        if len(self._groups) > 1:
            self._groups = [np.concatenate(self._groups)]
        return self._groups[0]


class CrossFader:
    """Joins the chunks of `ChunkCutter`, after a model has made something else of each, into one stream without seams.

    Over the frames that two chunks share, the first fades out while the second fades in; the two gains sum to one. Where the
    chunks agree, the result is what a single long chunk would give.
    """

    def __init__(self, overlap_frames: int):
        self.overlap_frames = overlap_frames
        self._fade = fade_in(overlap_frames)
        self._held: np.ndarray | None = None

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """Take the next chunk, float32 or complex64 `(frames, ...)`, which may be changed; return the frames that are final."""
        if self._held is not None:
            fade = self._fade.reshape(-1, *[1] * (chunk.ndim - 1))
            head = chunk[: self.overlap_frames]
            head -= self._held
            head *= fade
            head += self._held
        final = max(0, len(chunk) - self.overlap_frames)
        self._held = chunk[final:].copy()
        return chunk[:final]

    def finish(self) -> np.ndarray:
        """Return the frames after the last chunk's final ones; there must have been a chunk."""
        if self._held is None:
            raise ValueError("there was no chunk: push one first")
        held, self._held = self._held, None
        return held
