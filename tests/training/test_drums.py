"""Training the drum transcriber on toy songs of a low rate."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tfsep.contract_drums import CLASSES, ONSETS, VELOCITIES, DrumContract
from tfsep.data.rendered_hits import HitTable, read_rendered_songs
from tfsep.errors import DataError, ModelError, TrainingError
from tfsep.spec import SpectrogramSpec
from tfsep.training.checkpoint import save_parts
from tfsep.training.drum_bundle import DrumBundle, DrumNetwork
from tfsep.training.drum_data import SHADE, LearntStem, StemCache, targets, varied
from tfsep.training.drum_scores import Counts, best_thresholds, count_matches, counts_at, merged
from tfsep.training.drums import DrumTrainingConfig, activations_of, set_apart, train_drum_transcriber

toy = runpy.run_path(str(Path(__file__).parents[1] / "drum_toy.py"))
RATE_HZ = 8000
CONTRACT = DrumContract(
    spec=SpectrogramSpec(
        sample_rate_hz=RATE_HZ, window_samples=320, hop_samples=80, channels=1, frames=64, feature_gain=1000.0
    ),
    mel_bands=16,
    low_hz=30.0,
    high_hz=3900.0,
    context_frames=8,
)
CONFIG = DrumTrainingConfig(
    rounds=2, steps=3, batch=4, apart_share=0.3, separated_share=0.5, network=DrumNetwork((4, 4), 8, (1, 2)), seed=3
)


@pytest.fixture
def songs(tmp_path) -> Path:
    for number in range(4):
        toy["write_toy_song"](tmp_path / "songs" / f"toy-{number}", seed=number, rate_hz=RATE_HZ)
    return tmp_path / "songs"


@pytest.fixture
def stems(songs, tmp_path) -> list[LearntStem]:
    cache = StemCache(tmp_path / "cache", CONTRACT)
    return [cache.clean(song) for song in read_rendered_songs(songs)[0]]


def train(stems, out, config=CONFIG, tell=lambda line: None):
    out.mkdir(exist_ok=True)
    return train_drum_transcriber(config, CONTRACT, stems, out, record={"data": ["songs"]}, tell=tell)


def test_songs_with_a_loop_are_left_out(songs):
    toy["write_toy_song"](songs / "loop-1", loop=True)
    found, loops = read_rendered_songs(songs)
    assert [song.name for song in found] == [f"toy-{number}" for number in range(4)]
    assert loops == 1
    assert CLASSES[found[0].hits.classes[0]] in CLASSES
    written = json.loads((songs / "toy-0" / "song.json").read_text())["hits"]
    np.testing.assert_allclose(found[0].hits.times_s, sorted(hit["time_s"] for hit in written))


@pytest.mark.parametrize(
    ("hits", "message"), [(None, "cannot be read"), ([{"time_s": 0}], "drum"), ([{"drum": "gong"}], "hits")]
)
def test_a_description_without_hits_is_named(songs, hits, message):
    (songs / "toy-1" / "song.json").write_text(json.dumps({"hits": hits}))
    with pytest.raises(DataError, match=f"toy-1.*{message}"):
        read_rendered_songs(songs)


def test_folders_that_hold_no_songs_are_named(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        read_rendered_songs(tmp_path / "none")
    with pytest.raises(DataError, match="holds no song"):
        read_rendered_songs(tmp_path)


def test_targets_lie_in_the_nearest_frame_and_beside_it():
    hits = HitTable(np.array([0.1, 0.304]), np.array([0, 2]), np.array([0.5, 0.9]))
    onsets, velocities = targets(hits, 5, 50, CONTRACT)
    frames = [round((time_s - CONTRACT.frame_s(0)) * 100) - 5 for time_s in hits.times_s]
    assert onsets[frames[0], 0] == onsets[frames[1], 2] == 1
    assert onsets[frames[0] - 1, 0] == onsets[frames[0] + 1, 0] == np.float32(SHADE)
    assert onsets.sum() == pytest.approx(2 * (1 + 2 * SHADE))
    assert sorted(velocities[velocities >= 0]) == pytest.approx([0.5, 0.9])
    np.testing.assert_array_equal(targets(hits, 5 + 20, 30, CONTRACT)[0], onsets[20:])


def test_what_is_varied_stays_silent_or_near_the_level(rng):
    mel = np.log1p(1000 * np.full((20, 16), 0.01, np.float16))
    for _ in range(20):
        ratio_db = 20 * np.log10(np.expm1(varied(mel, rng, CONTRACT)) / 1000 / 0.01)
        assert np.abs(ratio_db).max() < 20
    assert np.expm1(varied(np.zeros((20, 16), np.float16), rng, CONTRACT)).max() / 1000 < 10 ** (-40 / 20)


def test_matches_are_those_of_mir_eval(rng):
    from mir_eval.util import match_events

    for _ in range(50):
        reference_s, found_s = (np.sort(rng.uniform(0, 2, rng.integers(0, 40))) for _ in range(2))
        right = len(match_events(reference_s, found_s, 0.05)) if len(reference_s) and len(found_s) else 0
        assert count_matches(reference_s, found_s) == Counts(right, len(found_s) - right, len(reference_s) - right)


def test_hits_near_a_kept_one_count_once():
    np.testing.assert_allclose(merged(np.array([0.5, 0.0, 0.02, 0.04])), [0.0, 0.04, 0.5])


def test_f1_of_counts():
    assert Counts(6, 2, 2).f1 == 0.75
    assert Counts().f1 == 1
    assert (Counts(1, 2, 3) + Counts(4, 5, 6)) == Counts(5, 7, 9)


def test_the_best_threshold_keeps_the_hits_and_drops_the_rest():
    activation = np.zeros((100, len(CLASSES)), np.float32)
    activation[[20, 40, 60], 1] = 0.6
    activation[[30, 50, 70, 80], 1] = 0.3
    hits = HitTable(CONTRACT.frame_s(np.array([20, 40, 60])), np.ones(3, int), np.ones(3))
    thresholds = best_thresholds([activation], [hits], CONTRACT)
    assert thresholds[1] == 0.6  # the highest of those between 0.3 and 0.6, which are alike
    assert counts_at(thresholds, [(activation, hits)], CONTRACT)[1] == Counts(3, 0, 0)


def test_a_class_without_hits_keeps_its_threshold():
    activation = np.zeros((100, len(CLASSES)), np.float32)
    activation[20], activation[40, 5] = 0.7, 0.99  # above every threshold
    hits = HitTable(CONTRACT.frame_s(np.array([20])), np.array([1]), np.ones(1))
    thresholds = best_thresholds([activation], [hits], CONTRACT)
    assert thresholds[5] == CONTRACT.thresholds[5]
    assert thresholds[1] == 0.7


def test_songs_set_apart_without_hits_are_named_before_training(stems, tmp_path):
    (apart,) = {stem.name for stem in set_apart(stems, CONFIG.apart_share, CONFIG.seed)[1]}
    nothing = HitTable(np.zeros(0), np.zeros(0, int), np.zeros(0))
    silent = [replace(stem, hits=nothing) if stem.name == apart else stem for stem in stems]
    with pytest.raises(DataError, match=f"no hits in {apart}, set apart"):
        train(silent, tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_songs_set_apart_are_apart_with_all_their_stems(stems):
    both = [*stems, *(replace(stem, separated=True) for stem in stems)]
    most, few = set_apart(both, 0.3, 0)
    assert len(most) == 6
    assert not {stem.name for stem in most} & {stem.name for stem in few}
    with pytest.raises(DataError, match="1 songs to learn from"):
        set_apart(stems[:1], 0.3, 0)


def test_spectra_are_kept_and_made_anew_when_the_file_changes(songs, tmp_path):
    song = read_rendered_songs(songs)[0][0]
    cache = StemCache(tmp_path / "cache", CONTRACT)
    first = cache.clean(song)
    kept = list((tmp_path / "cache").iterdir())
    assert np.array_equal(cache.clean(song).mel, first.mel)
    assert list((tmp_path / "cache").iterdir()) == kept
    (songs / "toy-0" / "drums.flac").write_bytes((songs / "toy-1" / "drums.flac").read_bytes())
    assert not np.array_equal(cache.clean(song).mel, first.mel)
    (songs / "toy-0" / "drums.flac").unlink()
    with pytest.raises(DataError, match=r"drums\.flac: is missing"):
        cache.clean(song)


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(stems, tmp_path):
    lines = []
    whole, scores = train(stems, tmp_path / "whole", tell=lines.append)
    assert len(lines) == 2
    assert len(scores.clean) == len(CLASSES)
    assert not scores.separated
    parted = tmp_path / "parted"
    calls = []

    def stop(line):
        calls.append(line)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(stems, parted, tell=stop)
    resumed, _ = train(stems, parted)
    for one, other in zip(resumed.transcriber.get_weights(), whole.transcriber.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert resumed.contract.training["data"] == ["songs"]
    with pytest.raises((TrainingError, ModelError), match="another configuration"):
        train(stems, parted, replace(CONFIG, steps=4))
    for others in (stems[1:], [*stems[:-1], replace(stems[-1], separated=True)]):
        with pytest.raises(TrainingError, match="other songs: give --data and --separated as before"):
            train(others, parted)


def test_a_checkpoint_that_does_not_say_its_songs_is_taken_up(stems, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tfsep.training.drums.save_parts", lambda *a: save_parts(*a[:3], {k: v for k, v in a[3].items() if k != "stems"})
    )
    train(stems, tmp_path / "run")
    lines = []
    train(stems, tmp_path / "run", tell=lines.append)
    assert lines == ["going on after round 2"]


def test_training_finds_the_toy_hits(stems, tmp_path):
    config = replace(CONFIG, rounds=1, steps=150, learning_rate=5e-3, averaging=0.9, network=DrumNetwork((8, 8), 32, (1, 2)))
    bundle, scores = train([*stems, *(replace(stem, separated=True) for stem in stems)], tmp_path / "run", config)
    assert scores.mean_f1 > 0.8
    heard = np.zeros((1, *CONTRACT.input_shape[1:]), np.float32)
    found = bundle.transcriber.predict_on_batch(heard)
    assert found[ONSETS].shape == found[VELOCITIES].shape == (1, 64, len(CLASSES))


def test_chunks_of_a_long_stem_agree_with_one_long_chunk(stems):
    network = DrumNetwork((4, 4), 8, (1, 2))
    chunked = network.build(CONTRACT)
    mel = stems[0].mel
    whole_contract = replace(CONTRACT, spec=replace(CONTRACT.spec, frames=len(mel)))
    whole = network.build(whole_contract)
    whole.set_weights(chunked.get_weights())
    np.testing.assert_allclose(activations_of(chunked, mel, CONTRACT), activations_of(whole, mel, whole_contract), atol=1e-4)


def test_a_class_without_hits_is_named(stems, tmp_path):
    without = [
        replace(stem, hits=HitTable(*(column[stem.hits.classes != 5] for column in vars(stem.hits).values()))) for stem in stems
    ]
    with pytest.raises(DataError, match="no hits of tom"):
        train(without, tmp_path / "run")


def test_a_folder_goes_to_disk_and_back(tmp_path):
    network = DrumNetwork((4, 4), 8, (1, 2))
    bundle = DrumBundle(replace(CONTRACT, training={"seed": 1}), network, network.build(CONTRACT))
    bundle.write(tmp_path / "best")
    again = DrumBundle.load(tmp_path / "best")
    assert (again.contract, again.network) == (bundle.contract, network)
    for one, other in zip(again.transcriber.get_weights(), bundle.transcriber.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    (tmp_path / "best" / "drums.json").write_text('{"bundle_version": 9}')
    with pytest.raises(ModelError, match="bundle version 9"):
        DrumBundle.load(tmp_path / "best")


@pytest.mark.parametrize(
    "change",
    [{"rounds": 0}, {"apart_share": 0.7}, {"averaging": 1.0}, {"rarest_weight": 0.5}, {"seed": -1}, {"velocity_weight": -1.0}],
)
def test_values_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(CONFIG, **change)
