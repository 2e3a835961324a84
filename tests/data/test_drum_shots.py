import csv

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract_drums import CLASSES
from tfsep.data.drum_names import is_open_hat
from tfsep.data.drum_shots import DrumShots, training_kits
from tfsep.data.render.material import Material
from tfsep.dsp.hit_grid import ONSET_SAMPLES
from tfsep.errors import DataError

FILES = ("kick", "snare", "hat/open", "hat/closed", "cymbal", "tom", "perc")


@pytest.fixture
def material(tmp_path):
    rng = np.random.default_rng(0)
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "role", "licence", "licence_confidence"))
        for kit in ("one", "muldjordkit"):
            for name in FILES:
                role, _, kind = name.partition("/")
                path = tmp_path / "drums" / role / kit / f"{kind or role}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                noise = rng.normal(0, 0.2, (4000, 1)) * np.exp(-np.arange(4000) / 900)[:, None]
                Audio(noise.astype(np.float32), 44_100).write(path)
                writer.writerow((path.relative_to(tmp_path), f"drums/{role}", "CC0-1.0", "A"))
    return Material.load(tmp_path)


def test_held_out_kits_are_left_out(material):
    kits = training_kits(material)
    assert kits == {"one"}
    shots = DrumShots(material, kits)
    assert {drum: [s.folder for s in samples] for drum, samples in shots.samples.items()} == {drum: ["one"] for drum in CLASSES}
    assert shots.samples["open_hat"][0].name == "open"


def test_variations_are_clips_and_the_same_for_a_seed(material):
    shots = DrumShots(material, training_kits(material))
    for drum in CLASSES:
        first, again, other = (shots.varied(drum, np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert first.shape != other.shape or not np.array_equal(first, other)
        assert np.abs(first).max() == pytest.approx(1, abs=1e-6)
        assert np.argmax(np.abs(first) > 1 / 30) == ONSET_SAMPLES


def test_a_drum_without_samples_is_named(material):
    with pytest.raises(DataError, match="kick"):
        DrumShots(material, {"two"})


@pytest.mark.parametrize(
    ("name", "decay_s", "is_open"),
    [
        ("hat_open", 0.1, True),
        ("closed hat", 1.0, False),
        ("half_closed open", 1.0, False),
        ("hat", 0.3, True),
        ("hat", 0.2, False),
    ],
)
def test_open_hats_are_told_by_name_or_else_by_decay(name, decay_s, is_open):
    assert is_open_hat(name, lambda: decay_s) == is_open
