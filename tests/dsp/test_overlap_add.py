import numpy as np
import pytest

from tfsep.dsp.overlap_add import ChunkCutter, CrossFader, fade_in


def run(frames: np.ndarray, chunk: int, overlap: int, groups: list[int], change=lambda chunk, index: chunk) -> np.ndarray:
    cutter, fader = ChunkCutter(chunk, overlap), CrossFader(overlap)
    chunks = [piece.copy() for group in np.split(frames, groups) for piece in cutter.push(group)]
    chunks += [piece.copy() for piece in cutter.finish()]
    assert all(len(piece) == chunk for piece in chunks[:-1])
    out = [fader.push(change(piece, index)) for index, piece in enumerate(chunks)]
    return np.concatenate([*out, fader.finish()])


@pytest.mark.parametrize("frames", [1, 3, 8, 9, 10, 13, 14, 15, 50])
@pytest.mark.parametrize(("chunk", "overlap"), [(8, 0), (8, 2), (8, 4), (9, 3), (1, 0)])
def test_untouched_chunks_give_the_frames_back(frames, chunk, overlap):
    values = np.random.default_rng(0).random((frames, 3)).astype(np.float32)
    rng = np.random.default_rng(1)
    first = run(values, chunk, overlap, [])
    np.testing.assert_allclose(first, values, rtol=1e-6)
    for _ in range(5):
        groups = sorted(rng.integers(0, frames + 1, 4))
        np.testing.assert_array_equal(run(values, chunk, overlap, groups), first)


def test_chunks_that_disagree_are_faded_without_a_step():
    """Chunks of 0, 1, 0, 1 ...: between neighbours the value moves by no more than the ramp's steepest step."""
    result = run(np.zeros((200, 1), np.float32), 40, 16, [], lambda chunk, index: chunk + index % 2)[:, 0]
    assert len(result) == 200
    assert result.min() == pytest.approx(0)
    assert result.max() == pytest.approx(1)
    assert np.abs(np.diff(result)).max() < np.pi / 2 / 16 + 1e-6


@pytest.mark.parametrize("frames", [1, 2, 7, 32])
def test_ramps_sum_to_one(frames):
    ramp = fade_in(frames)
    np.testing.assert_allclose(ramp + ramp[::-1], 1, atol=1e-6)
    assert (np.diff(ramp) > 0).all()
    assert ramp[0] > 0
    assert ramp[-1] < 1


def test_no_frames_no_chunk():
    cutter = ChunkCutter(8, 2)
    assert [*cutter.push(np.zeros((0, 3))), *cutter.finish()] == []
    with pytest.raises(ValueError, match="there was no chunk"):
        CrossFader(2).finish()


def test_wrong_overlap():
    with pytest.raises(ValueError, match="overlap_frames=5: use 0 to 4"):
        ChunkCutter(8, 5)
