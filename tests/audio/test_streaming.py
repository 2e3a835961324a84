import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from tfsep.audio import Audio, StemFileWriter, open_audio, open_writer


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
@pytest.mark.parametrize("block_samples", [1, 999, 1000, 4096, 9999, 1 << 16])
def test_blocks_have_the_asked_length_and_the_same_content(tmp_path, tones, suffix, block_samples):
    Audio(tones(10_000 if block_samples > 1 else 300), 44_100).write(tmp_path / f"song{suffix}")
    whole = Audio.read(tmp_path / f"song{suffix}").samples
    with open_audio(tmp_path / f"song{suffix}") as reader:
        blocks = list(reader.blocks(block_samples))
    assert all(len(block) == block_samples for block in blocks[:-1])
    assert 0 < len(blocks[-1]) <= block_samples
    assert all(block.dtype == np.float32 and block.flags.owndata for block in blocks)
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_each_pass_starts_at_the_beginning(tmp_path, tones):
    Audio(tones(10_000), 44_100).write(tmp_path / "song.flac")
    with open_audio(tmp_path / "song.flac") as reader:
        first = next(reader.blocks(100))
        np.testing.assert_array_equal(next(reader.blocks(100)), first)
        assert sum(map(len, reader.blocks(3000))) == 10_000
        with pytest.raises(ValueError, match="block_samples=0"):
            reader.blocks(0)
    with pytest.raises(ValueError, match="closed"):
        reader.blocks()


def peak_bytes(action):
    tracemalloc.start()
    action()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".stem.mp4"])
def test_memory_does_not_grow_with_the_length(tmp_path, suffix):
    block = np.zeros((1 << 14, 2), np.float32)
    block[::100] = 0.25

    def copy(blocks: int) -> None:
        path = tmp_path / f"song{blocks}{suffix}"
        if suffix == ".stem.mp4":
            with StemFileWriter(path, sample_rate_hz=44_100, codec="alac") as writer:
                for _ in range(blocks):
                    writer.write(block, [block] * 4)
        else:
            with open_writer(path, sample_rate_hz=44_100, channels=2) as writer:
                for _ in range(blocks):
                    writer.write(block)
        with open_audio(path, stream=0) as reader:
            assert sum(map(len, reader.blocks(1 << 14))) == blocks << 14

    copy(1)  # what is imported and cached for good
    short, long = (peak_bytes(lambda blocks=blocks: copy(blocks)) for blocks in (4, 40))
    assert long < short + 500_000  # 36 more blocks are 4.7 MB


def test_importing_brings_in_no_codec():
    code = "import sys, tfsep.audio; print([m for m in ('av', 'soundfile', 'soxr', 'tensorflow', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
