from dataclasses import replace

import numpy as np
import pytest

from tfsep.data.mixing import CropMixer, MixingConfig, Pool
from tfsep.errors import DataError
from tfsep.training.loader import prefetched

STEMS = ("drums", "bass", "other", "vocals")
PLAIN = MixingConfig(
    remix_probability=0, song_gain_db=0, stem_gain_db=0, swap_probability=0, invert_probability=0, speed_probability=0
)


def noise_track(make_track, seed=0, stems=STEMS, length=4000, level=8000, name="song"):
    rng = np.random.default_rng(seed)
    return make_track(name, **{stem: rng.integers(-level, level, (length, 2)) for stem in stems})


def mixer(*tracks, config=None, stems=STEMS, samples=256, seed=0, pools=None):
    pools = pools or [Pool(tracks=tracks)]
    return CropMixer(pools, stems=stems, samples=samples, channels=2, config=config or MixingConfig(), seed=seed)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"remix_probability": 1.1}, "remix_probability=1.1: use 0 to 1"),
        ({"swap_probability": -0.1}, "swap_probability"),
        ({"speed_range": 0.5}, "speed_range=0.5"),
        ({"speed_probability": float("nan")}, "speed_probability=nan"),
    ],
)
def test_config_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        MixingConfig(**fields)


def test_config_unknown_field():
    with pytest.raises(ValueError, match="mixing fields reverb are unknown"):
        MixingConfig.from_json({"reverb": 1})


def test_depends_on_seed_index_and_item_only(make_track):
    tracks = [noise_track(make_track, seed) for seed in range(3)]
    audio, known = mixer(*tracks).batch(5, 4)
    fresh = mixer(*tracks)
    fresh.batch(4, 7)
    again, known_again = fresh.batch(5, 4)
    np.testing.assert_array_equal(audio, again)
    np.testing.assert_array_equal(known, known_again)
    np.testing.assert_array_equal(fresh.batch(5, 2)[0], audio[:2])  # item i is the same in a smaller batch
    assert np.any(mixer(*tracks, seed=1).batch(5, 4)[0] != audio)
    assert np.any(fresh.batch(6, 4)[0] != audio)
    assert len({example.tobytes() for example in audio}) == 4


@pytest.mark.parametrize("threads", [1, 3])
def test_prefetching_changes_nothing(make_track, threads):
    source = mixer(*[noise_track(make_track, seed) for seed in range(3)])
    for index, (audio, _) in enumerate(prefetched(lambda i: source.batch(i, 2), 3, 9, ahead=4, threads=threads), start=3):
        np.testing.assert_array_equal(audio, source.batch(index, 2)[0])
    assert index == 8


def test_shapes_and_peak(make_track):
    loud = [noise_track(make_track, seed, level=32767) for seed in range(2)]
    audio, known = mixer(*loud).batch(0, 24)
    assert audio.shape == (24, 4, 2, 256)
    assert audio.dtype == known.dtype == np.float32
    assert known.shape == (24, 4)
    assert np.all(known == 1)
    peaks = np.abs(audio.sum(axis=1)).max(axis=(1, 2))
    assert peaks.max() <= 1 + 1e-6
    assert (peaks > 1 - 1e-6).any()  # some of them had to be turned down


def test_without_augmentation_it_is_a_cut_of_the_song(make_track):
    place = np.arange(4000)[:, None] + np.array([0, 5000])
    track = make_track(drums=place, bass=-place, other=place // 2, vocals=np.zeros((4000, 2)))
    for example in mixer(track, config=PLAIN).batch(0, 6)[0]:
        start = round(float(example[0, 0, 0]) * 32767)
        np.testing.assert_allclose(example[0], place[start : start + 256].T / 32767, atol=1e-6)
        np.testing.assert_allclose(example[1], -example[0], atol=1e-6)
        np.testing.assert_allclose(example[2], (place // 2)[start : start + 256].T / 32767, atol=1e-6)
        assert not example[3].any()


def test_swap_reverses_the_channels_of_all_stems(make_track):
    track = make_track(drums=np.tile([1000, 2000], (500, 1)), other=np.tile([3000, 4000], (500, 1)))
    config = replace(PLAIN, swap_probability=1)
    example = mixer(track, config=config, stems=("drums", "other")).batch(0, 1)[0][0]
    np.testing.assert_allclose(example[:, :, 0] * 32767, [[2000, 1000], [4000, 3000]], rtol=1e-5)


def test_gains_are_within_their_range(make_track):
    track = make_track(drums=np.full((500, 2), 1000), other=np.full((500, 2), 1000))
    config = replace(PLAIN, stem_gain_db=3, song_gain_db=6)
    audio = mixer(track, config=config, stems=("drums", "other")).batch(0, 200)[0][:, :, 0, 0]
    gains_db = 20 * np.log10(audio * 32767 / 1000)
    assert np.abs(gains_db).max() <= 9.001
    assert np.abs(gains_db).max() > 7
    assert np.abs(gains_db[:, 0] - gains_db[:, 1]).max() <= 6.001


@pytest.mark.parametrize("remix", [0, 1])
def test_accompaniment_is_all_the_rest(make_track, remix):
    place = np.arange(1, 2001)[:, None].repeat(2, axis=1)
    track = make_track(drums=place, bass=2 * place, other=3 * place, vocals=4 * place)
    config = replace(PLAIN, remix_probability=remix)
    audio, known = mixer(track, config=config, stems=("drums", "accompaniment")).batch(0, 8)
    assert np.all(known == 1)
    for drums, rest in audio:
        assert np.abs(rest).max() > 0
        if remix:  # brought to a loudness of its own, of whichever sign
            assert np.sqrt(np.mean(rest**2)) == pytest.approx(0.07, rel=2.1)
        else:
            np.testing.assert_allclose(rest, 9 * drums, rtol=1e-4)


def test_remixed_stems_are_of_different_songs_and_like_loudness(make_track):
    tracks = [noise_track(make_track, seed, level=level) for seed, level in ((0, 300), (1, 30_000))]
    config = replace(PLAIN, remix_probability=1, remix_gain_db=0)
    for example in mixer(*tracks, config=config).batch(0, 12)[0]:
        loudness = np.sqrt(np.mean(example**2, axis=(1, 2)))
        np.testing.assert_allclose(loudness, 0.07, rtol=1e-3)


def test_silence_is_not_turned_up(make_track):
    quiet = noise_track(make_track, level=5)
    audio = mixer(quiet, config=replace(PLAIN, remix_probability=1)).batch(0, 4)[0]
    assert 0 < np.abs(audio).max() <= 5 / 32767 + 1e-9


def test_missing_stem_is_not_known(make_track):
    track = noise_track(make_track, stems=("drums", "other"))
    whole = noise_track(make_track, 1)
    audio, known = mixer(track, whole, config=PLAIN).batch(0, 30)
    has_bass = audio[:, 1].any(axis=(1, 2))
    assert 0 < has_bass.sum() < 30
    np.testing.assert_array_equal(known[:, 1], has_bass)
    np.testing.assert_array_equal(known[:, 3], has_bass)
    assert np.all(known[:, [0, 2]] == 1)


def test_in_a_remix_what_is_known_depends_on_the_song_of_the_residual(make_track):
    marked = make_track("no bass", other=np.full((500, 2), 100), drums=np.full((500, 2), 1))
    whole = make_track("whole", **{stem: np.full((500, 2), -100) for stem in STEMS})
    config = replace(PLAIN, remix_probability=1, remix_gain_db=0)
    audio, known = mixer(marked, whole, config=config).batch(0, 40)
    from_marked = audio[:, 2, 0, 0] > 0
    assert 0 < from_marked.sum() < 40
    np.testing.assert_array_equal(known[:, 1] == 0, from_marked)
    assert audio[:, 1].any(axis=(1, 2)).all()  # a bass was drawn all the same, from the song that has one


def test_changed_speed_keeps_the_length(make_track):
    tone = (10_000 * np.sin(2 * np.pi * 0.05 * np.arange(6000)))[:, None].repeat(2, axis=1)
    track = make_track(drums=tone, other=tone)
    config = replace(PLAIN, speed_probability=1, speed_range=0.12)
    frequencies = []
    for example in mixer(track, config=config, stems=("drums", "other"), samples=2048).batch(0, 16)[0]:
        assert example.shape == (2, 2, 2048)
        assert np.abs(example[0, 0, -50:]).max() > 0.2  # up to the last sample
        spectrum = np.abs(np.fft.rfft(example[0, 0] * np.hanning(2048), 1 << 16))
        frequencies.append(np.argmax(spectrum) / (1 << 16) / 0.05)
        np.testing.assert_allclose(example[0], example[1], atol=1e-6)  # all stems alike
    assert 0.879 < min(frequencies) < 0.96
    assert 1.04 < max(frequencies) < 1.121


def test_short_songs_are_followed_by_silence(make_track):
    track = noise_track(make_track, length=100)
    example = mixer(track, config=PLAIN).batch(0, 1)[0][0]
    assert example[:, :, :100].any()
    assert not example[:, :, 100:].any()


def test_weights_of_pools_and_lengths_of_songs(make_track):
    def flat(value, length):
        return make_track(str(value), drums=np.full((length, 2), value), other=np.full((length, 2), value))

    pools = [Pool(tracks=(flat(1000, 400), flat(2000, 1200)), weight=3), Pool(tracks=(flat(3000, 10_000),), weight=1)]
    source = mixer(pools=pools, config=PLAIN, stems=("drums", "other"), samples=16)
    values = np.rint(source.batch(0, 1000)[0][:, 0, 0, 0] * 32767)
    shares = [np.mean(values == value) for value in (1000, 2000, 3000)]
    np.testing.assert_allclose(shares, [3 / 16, 9 / 16, 1 / 4], atol=0.05)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_must_be_positive(make_track, weight):
    with pytest.raises(ValueError, match="weights of pools"):
        mixer(pools=[Pool(tracks=(noise_track(make_track),), weight=weight)])


def test_stem_that_nobody_has(make_track):
    with pytest.raises(DataError, match="no song in the data has the stem vocals"):
        mixer(noise_track(make_track, stems=("drums", "bass", "other")))


def test_drums_alone_and_music_without_drums_make_pairs(make_track):
    """Both parts are what the recordings hold; of the bass and the vocals only the sum with `other` is known."""
    rng = np.random.default_rng(0)
    drums = make_track("beat", drums=rng.integers(-8000, 8000, (4000, 2)))
    rest = make_track("band", accompaniment=rng.integers(-8000, 8000, (4000, 2)))
    tracks = [drums, rest, noise_track(make_track, 1, stems=("bass", "vocals"))]
    audio, known = mixer(*tracks, config=MixingConfig(remix_probability=1)).batch(0, 8)
    assert known.tolist() == [[1, 0, 1, 0]] * 8
    assert np.all(audio[:, [1, 3]] == 0)
    assert np.all(np.abs(audio[:, [0, 2]]).max(axis=(2, 3)) > 0)

    audio, known = mixer(drums, rest, stems=("drums", "accompaniment")).batch(0, 8)
    assert np.all(known == 1)
    assert np.all(np.abs(audio).max(axis=(2, 3)) > 0)


def test_single_recordings_are_no_songs(make_track):
    """Where stems of one song are wanted, it is a multitrack that gives them."""
    alone = make_track("beat", drums=np.full((4000, 2), 1000))
    audio, known = mixer(alone, noise_track(make_track), config=PLAIN).batch(0, 8)
    assert np.all(known == 1)
    assert np.all(np.abs(audio).max(axis=(2, 3)) > 0)


def test_one_stem_is_cut_as_it_is(make_track):
    track = make_track("song", mixture=np.random.default_rng(0).integers(-8000, 8000, (4000, 2)))
    audio, known = mixer(track, stems=("mixture",), config=PLAIN).batch(0, 2)
    assert audio.shape == (2, 1, 2, 256)
    assert np.all(known == 1)
    song = track.samples[0].astype(np.float32) * np.float32(track.gain)
    for cut in audio[:, 0]:
        places = [at for at in range(len(song) - 256) if np.array_equal(song[at : at + 256].T, cut)]
        assert len(places) == 1


def test_finished_songs_are_no_pairs(make_track):
    mixture = make_track("hit", mixture=np.full((4000, 2), 1000))
    for stems in (STEMS, ("drums", "accompaniment")):
        pools = [Pool(tracks=(noise_track(make_track),)), Pool(tracks=(mixture,))]
        with pytest.raises(DataError, match=r"hit and 0 more hold mixture, of which none of drums, .* can be learnt"):
            mixer(pools=pools, stems=stems)


def test_what_a_multitrack_holds_of_one_stem_alone_is_no_accompaniment(make_track):
    """Which of its stems would belong to it cannot be told."""
    assert noise_track(make_track).parts("accompaniment", ("accompaniment",)) == ()
    assert noise_track(make_track).parts("accompaniment", ("drums", "accompaniment")) == ("bass", "other", "vocals")
    assert noise_track(make_track).parts("accompaniment", ("vocals", "accompaniment")) == ("bass", "drums", "other")
