"""`AdversarialTrainer` on a toy, on TensorFlow; `test_jax.py` and `test_distribute.py` compare other places with it."""

import runpy
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tfsep.errors import UsageError
from tfsep.training.adversarial import AdversarialTrainer, build_critics, build_optimizers
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts

TOY = runpy.run_path(str(Path(__file__).with_name("adversarial_toy.py")))
batch_of, config_of, make_trainer, run = (TOY[name] for name in ("batch_of", "config_of", "make_trainer", "run"))


def state(trainer):
    return {name: [np.array(variable) for variable in variables] for name, variables in trainer.parts.items()}


def values(logs):
    return {name: float(value) for name, value in logs.items()}


def test_resume_is_exact(tmp_path):
    """3 steps, a checkpoint and 3 steps are 6 steps, to the last bit, both optimizers included."""
    config = config_of("wgan-gp", feature_matching_weight=0.1, ramp_steps=4, clip_norm=1.0)
    whole, first = make_trainer(config), make_trainer(config)
    average = AveragedWeights(first.generator.variables, 0.9)
    for index in range(3):
        whole.update(batch_of(config, 2, index))
        first.update(batch_of(config, 2, index))
    save_parts(tmp_path / "last.npz", first.parts, average, {"step": 3})
    second = make_trainer(config)
    assert load_parts(tmp_path / "last.npz", second.parts, average) == {"step": 3}
    for index in range(3, 6):
        whole.update(batch_of(config, 2, index))
        second.update(batch_of(config, 2, index))
    resumed = state(second)
    for name, arrays in state(whole).items():
        for one, other in zip(arrays, resumed[name], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    assert int(second.critic_optimizer.iterations) == 12
    assert int(second.generator_optimizer.iterations) == 6


def test_complex_masks_are_refused():
    config, toy = config_of("hinge"), TOY["GENERATORS"]["two"]
    with pytest.raises(UsageError, match="head='complex': adversarial training judges magnitudes"):
        AdversarialTrainer(None, replace(toy, head="complex"), config, (None, None))


def test_logs_are_means_until_they_are_reset():
    config = config_of("hinge")
    trainer = make_trainer(config, "two")
    batches = [batch_of(config, 2, index) for index in range(2)]
    first = values(trainer.update(batches[0]))
    assert first["loss"] == pytest.approx(
        first["supervised"] + 0.3 * first["adversarial"] + 0.1 * first["feature_matching"], rel=1e-5
    )
    assert (first["additivity"], first["penalty"]) == (0, 0)  # masks add up, and there is no penalty
    both = values(trainer.update(batches[1]))
    assert values(trainer.get_metrics_result()) == pytest.approx(both)
    trainer.reset_metrics()
    assert set(values(trainer.get_metrics_result()).values()) == {0.0}

    before = state(trainer)
    measured = values(trainer.measure(batches[1]))
    assert set(measured) == set(first)
    assert all(np.isfinite(value) for value in measured.values())
    for name, arrays in state(trainer).items():
        for one, other in zip(arrays, before[name], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"test_step changed {name}")


def test_four_stems_have_two_critics():
    config = config_of("lsgan")
    trainer = make_trainer(config, "four")
    before = state(trainer)
    logs = values(trainer.update(batch_of(config, 4, 0)))
    assert all(np.isfinite(value) for value in logs.values())
    for name, arrays in state(trainer).items():
        assert any((one != other).any() for one, other in zip(before[name], arrays, strict=True)), name


def test_ramp_keeps_fresh_critics_out():
    """In the first step of a ramp the generator learns from its targets alone: what stage 1 would do."""
    config = config_of("hinge", ramp_steps=10)
    trainer, other = make_trainer(config), make_trainer(replace(config, adversarial_weight=1e-30, feature_matching_weight=0.0))
    batch = batch_of(config, 2, 0)
    for each in (trainer, other):
        each.update(batch)
    for one, two in zip(trainer.generator.variables, other.generator.variables, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(two), atol=1e-6)


@pytest.mark.parametrize(("loss", "generator"), [("wgan-gp", "dssgan"), ("hinge", "two")])
@pytest.mark.parametrize("silent", ["recordings", "all"])
def test_silence(loss, generator, silent):
    """No NaN; and recordings that are silent teach nothing, so that silence is not rewarded."""
    config = config_of(loss)
    trainer = make_trainer(config, generator)
    batch = batch_of(config, 2, 0)
    quiet = {"targets": 0 * batch.targets, "rests": 0 * batch.rests}
    if silent == "all":
        quiet |= {"mixtures": 0 * batch.mixtures, "supervised": tuple(0 * part for part in batch.supervised)}
    before = state(trainer)
    logs = values(trainer.update(batch._replace(**quiet)))
    assert all(np.isfinite(value) for value in logs.values())
    assert (logs["critic"], logs["adversarial"], logs["feature_matching"]) == (0, 0, 0)
    after = state(trainer)
    assert all(np.isfinite(array).all() for arrays in after.values() for array in arrays)
    if loss == "hinge":  # without a penalty there is nothing at all to learn
        for one, other in zip(before["target_critic"], after["target_critic"], strict=True):
            np.testing.assert_array_equal(one, other)


def test_critics_learn_to_tell():
    """Recordings and estimates that differ by level: in some steps their scores part."""
    config = config_of("hinge", critic_learning_rate=3e-2)
    trainer, history = make_trainer(config), []
    batch = batch_of(config, 2, 0)
    batch = batch._replace(targets=20 * batch.targets, rests=20 * batch.rests)
    for _ in range(8):
        trainer.reset_metrics()
        history.append(values(trainer.update(batch)))
    assert history[-1]["critic"] < 0.25 * history[0]["critic"]
    assert history[-1]["target_real"] > history[-1]["target_fake"] + 1
    assert history[-1]["rest_real"] > history[-1]["rest_fake"] + 1


def test_mixed_bfloat16():
    result = run(stage=2, loss="hinge", policy="mixed_bfloat16", way="eager")
    exact = run(stage=2, loss="hinge", way="eager")
    for name, value in result.items():
        assert value.dtype == np.float32, name
        if name.startswith("log/"):
            assert float(value) == pytest.approx(float(exact[name]), rel=0.05, abs=0.1), name


def test_penalised_critics_stay_in_float32():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    for loss, expected in (("wgan-gp", "float32"), ("hinge", "bfloat16")):
        for critic in build_critics(config_of(loss), TOY["GENERATORS"]["two"], TOY["FRAMES"]):
            seen = critic(np.zeros((1, TOY["FRAMES"], 64, 1), np.float32))
            assert {keras.backend.standardize_dtype(layer.dtype) for layer in seen["features"]} == {expected}


def test_fit_is_the_loop():
    fields = {"stage": 2, "loss": "wgan-gp", "generator": "dssgan"}
    loop, fitted = run(**fields, way="eager"), run(**fields, way="fit")
    assert sorted(loop) == sorted(fitted)
    for name, value in loop.items():
        np.testing.assert_allclose(fitted[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_target_that_is_no_stem():
    config = config_of("hinge", target="guitar")
    with pytest.raises(UsageError, match="target='guitar': the generator separates drums, other; use one of them"):
        AdversarialTrainer(keras.Model(), TOY["GENERATORS"]["two"], config, (keras.Model(), keras.Model()))


def test_optimizers_are_the_configurations():
    generator, critic = build_optimizers(config_of("hinge", clip_norm=0.0), 3e-4)
    assert float(generator.learning_rate) == pytest.approx(3e-4)
    assert (generator.beta_1, generator.beta_2, generator.global_clipnorm) == (0.5, 0.9, None)
    assert float(critic.learning_rate) == pytest.approx(1e-3)
