import json

import keras
import numpy as np
import pytest

from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.errors import ModelError, TrainingError
from tfsep.models.drum_sampler import Sampler, build_critic
from tfsep.spec import SpectrogramSpec
from tfsep.training import drum_sampler_run
from tfsep.training.backend_steps import compiled_step
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts
from tfsep.training.drum_hits import CHUNK_HITS, Chunk, HitPool
from tfsep.training.drum_sampler import DrumSamplerConfig, DrumSamplerTrainer, HitBatch
from tfsep.training.drum_sampler_bundle import ABOUT_FILE, DrumSamplerBundle

SMALL = DrumSamplerContract(
    part="encoder",
    drums=("kick", "snare", "tom"),
    spec=SpectrogramSpec(window_samples=128, hop_samples=32, channels=1, frames=32),
    cells=16,
    bands=16,
    code=4,
)


def batch(size=12, seed=0):
    rng = np.random.default_rng(seed)
    drums = np.arange(size) % 3
    clean = np.zeros((size, 16, 16, 1), np.float32)
    for grid, drum in zip(clean, drums, strict=True):  # each drum has a band of its own, and decays at random
        grid[:, 4 * drum : 4 * drum + 4, 0] = np.exp(-np.arange(16) * rng.uniform(0.05, 0.4))[:, None]
    heard = np.clip(clean + rng.normal(0, 0.05, clean.shape), 0, 1).astype(np.float32)
    return HitBatch(heard, clean, np.eye(3, dtype=np.float32)[drums], *rng.standard_normal((2, size, 4)).astype(np.float32))


def trainer(judged=False, **fields):
    keras.utils.set_random_seed(0)
    config = DrumSamplerConfig(**({"steps": 200, "adversarial_from": 0, "ramp_steps": 1} | fields))
    made = DrumSamplerTrainer(Sampler(SMALL), build_critic(SMALL), config, SMALL.floor_db)
    made.compile()
    made.judged = judged
    return made


@pytest.mark.parametrize("judged", [False, True])
def test_it_learns(judged):
    step = compiled_step(made := trainer(judged))
    errors = []
    for number in range(40):
        made.reset_metrics()
        logs = step(batch(seed=number))
        errors.append(float(logs["error_db"]))
        assert np.isfinite(float(logs["loss"]))
    assert np.mean(errors[-5:]) < 0.6 * np.mean(errors[:5])


def test_only_judged_steps_change_the_critic():
    for judged in (False, True):
        made = trainer(judged)
        before = [np.array(v) for v in made.critic.trainable_variables]
        compiled_step(made)(batch())
        same = all(np.array_equal(a, np.array(b)) for a, b in zip(before, made.critic.trainable_variables, strict=True))
        assert same != judged


def test_a_checkpoint_goes_on_alike(tmp_path):
    made = trainer(judged=True)
    step = compiled_step(made)
    step(batch(seed=0))
    save_parts(tmp_path / "last.npz", made.parts, AveragedWeights(made.sampler_variables, 0.9), {"step": 1})
    step(batch(seed=1))
    wanted = [np.array(v) for v in made.sampler_variables]
    other = trainer(judged=True)
    assert load_parts(tmp_path / "last.npz", other.parts, AveragedWeights(other.sampler_variables, 0.9)) == {"step": 1}
    compiled_step(other)(batch(seed=1))
    for value, variable in zip(wanted, other.sampler_variables, strict=True):
        np.testing.assert_allclose(value, np.array(variable), atol=1e-5)


def test_codes_are_scaled_for_each_drum_and_back():
    sampler, rng = Sampler(SMALL), np.random.default_rng(0)
    factors = [np.tril(rng.normal(0, 0.2, (4, 4))) + np.eye(4) for _ in range(3)]
    sampler.scales.set([m.astype(np.float32) for m in rng.normal(0, 1, (3, 4))], [f.astype(np.float32) for f in factors])
    grid = batch().clean
    codes = np.asarray(sampler.codes(grid)["codes"])
    raw = np.asarray(sampler.encoder(grid)["mean"])
    for drum in range(3):
        one_hot = np.eye(3, dtype=np.float32)[[drum] * len(grid)]
        np.testing.assert_allclose(np.asarray(sampler.scales.network_code(codes[:, drum], one_hot)), raw, atol=1e-4)
        made = np.asarray(sampler.grids(np.concatenate([codes[:, drum], one_hot], axis=1))["grid"])
        assert (made.min() >= 0, made.max() <= 1) == (True, True)


def test_a_bundle_comes_back(tmp_path):
    bundle = DrumSamplerBundle(Sampler(SMALL))
    bundle.write(tmp_path, {"steps": 7})
    loaded = DrumSamplerBundle.load(tmp_path)
    assert loaded.sampler.contract.training == {"steps": 7}
    grid = batch().clean
    np.testing.assert_array_equal(
        np.asarray(loaded.sampler.codes(grid)["codes"]), np.asarray(bundle.sampler.codes(grid)["codes"])
    )


def test_a_damaged_bundle_is_one_clear_line(tmp_path):
    with pytest.raises(ModelError, match=ABOUT_FILE):
        DrumSamplerBundle.load(tmp_path)
    DrumSamplerBundle(Sampler(SMALL)).write(tmp_path, {})
    about = json.loads((tmp_path / ABOUT_FILE).read_text())
    (tmp_path / "model.keras").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"model\.keras"):
        DrumSamplerBundle.load(tmp_path)
    (tmp_path / ABOUT_FILE).write_text(json.dumps(about | {"bundle_version": 9}))
    with pytest.raises(ModelError, match="version 9"):
        DrumSamplerBundle.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("learning_rate", 0.0),
        ("damaged", 1.5),
        ("divergence_weight", -1.0),
        ("seed", -1),
        ("pool", 0),
        ("pool", CHUNK_HITS - 1),
    ],
)
def test_a_configuration_out_of_range_names_the_field(field, value):
    with pytest.raises(ValueError, match=field):
        DrumSamplerConfig(**{field: value})


def filled_pool(hits=CHUNK_HITS):
    rng = np.random.default_rng(0)
    grids = [rng.random((hits, 16, 16)).astype(np.float16) for _ in range(3)]
    grids[0][:, 8:] = 0
    pool = HitPool(SMALL, hits)
    pool.take(Chunk(*grids, np.arange(hits) % 3))
    return pool


def test_batches_are_grids_and_the_same_for_a_seed():
    pool = filled_pool()
    heard, clean, drums = pool.batch(20, np.random.default_rng(3), damaged=0.5)
    assert (heard.shape, clean.shape, drums.shape) == ((20, 16, 16, 1), (20, 16, 16, 1), (20, 3))
    for grids in (heard, clean):
        assert grids.dtype == np.float32
        assert grids.min() >= 0
        np.testing.assert_allclose(grids.max(axis=(1, 2, 3)), 1)
    np.testing.assert_array_equal(drums.sum(axis=1), 1)
    again = pool.batch(20, np.random.default_rng(3), damaged=0.5)
    for one, other in zip((heard, clean, drums), again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_silence_of_a_clean_hit_stays_and_undamaged_hits_are_heard_as_they_are():
    heard, clean, _ = filled_pool().batch(30, np.random.default_rng(0), damaged=0.0)
    assert not clean[:, 8:].any()
    np.testing.assert_array_equal(heard, clean)
    heard, clean, _ = filled_pool().batch(30, np.random.default_rng(0), damaged=1.0)
    assert (np.abs(heard - clean).mean(axis=(1, 2, 3)) > 0).all()


def test_the_oldest_hits_make_room():
    pool = filled_pool()
    new = [np.full((CHUNK_HITS, 16, 16), value, np.float16) for value in (1, 1, 1)]
    pool.take(Chunk(*new, np.zeros(CHUNK_HITS, int)))
    _, _, drums = pool.batch(10, np.random.default_rng(0), damaged=0.0)
    assert pool.taken == 2 * CHUNK_HITS
    assert (drums[:, 0] == 1).all()


@pytest.mark.parametrize("spoilt", ["loss", "weights"])
def test_what_has_diverged_is_never_saved(tmp_path, monkeypatch, spoilt):
    made = trainer(steps=3, adversarial_from=9, checkpoint_every=2)
    run = drum_sampler_run._Run(made.config, SMALL, made.encoder, made, tmp_path / "run", print)
    saved = []

    def step(batch):
        if run.step == 2:  # the last one, at which nothing is logged
            made.sampler_variables[0].assign(made.sampler_variables[0] * (np.nan if spoilt == "weights" else 1))
            return {"loss": np.nan if spoilt == "loss" else 1.0}
        return {"loss": 1.0}

    monkeypatch.setattr(drum_sampler_run, "compiled_step", lambda _: step)
    monkeypatch.setattr(drum_sampler_run, "save_parts", lambda *arguments: saved.append(arguments[-1]["step"]))
    monkeypatch.setattr(run, "_fill", lambda *_: None)
    message = "step 3: the loss is nan" if spoilt == "loss" else "step 3: sampler is no longer finite"
    with pytest.raises(TrainingError, match=message):
        run.train(filled_pool(), iter(()), None)
    assert saved == [2]
