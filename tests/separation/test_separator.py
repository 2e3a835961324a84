import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile

import tfsep
from tfsep.audio import Audio
from tfsep.dsp.stft import istft, stft
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.separation.separator import Separator


def joined(separator: Separator, blocks, *, rate=8000, channels=2, stems=None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    parts = list(separator.stream(blocks, sample_rate_hz=rate, channels=channels, stems=stems))
    mixture = np.concatenate([part.mixture for part in parts])
    return mixture, {stem: np.concatenate([part.stems[stem] for part in parts]) for stem in parts[0].stems}


def by_context(features):
    """Weights that depend on the whole chunk, as those of a real model do."""
    steps = np.arange(len(features))[:, None, None] / len(features)
    return np.stack([1 + k * (features + features.mean(axis=0, keepdims=True) + steps) for k in range(4)])


def constant(*weights):
    return lambda features: np.stack([np.full(features.shape, weight) for weight in weights])


def test_is_the_plain_formula(make_separator, noise):
    """Each stem but the residual is the inverse of mask times spectrum, the Nyquist bin with the mask of the bin below."""
    separator = make_separator()
    sound, contract = noise(4000), separator.contract
    spectra = stft(sound, contract.spec)
    features = np.log1p(100 * np.abs(spectra[:, :-1]))
    bins = np.linspace(0, 3, 128)[None, :, None]
    weights = np.stack([1 + np.sin(bins * (k + 1)) ** 2 + features * k for k in range(4)])
    masks = weights / weights.sum(axis=0)
    masks = np.concatenate([masks, masks[:, :, -1:]], axis=2)
    stems = separator.separate(Audio(sound, 8000))
    for index, stem in enumerate(contract.stems):
        np.testing.assert_allclose(stems[stem].samples, istft(masks[index] * spectra, contract.spec, 4000), atol=2e-6)


@pytest.mark.parametrize("workers", [1, 3])
def test_blocks_do_not_matter(make_separator, noise, workers):
    sound = noise(9001)
    whole = make_separator(by_context).separate(Audio(sound, 8000))
    rng = np.random.default_rng(0)
    for _ in range(4):
        blocks = np.split(sound, np.sort(rng.integers(0, 9002, 6)))
        mixture, stems = joined(make_separator(by_context, workers=workers), blocks)
        np.testing.assert_array_equal(mixture, sound)
        for stem, samples in stems.items():
            np.testing.assert_array_equal(samples, whole[stem].samples)


def test_chunk_length_does_not_matter_to_a_model_without_context(make_separator, noise):
    sound = Audio(noise(7003), 8000)
    reference = make_separator(frames=200, overlap_frames=0).separate(sound)
    for frames, overlap in ((1, 0), (7, 3), (16, 8), (33, 5), (100, 50)):
        stems = make_separator(frames=frames, overlap_frames=overlap).separate(sound)
        for stem, expected in reference.items():
            np.testing.assert_allclose(stems[stem].samples, expected.samples, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 63, 64, 1023, 4410, 8001])
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000, 5512])
@pytest.mark.parametrize("channels", [1, 2])
def test_length_rate_and_channels_are_kept_and_stems_sum_to_the_mixture(make_separator, noise, samples, rate, channels):
    sound = noise(samples, channels)
    stems = make_separator().separate(Audio(sound, rate))
    assert list(stems) == ["drums", "bass", "other", "vocals"]
    for stem in stems.values():
        assert stem.samples.shape == (samples, channels)
        assert stem.samples.dtype == np.float32
        assert stem.sample_rate_hz == rate
    total = sum(stem.samples.astype(np.float64) for stem in stems.values())
    np.testing.assert_allclose(total, sound, atol=3e-7)


@pytest.mark.parametrize(("rate", "model_rate"), [(44_100, 8000), (8000, 44_100), (11_025, 8000)])
def test_other_rates_give_the_same_stems(make_separator, rate, model_rate):
    """A tone below both bands, half of which goes to each of two stems, is found at half its level and at its place in time."""
    at_s = np.arange(rate) / rate
    tone = (0.4 * np.sin(2 * np.pi * 500 * at_s) * np.hanning(rate)).astype(np.float32)[:, None]
    stems = make_separator(constant(1, 1), stems=("drums", "other"), rate=model_rate).separate(Audio(tone, rate))
    np.testing.assert_allclose(stems["drums"].samples, tone / 2, atol=2e-4)


def test_residual_holds_what_lies_above_the_model(make_separator):
    """20 kHz in a song of 44.1 kHz: a model of 8 kHz cannot see it."""
    at_s = np.arange(44_100) / 44_100
    tone = (0.4 * np.sin(2 * np.pi * 15_000 * at_s) * np.hanning(44_100)).astype(np.float32)[:, None]
    stems = make_separator(constant(1, 1, 0, 1)).separate(Audio(tone, 44_100))
    np.testing.assert_allclose(stems["other"].samples, tone, atol=1e-4)
    assert np.abs(stems["drums"].samples).max() < 1e-4


def test_residual_is_the_last_stem_where_there_is_no_other(make_separator):
    assert make_separator(constant(1, 1), stems=("other", "voice")).residual_stem == "other"
    assert make_separator(constant(1, 1), stems=("voice", "music")).residual_stem == "music"


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_silence_stays_silent(make_separator, channels, rate):
    stems = make_separator().separate(Audio(np.zeros((5000, channels), np.float32), rate))
    assert not any(stem.samples.any() for stem in stems.values())


def test_mono_is_stereo_of_two_equal_channels(make_separator, noise):
    sound = noise(4000, 1)
    mono = make_separator().separate(Audio(sound, 8000))
    stereo = make_separator().separate(Audio(np.repeat(sound, 2, axis=1), 8000))
    for stem in mono:
        np.testing.assert_allclose(np.repeat(mono[stem].samples, 2, axis=1), stereo[stem].samples, atol=1e-6)


def test_masks_that_differ_by_channel_are_averaged_for_mono(make_separator, noise):
    def left_is_drums(features):
        drums = np.broadcast_to(np.array([1.0, 0.5]), features.shape)
        return np.stack([drums, 1 - drums + 1e-9])

    sound = noise(3000, 1)
    stems = make_separator(left_is_drums, stems=("drums", "other")).separate(Audio(sound, 8000))
    np.testing.assert_allclose(stems["drums"].samples, 0.75 * sound, atol=1e-6)


def test_mono_model_hears_the_mid_and_masks_both_channels(make_separator, noise):
    sound = noise(3000)
    separator = make_separator(channels=1)
    mid = make_separator(channels=1).separate(Audio(sound.mean(axis=1, keepdims=True), 8000))
    stems = separator.separate(Audio(sound, 8000))
    assert separator._runtime.seen[0].shape == (16, 128, 1)
    for stem in stems:
        np.testing.assert_allclose(stems[stem].samples.mean(axis=1, keepdims=True), mid[stem].samples, atol=1e-6)


def test_wanted_stems_are_those_of_the_whole(make_separator, noise):
    sound = Audio(noise(5000), 8000)
    whole = make_separator(by_context).separate(sound)
    for wanted in (["drums"], ["vocals", "drums"], ["other"], ["other", "bass"]):
        some = make_separator(by_context).separate(sound, wanted)
        assert set(some) == set(wanted)
        for stem, audio in some.items():
            np.testing.assert_allclose(audio.samples, whole[stem].samples, atol=1e-6)


def test_no_clicks_at_seams(make_separator):
    """A model that changes its mind at every chunk: the stem's envelope slides, its slope never jumps."""
    flips = iter(range(1000))

    def flipping(features):
        drums = float(next(flips) % 2)
        return constant(0.1 + 0.8 * drums, 0.9 - 0.8 * drums)(features)

    at_s = np.arange(16_000) / 8000
    tone = np.sin(2 * np.pi * 500 * at_s).astype(np.float32)[:, None]
    separator = make_separator(flipping, stems=("drums", "other"), frames=32, overlap_frames=16)
    drums = separator.separate(Audio(tone, 8000))["drums"].samples[500:-500, 0]
    spectrum = np.abs(np.fft.rfft(drums * np.hanning(len(drums))))
    far = spectrum[np.abs(np.fft.rfftfreq(len(drums), 1 / 8000) - 500) > 250]
    assert np.ptp(np.abs(drums)) > 0.8  # it did change its mind
    assert far.max() < 1e-4 * spectrum.max()  # a step of this height would leave 1e-2


def test_silence_fills_up_the_last_chunk(make_separator, noise):
    separator = make_separator()
    separator.separate(Audio(noise(1000), 8000))
    frames = -(-(1000 + 192) // 64)
    last = separator._runtime.seen[-1]
    assert last.shape == (16, 128, 2)
    assert not last[frames - 12 :].any()


def test_memory_does_not_grow_with_the_song(make_separator):
    def peak(seconds: int) -> int:
        block = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 2)).astype(np.float32)
        separator = make_separator(constant(1, 1), stems=("drums", "other"), frames=64)
        separator._runtime.seen = type("Nothing", (), {"append": staticmethod(lambda _: None)})()
        tracemalloc.start()
        samples = sum(
            len(part.mixture) for part in separator.stream((block for _ in range(seconds)), sample_rate_hz=8000, channels=2)
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert samples == 8000 * seconds
        return most

    peak(4)
    assert peak(120) < peak(12) + 500_000


def test_files(make_separator, noise, tmp_path):
    sound = noise(3001, 1)
    soundfile.write(tmp_path / "song.wav", sound, 11_025, subtype="FLOAT")
    stems = make_separator().separate(tmp_path / "song.wav")
    expected = make_separator().separate(Audio(sound, 11_025))
    for stem, audio in stems.items():
        np.testing.assert_array_equal(audio.samples, expected[stem].samples)
    stems["drums"].write(tmp_path / "drums.wav", "float32")
    np.testing.assert_array_equal(Audio.read(tmp_path / "drums.wav").samples, stems["drums"].samples)


def test_truncated_file_warns(make_separator, noise, tmp_path):
    soundfile.write(tmp_path / "song.wav", noise(5000), 8000)
    data = (tmp_path / "song.wav").read_bytes()
    (tmp_path / "song.wav").write_bytes(data[: len(data) // 2])
    with pytest.warns(UserWarning, match="earlier than its header says"):
        stems = make_separator().separate(tmp_path / "song.wav")
    assert 0 < len(stems["drums"].samples) < 5000
    soundfile.write(tmp_path / "song.wav", noise(5000), 8000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_separator().separate(tmp_path / "song.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(make_separator, noise, value):
    sound = noise(5000)
    sound[4000, 1] = value
    with pytest.raises(AudioError, match=r"NaN or infinite at 0\.500 s"):
        joined(make_separator(), [sound[:3000], sound[3000:]])


def test_masks_that_are_not_finite(make_separator, noise):
    with pytest.raises(ModelError, match=r"model model: gives masks for drums that are not finite"):
        make_separator(lambda features: np.full((4, *features.shape), np.nan)).separate(Audio(noise(500), 8000))


def test_wrong_arguments(make_separator, noise):
    separator, sound = make_separator(), noise(500)
    with pytest.raises(UsageError, match="stem piano: this model tells apart drums, bass, other, vocals"):
        separator.separate(Audio(sound, 8000), ["drums", "piano"])
    with pytest.raises(UsageError, match="stem list is empty"):
        separator.separate(Audio(sound, 8000), [])
    with pytest.raises(UsageError, match="channels=6: tfsep takes mono and stereo"):
        separator.separate(Audio(np.zeros((10, 6), np.float32), 8000))
    with pytest.raises(UsageError, match="sample_rate_hz=0: use 1 or more"):
        separator.stream([sound], sample_rate_hz=0, channels=2)
    with pytest.raises(ValueError, match=r"block has shape \(500,\): use \(samples, 2\)"):
        joined(separator, [sound[:, 0]])
    with pytest.raises(AudioError, match="0 samples"):
        separator.separate(Audio(sound[:0], 8000))


def test_a_reader_that_stops_early_leaves_no_thread(make_separator, noise):
    stream = make_separator(workers=2).stream([noise(40_000)], sample_rate_hz=8000, channels=2)
    next(stream)
    stream.close()  # returns only when the workers have ended


def test_package_offers_it():
    assert tfsep.Separator is Separator
