"""Sound in blocks of any length against the same sound as a whole."""

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract_live import LiveContract
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.separation.live import LiveSeparator
from tfsep.separation.live_runtime import LiveRuntime
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

STEMS = ("drums", "bass", "other")
SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=32, synthesis_samples=64, frames=1)


def runtime(block_frames: int = 1, channels: int = 2) -> LiveRuntime:
    """Return a model whose masks depend on the features and on a running mean of all that came before."""
    shape = (1, 1, SPEC.model_bins, channels)
    spec = SpectrogramSpec(**SPEC.to_json() | {"channels": channels, "frames": block_frames})
    contract = LiveContract(spec=spec, stems=STEMS, states=(("mean", shape),))

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        mean, means = inputs["mean"], []
        for frame in range(block_frames):
            mean = 0.9 * mean + 0.1 * inputs["features"][:, frame : frame + 1]
            means.append(mean)
        past = np.concatenate(means, axis=1)
        weights = [1 + inputs["features"], 1 + past, np.ones_like(past)]
        masks = {stem: (weight / sum(weights)).astype(np.float32) for stem, weight in zip(STEMS, weights, strict=True)}
        return masks | {"next_mean": mean.astype(np.float32)}

    return LiveRuntime(contract, run)


def sound(samples: int = 10_007, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(samples).uniform(-0.5, 0.5, (samples, channels)).astype(np.float32)


def live(separator: LiveSeparator, song: np.ndarray, block: int) -> dict[str, np.ndarray]:
    """Return all that comes out, as long as the song and the delay together."""
    parts = [separator.process(song[start : start + block]) for start in range(0, len(song), block)]
    assert [len(part["drums"]) for part in parts[:-1]] == [block] * (len(parts) - 1)
    parts.append(separator.flush())
    return {stem: np.concatenate([part[stem] for part in parts]) for stem in STEMS}


def distance_db(found: np.ndarray, wanted: np.ndarray) -> float:
    error = np.sum((found.astype(np.float64) - wanted) ** 2)
    return 10 * np.log10(max(error, 1e-30) / np.sum(wanted.astype(np.float64) ** 2))


@pytest.mark.parametrize("block", [1, 7, 32, 1000, 10_007])
@pytest.mark.parametrize("block_frames", [1, 3])
def test_every_block_size_gives_the_whole_song_later(block, block_frames):
    model, song = runtime(block_frames), sound()
    separator = LiveSeparator(model)
    assert separator.latency_samples == 63 + 32 * (block_frames - 1)
    whole = Separator(model).separate(Audio(song, 8000))
    for stem, samples in live(separator, song, block).items():
        assert samples.dtype == np.float32
        assert len(samples) == len(song) + separator.latency_samples
        assert not samples[: separator.latency_samples].any()
        assert distance_db(samples[separator.latency_samples :], whole[stem].samples) < -120


def test_chunks_of_the_whole_song_have_no_seams():
    """257 frames and more are several chunks; one long chunk gives the same."""
    model, song = runtime(), sound(20_000)
    long = LiveRuntime(model.contract.in_blocks(700), runtime(700)._run)
    for stem, expected in Separator(long).separate(Audio(song, 8000)).items():
        assert distance_db(Separator(model).separate(Audio(song, 8000))[stem].samples, expected.samples) < -110


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("model_channels", [1, 2])
def test_the_stems_sum_to_the_mixture(channels, model_channels):
    separator, song = LiveSeparator(runtime(channels=model_channels), channels=channels), sound(channels=channels)
    total = sum(live(separator, song, 50).values())
    np.testing.assert_allclose(total[separator.latency_samples :], song, atol=1e-6)


def test_after_a_reset_or_the_end_another_song_begins():
    separator, song = LiveSeparator(runtime()), sound(2000)
    first = live(separator, song, 100)
    separator.process(sound(777))
    separator.reset()
    for again in (live(separator, song, 100), live(separator, song, 100)):
        for stem in STEMS:
            np.testing.assert_array_equal(again[stem], first[stem])


def test_results_are_not_overwritten():
    separator, song = LiveSeparator(runtime()), sound(400)
    first = separator.process(song[:200])
    kept = {stem: samples.copy() for stem, samples in first.items()}
    separator.process(song[200:])
    for stem, samples in first.items():
        np.testing.assert_array_equal(samples, kept[stem])


def test_no_block_is_no_sound():
    assert LiveSeparator(runtime()).process(np.zeros((0, 2), np.float32))["drums"].shape == (0, 2)


def test_bad_sound_is_refused_and_changes_nothing():
    separator, song = LiveSeparator(runtime()), sound(300)
    expected = live(separator, song, 300)
    bad = song.copy()
    bad[250] = np.nan
    with pytest.raises(AudioError, match="NaN or infinite"):
        separator.process(bad)
    with pytest.raises(ValueError, match=r"shape \(5, 1\): use \(samples, 2\)"):
        separator.process(np.zeros((5, 1), np.float32))
    np.testing.assert_array_equal(live(separator, song, 300)["bass"], expected["bass"])


def test_masks_that_are_not_finite_are_an_error():
    model = runtime()
    broken = LiveRuntime(model.contract, lambda inputs: {name: x * np.nan for name, x in model._run(inputs).items()})
    with pytest.raises(ModelError, match="not finite"):
        LiveSeparator(broken).process(sound(100))


def test_other_channels_are_refused():
    with pytest.raises(UsageError, match="channels=3"):
        LiveSeparator(runtime(), channels=3)


def test_a_stream_takes_whole_blocks():
    with pytest.raises(ValueError, match="4 frames: use a multiple of the 3 of a block"):
        runtime(3).predict(np.zeros((4, 128, 2), np.float32))


def test_files_of_other_kinds_are_refused(model, tmp_path):
    with pytest.raises(ModelError, match="is of kind spectrogram, which has to see ahead"):
        LiveSeparator.load(model)
    with pytest.raises(ModelError, match="no trained model there"):
        LiveSeparator.load(tmp_path)
