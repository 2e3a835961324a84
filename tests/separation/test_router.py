import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.errors import AudioError, ModelError, UsageError
from tfsep.separation import router as router_module
from tfsep.separation.router import BlendedRuntime, Router, choose
from tfsep.separation.router_table import RoutingTable, find_table
from tfsep.separation.separator import Separator

RATE_HZ = 8000


class Fixed:
    """A classifier that always says the same, and counts how often it is asked."""

    def __init__(self, probabilities):
        self.found, self.asked = probabilities, []

    def probabilities(self, source):
        self.asked.append(source)
        return self.found


@pytest.fixture
def folder(model, tmp_path, monkeypatch):
    """A routing table of three copies of a small model, and a classifier that hears jazz in everything."""
    folder = tmp_path / "routed"
    folder.mkdir()
    for name in ("general", "jazz", "rock"):
        shutil.copy(model, folder / f"{name}.tflite")
        shutil.copy(model.with_suffix(".json"), folder / f"{name}.json")
    fixed = Fixed({"jazz": 0.7, "rock": 0.25, "pop": 0.05})
    monkeypatch.setattr(router_module.GenreClassifier, "load", classmethod(lambda cls, model: fixed))
    write_table(folder)
    return folder


def write_table(folder, **changes):
    experts = {"jazz": "jazz.tflite", "rock": "rock.tflite"}
    table = RoutingTable(general="general.tflite", experts=experts)
    (folder / "routing.json").write_text(json.dumps(replace(table, **changes).to_json()))


def song(seconds=2.0, seed=0):
    return Audio(np.random.default_rng(seed).uniform(-0.5, 0.5, (int(seconds * RATE_HZ), 2)).astype(np.float32), RATE_HZ)


def test_a_table_found_by_a_relative_path_names_absolute_ones(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    router = Router.load("routed")
    monkeypatch.chdir(folder.parent.parent)
    assert dict(router.route(song()).weights) == {str(folder / "jazz.tflite"): 1.0}
    assert "(70%): model routed/jazz.tflite" in router.for_song(song())[1]


TABLE = RoutingTable(general="g", experts={"jazz": "j", "rock": "r"})


def test_the_likeliest_familys_expert_separates():
    route = choose(TABLE, {"jazz": 0.7, "rock": 0.3})
    assert dict(route.weights) == {"j": 1.0}
    assert str(route) == "jazz/acoustic (70%): model j"


def test_a_family_without_expert_and_silence_go_to_the_general_model():
    assert dict(choose(TABLE, {"latin": 0.9, "rock": 0.1}).weights) == {"g": 1.0}
    assert str(choose(TABLE, None)) == "nothing to hear: model g"


def test_below_the_floor_the_general_model_separates():
    route = choose(TABLE, {"jazz": 0.49, "rock": 0.3, "pop": 0.21})
    assert dict(route.weights) == {"g": 1.0}
    assert "no genre for sure, jazz/acoustic (49%) at most" in str(route)
    assert dict(choose(replace(TABLE, floor=0.49), {"jazz": 0.49, "rock": 0.3, "pop": 0.21}).weights) == {"j": 1.0}


def test_soft_weights_are_the_probabilities_of_those_that_matter():
    soft = replace(TABLE, mode="soft")
    route = choose(soft, {"jazz": 0.6, "rock": 0.3, "pop": 0.06, "latin": 0.04})
    assert route.weights == pytest.approx({"j": 2 / 3, "r": 1 / 3})
    assert str(route) == "jazz/acoustic (60%): models j 67%, r 33%"
    # families without an expert give their share to the general model
    assert choose(soft, {"jazz": 0.5, "pop": 0.3, "latin": 0.2}).weights == pytest.approx({"j": 0.5, "g": 0.5})
    assert sum(choose(soft, {"jazz": 0.5, "rock": 0.11, "pop": 0.39}).weights.values()) == pytest.approx(1)


def test_two_families_may_share_an_expert():
    table = replace(TABLE, experts={"jazz": "j", "latin": "j"}, mode="soft")
    assert choose(table, {"jazz": 0.6, "latin": 0.4}).weights == pytest.approx({"j": 1.0})


def test_blended_masks_are_the_weighted_mean_and_sum_to_one(make_separator, rng):
    stems = ("drums", "bass", "other", "vocals")
    first = make_separator()._runtime
    second = make_separator(lambda features: np.stack([features + k + 1 for k in range(len(stems))]))._runtime
    features = rng.uniform(0, 3, first.contract.input_shape[1:]).astype(np.float32)
    one, two = first.predict(features), second.predict(features)
    found = BlendedRuntime([(first, 0.3), (second, 0.7)]).predict(features)
    np.testing.assert_allclose(found["drums"], 0.3 * one["drums"] + 0.7 * two["drums"], rtol=1e-5)
    np.testing.assert_allclose(sum(found.values()), 1, atol=1e-5)


def test_a_table_takes_songs_apart_with_the_chosen_expert(folder):
    router = Router.load(folder)
    separator, route = router.for_song(song())
    assert route == "jazz/acoustic (70%): model routed/jazz.tflite"
    expected = Separator.load(folder / "jazz.tflite").separate(song())
    for found in (router.separate(song()), separator.separate(song())):
        assert {stem: audio.samples.tolist() for stem, audio in found.items()} == {
            stem: audio.samples.tolist() for stem, audio in expected.items()
        }


def test_stems_of_a_soft_blend_sum_to_the_song(folder):
    write_table(folder, mode="soft")
    stems = Router.load(folder).separate(song())
    np.testing.assert_allclose(sum(audio.samples for audio in stems.values()), song().samples, atol=1e-6)


def test_a_stream_is_heard_and_then_separated_like_the_whole(folder):
    router, audio = Router.load(folder), song(3)
    blocks = [audio.samples[start : start + 1000] for start in range(0, len(audio.samples), 1000)]
    streamed = np.concatenate([block.stems["drums"] for block in router.stream(blocks, sample_rate_hz=RATE_HZ, channels=2)])
    np.testing.assert_array_equal(streamed, router.separate(audio)["drums"].samples)
    assert router._classifier.asked[0].samples.shape == audio.samples.shape


def test_a_long_stream_is_heard_for_a_minute_only(folder):
    router = Router.load(folder)
    blocks = (np.full((RATE_HZ, 2), 0.1, np.float32) for _ in range(80))
    next(router.stream(blocks, sample_rate_hz=RATE_HZ, channels=2))
    assert len(router._classifier.asked[0].samples) == 60 * RATE_HZ


def test_streams_are_checked_before_they_are_heard(folder):
    router = Router.load(folder)
    with pytest.raises(UsageError, match="channels=3"):
        router.stream([], sample_rate_hz=RATE_HZ, channels=3)
    broken = [np.full((100, 2), np.nan, np.float32)]
    with pytest.raises(AudioError, match=r"NaN or infinite at 0\.000 s"):
        list(router.stream(broken, sample_rate_hz=RATE_HZ, channels=2))


def test_a_genre_that_is_asked_for_is_not_heard(folder):
    router = Router.load(folder, genre="Heavy Metal")
    assert router.for_song(song())[1] == "rock/metal (as asked): model routed/rock.tflite"
    assert router._classifier is None


def test_only_the_models_that_are_needed_stay_in_memory(folder):
    router = Router.load(folder)
    router.for_song(song())
    router._classifier.found = {"rock": 1.0}
    router.for_song(song())
    assert sorted(path.rpartition("/")[2] for path in router._loaded) == ["general.tflite", "rock.tflite"]


def test_an_unknown_genre_is_named(folder):
    with pytest.raises(UsageError, match=r"--genre polka-dot: is unknown, use electronic, rock"):
        Router.load(folder, genre="polka-dot")


def test_a_missing_expert_is_named_before_anything_is_separated(folder):
    (folder / "rock.tflite").unlink()
    with pytest.raises(ModelError, match=r"the expert for rock: .*rock\.tflite"):
        Router.load(folder)


def test_experts_of_another_contract_are_refused(folder):
    path = folder / "rock.json"
    contract = ModelContract.read(path)
    replace(contract, overlap_frames=2, stems=("drums", "accompaniment")).write(path)
    with pytest.raises(ModelError, match=r"the expert for rock, .*rock\.tflite: its stems, overlap_frames differ"):
        Router.load(folder)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("{", "is not JSON"),
        ("[]", "routing version None"),
        ('{"routing_version": 2}', "routing version 2"),
        ('{"routing_version": 1, "expert": {}}', "expert: unknown"),
        ('{"routing_version": 1, "experts": ["a"]}', "experts: use an object"),
        ('{"routing_version": 1, "experts": {"polka": "a"}}', "experts for polka"),
        ('{"routing_version": 1, "experts": {"jazz": 3}}', "jazz=3"),
        ('{"routing_version": 1, "mode": "both"}', "mode='both'"),
        ('{"routing_version": 1, "floor": 50}', "floor=50"),
        ('{"routing_version": 1, "floor": "high"}', "floor"),
    ],
)
def test_a_damaged_table_is_named(folder, content, match):
    (folder / "routing.json").write_text(content)
    with pytest.raises(ModelError, match=match) as raised:
        Router.load(folder)
    assert "routing.json: " in str(raised.value)


def test_what_is_a_table(folder, model):
    assert find_table(folder) == find_table(folder / "routing.json") == folder / "routing.json"
    assert find_table("auto").is_file()
    assert find_table(model) is find_table("default") is None
    with pytest.raises(ModelError, match="no routing table"):
        Router.load(model)
    with pytest.raises(ModelError, match="cannot be read"):
        Separator.load(folder / "other.json")


def test_a_separator_of_a_table_is_a_router(folder):
    assert isinstance(Separator.load(folder), Router)
