"""A small super-resolution network: its layers, its trainer, its run, its bundle."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tfsep.contract_enhance import EnhanceContract
from tfsep.dsp.replication import network_input
from tfsep.errors import DataError, ModelError
from tfsep.models.discriminators import build_discriminator
from tfsep.models.superres import build_super_resolution
from tfsep.models.superres_config import SuperResolutionConfig
from tfsep.spec import SpectrogramSpec
from tfsep.training.enhance import EnhanceTrainer
from tfsep.training.enhance_bundle import EnhanceBundle
from tfsep.training.enhance_config import EnhanceTrainingConfig
from tfsep.training.enhance_data import EnhanceBatches, ExampleSet
from tfsep.training.enhance_run import EnhanceRun

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, channels=1, frames=16, feature_gain=1000.0)
CONTRACT = EnhanceContract(spec=SPEC, lowest_cutoff_hz=800.0, highest_cutoff_hz=3000.0, overlap_frames=4)
NETWORK = SuperResolutionConfig(bands=((64, 4), (64, 8)), widths=(4, 6), dense_bottleneck=2)
CONFIG = EnhanceTrainingConfig(
    network=NETWORK, steps=4, batch=2, frames=8, critic_from=2, checkpoint_every=2, set_aside=2, average_decay=0.5
)


@pytest.fixture
def examples(rng) -> ExampleSet:
    """Sound that is as loud above as below the cutoff."""
    target = rng.uniform(2, 4, (6, 20, 128)).astype(np.float16)
    degraded = target.copy()
    degraded[:, :, 60:] = 0
    return ExampleSet(degraded, target, np.full(6, 60, np.int32), np.zeros((6, 20, 16), np.uint8), np.arange(6, dtype=np.int32))


def test_the_network_starts_as_replication(rng):
    network = build_super_resolution(NETWORK, CONTRACT)
    network.merge.maps[0].kernel.assign(0 * network.merge.maps[0].kernel)
    network.merge.maps[1].kernel.assign(0 * network.merge.maps[1].kernel)
    spectrum = network_input(rng.uniform(0, 5, (16, 128)).astype(np.float32), 60, SPEC)
    np.testing.assert_allclose(network(spectrum[np.newaxis])[0, ..., 0], spectrum[..., 1], atol=1e-6)


def test_the_shipped_size():
    network = build_super_resolution(SuperResolutionConfig(), EnhanceContract(), 16)
    assert network.count_params() < 1_000_000
    assert network(np.zeros((1, 16, 1024, 3), np.float32)).shape == (1, 16, 1024, 1)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="frames of 128 bins"):
        build_super_resolution(SuperResolutionConfig(), CONTRACT)
    with pytest.raises(ValueError, match="cannot be halved"):
        SuperResolutionConfig(bands=((30, 2),), widths=(4, 4))


def test_batches_depend_on_seed_and_index_alone(examples):
    one, other = (EnhanceBatches(examples, np.arange(6), CONTRACT, batch=3, frames=8, seed=4) for _ in range(2))
    first = one.batch(0)
    for found, expected in zip(other.batch(0), first, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(one.batch(1)[0], first[0])
    spectrum, target = first
    assert spectrum.shape == (3, 8, 128, 3)
    assert target.shape == (3, 8, 128, 1)
    assert not spectrum[..., 60:, 2].any()
    known = spectrum[..., 2] > 0
    np.testing.assert_allclose(spectrum[..., 0][known], target[..., 0][known], rtol=2e-3)


@pytest.mark.parametrize(("set_aside", "least"), [(0, 0), (1, 1), (3, 3), (50, 3)])
def test_no_recording_is_both_learnt_from_and_set_aside(examples, set_aside, least):
    examples = replace(examples, recording=np.array([4, 4, 9, 1, 1, 9]))
    for seed in range(5):
        learnt, scored = examples.divided(set_aside, seed)
        assert sorted([*learnt, *scored]) == list(range(6))
        assert not set(examples.recording[learnt]) & set(examples.recording[scored])
        assert len(scored) >= least
        assert len(learnt)


def test_batches_are_drawn_from_the_indices_alone(examples):
    examples.target[[1, 4]] = 0
    for indices, silent in (([1, 4], True), ([0, 2, 3, 5], False)):
        _, target = EnhanceBatches(examples, np.array(indices), CONTRACT, batch=10, frames=8, seed=0).batch(0)
        assert (not target.any()) if silent else target.all()


def test_holes_are_not_known(examples):
    holes = np.zeros((6, 20, 128), bool)
    holes[:, :, 10:20] = True
    examples = replace(examples, holes=np.packbits(holes, axis=2), first_bin=np.full(6, 128, np.int32))
    spectrum, _ = EnhanceBatches(examples, np.arange(6), CONTRACT, batch=2, frames=8, seed=0).batch(0)
    np.testing.assert_array_equal(spectrum[..., 2], ~np.broadcast_to(holes[:2, :8], (2, 8, 128)))
    assert spectrum[..., 10:20, 1].all()  # the sound itself is the excitation


@pytest.mark.parametrize("adversarial", [False, True])
def test_a_step_changes_what_it_should(examples, adversarial):
    keras.utils.set_random_seed(0)
    network = build_super_resolution(NETWORK, CONTRACT, 8)
    critic = build_discriminator("multiband", frames=8, bins=128, channels=1, widths=(4, 4))
    trainer = EnhanceTrainer(network, critic, CONFIG)
    trainer.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    trainer.with_critic(adversarial)
    before = {name: [np.array(v) for v in part.trainable_variables] for name, part in (("n", network), ("c", critic))}
    batch = EnhanceBatches(examples, np.arange(6), CONTRACT, batch=2, frames=8, seed=0).batch(0)
    logs = {name: float(value) for name, value in trainer.train_step(batch).items()}
    assert logs["distance"] > 0
    assert (logs["critic"] > 0) is adversarial
    changed = {
        name: any(not np.array_equal(old, new) for old, new in zip(before[name], part.trainable_variables, strict=True))
        for name, part in (("n", network), ("c", critic))
    }
    assert changed == {"n": True, "c": adversarial}
    assert float(trainer.test_step(batch)["distance"]) > 0


def test_known_cells_stay_and_cost_nothing(examples):
    network = build_super_resolution(NETWORK, CONTRACT, 8)
    critic = build_discriminator("multiband", frames=8, bins=128, channels=1, widths=(4, 4))
    trainer = EnhanceTrainer(network, critic, CONFIG)
    spectrum, target = EnhanceBatches(examples, np.arange(6), CONTRACT, batch=2, frames=8, seed=0).batch(0)
    restored, missing = trainer.restored(spectrum)
    known = spectrum[..., 2:] > 0
    np.testing.assert_array_equal(np.asarray(restored)[known], spectrum[..., :1][known])
    other = np.where(known, target + 5, target)
    assert float(trainer.network_terms(spectrum, target)[0]) == float(trainer.network_terms(spectrum, other)[0])
    assert np.asarray(missing).sum() == (~known).sum()


def test_a_run_goes_on_where_it_stopped(examples, tmp_path, monkeypatch):
    monkeypatch.setattr("tfsep.training.enhance_run.CRITIC", {"views": ((1, 1),), "widths": (4, 4)})

    def run(folder, steps):
        config = replace(CONFIG, steps=4, adversarial_weight=0.0, feature_matching_weight=0.0)
        made = EnhanceRun(tmp_path / folder, config, CONTRACT, examples, record={"data": ["x"]}, tell=lambda line: None)
        made.config = replace(made.config, steps=steps)
        made._learning_rate = lambda: 1e-3
        return made.train()

    whole = EnhanceBundle.load(run("whole", 4))
    run("halves", 2)
    halves = EnhanceBundle.load(run("halves", 4))
    for one, other in zip(whole.network.variables, halves.network.variables, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert whole.contract.training["step"] == 4
    assert whole.network(np.zeros((1, 16, 128, 3), np.float32)).shape == (1, 16, 128, 1)


def test_a_run_does_not_go_on_with_other_data(examples, tmp_path, monkeypatch):
    monkeypatch.setattr("tfsep.training.enhance_run.CRITIC", {"views": ((1, 1),), "widths": (4, 4)})
    record = {"data": ["songs"], "exclude": ["lithium"]}
    EnhanceRun(tmp_path, CONFIG, CONTRACT, examples, record=record, tell=print)._save()
    training = EnhanceBundle.load(tmp_path / "best").contract.training
    assert {name: training[name] for name in record} == record
    with pytest.raises(ModelError, match="holds a run with another exclude: use its settings"):
        EnhanceRun(tmp_path, CONFIG, CONTRACT, examples, record=record | {"exclude": []}, tell=print)


def test_too_few_examples(examples, tmp_path):
    one = replace(examples, recording=np.zeros(6, np.int32))
    for config, given, message in ((CONFIG, one, "from one recording"), (replace(CONFIG, frames=32), examples, "frames=32")):
        with pytest.raises(DataError, match=message):
            EnhanceRun(tmp_path / "run", config, CONTRACT, given, record={}, tell=print)
    assert not (tmp_path / "run").exists()


def test_damaged_bundles(tmp_path):
    with pytest.raises(ModelError, match=r"enhance\.json: cannot be read"):
        EnhanceBundle.load(tmp_path)
    EnhanceBundle.write(tmp_path, CONTRACT, NETWORK, build_super_resolution(NETWORK, CONTRACT).get_weights())
    (tmp_path / "model.keras").write_bytes(b"x")
    with pytest.raises(ModelError, match="not the weights of this network"):
        EnhanceBundle.load(tmp_path)
    (tmp_path / "enhance.json").write_text('{"bundle_version": 9}')
    with pytest.raises(ModelError, match="bundle version 9"):
        EnhanceBundle.load(tmp_path)


@pytest.mark.parametrize("fields", [{"steps": 0}, {"learning_rate": 2.0}, {"average_decay": 1.0}, {"adversarial_weight": -1.0}])
def test_settings_out_of_range(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        EnhanceTrainingConfig(**fields)
