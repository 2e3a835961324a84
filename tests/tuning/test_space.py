"""From hyperparameters to configurations, with KerasTuner's class and without it."""

import subprocess
import sys
from dataclasses import replace

import keras_tuner
import pytest
from tfsep_tuning.space import SPACES, Chosen, Space, declare, generator_config, space_named, training_config

from tfsep.errors import UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.training.adversarial_config import AdversarialConfig
from tfsep.training.config import TrainingConfig

BASE = TrainingConfig()
DEFAULTS = {"kind": "bandsplit", "window_samples": 4096, "overlap": 4, "levels": 4, "width": 32, "growth": 2.0, "head": "mask",
            "block": "residual", "convolutions": 1, "dense_bottleneck": 8, "layout": "default", "batch": 8, "error": "rms",
            "learning_rate": 1e-3}  # fmt: skip


def draws(space, base, count, seed=0):
    """Yield values as KerasTuner draws them."""
    hp = keras_tuner.HyperParameters()
    training_config(hp, space, base)
    oracle = keras_tuner.oracles.RandomSearchOracle(objective="loss", hyperparameters=hp, seed=seed + 1)
    for _ in range(count):
        yield oracle._random_values()


def test_the_default_generator_lies_in_the_space():
    values = DEFAULTS | {"convolutions": 1}
    config = generator_config(Chosen(values), SPACES["full"], BASE.generator)
    assert config == replace(GeneratorConfig(), blocks=(1, 1, 1, 1))
    assert training_config(Chosen(values), SPACES["full"], BASE) == replace(BASE, generator=config)


def test_keras_tuner_and_known_values_give_the_same():
    for values in draws(SPACES["full"], BASE, 20):
        hp = keras_tuner.HyperParameters()
        training_config(hp, SPACES["full"], BASE)  # declares
        hp.values = values
        made = []
        for chosen in (hp, Chosen(values)):
            try:
                made.append(training_config(chosen, SPACES["full"], BASE))
            except ValueError as error:
                made.append(str(error))
        assert made[0] == made[1]


@pytest.mark.parametrize("name", sorted(SPACES))
def test_what_is_drawn_is_valid_or_refused(name):
    configs = refused = 0
    for values in draws(SPACES[name], BASE, 60 if name != "tiny" else 3):
        try:
            config = training_config(Chosen(values), SPACES[name], BASE)
        except ValueError:
            refused += 1
        else:
            configs += 1
            spec = config.generator.spec
            assert TrainingConfig.from_json(config.to_json()) == config
            assert spec.frames * spec.hop_samples == BASE.generator.spec.frames * BASE.generator.spec.hop_samples
            assert config.steps * config.batch == pytest.approx(BASE.steps * BASE.batch, rel=0.01)
            assert all(width % 8 == 0 for width in config.generator.widths)
    assert configs > refused


def test_every_part_is_drawn():
    values = list(draws(SPACES["full"], BASE, 200))
    drawn = {name: {each.get(name) for each in values} - {None} for name in DEFAULTS}
    assert drawn["kind"] == {"bandsplit", "bandstack"}
    assert drawn["head"] == {"mask", "complex"}
    assert drawn["block"] == {"residual", "plain"}
    assert drawn["dense_bottleneck"] == {0, 4, 8, 16}
    assert drawn["layout"] == {"coarse", "default", "fine", "uniform"}
    assert all(("layout" in each) == (each["kind"] == "bandsplit") for each in values)
    assert all(("subbands" in each) == (each["kind"] == "bandstack") for each in values)
    rates = [each["learning_rate"] for each in values]
    assert 3e-4 <= min(rates) < 4e-4
    assert 2e-3 < max(rates) <= 3e-3


def test_one_choice_is_no_hyperparameter():
    hp = keras_tuner.HyperParameters()
    training_config(hp, SPACES["tiny"], BASE)
    assert sorted(each.name for each in hp.space) == ["block", "convolutions", "error", "learning_rate", "levels"]


def test_stage_2_is_searched_for_a_given_generator():
    base = replace(BASE, adversarial=AdversarialConfig())
    for values in draws(SPACES["full"], base, 5):
        assert set(values) == {
            "learning_rate",
            "critic_loss",
            "critic_learning_rate",
            "adversarial_weight",
            "feature_matching_weight",
        }
        config = training_config(Chosen(values), SPACES["full"], base)
        assert config.generator == base.generator
        assert config.adversarial.loss == values["critic_loss"]
        assert config.adversarial.adversarial_weight == values["adversarial_weight"]


def test_values_of_another_space():
    with pytest.raises(ValueError, match="hyperparameter width has no value: the values belong to another space"):
        training_config(Chosen({name: value for name, value in DEFAULTS.items() if name != "width"}), SPACES["full"], BASE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kinds": ("transformer",)}, "kinds='transformer': use bandsplit, bandstack"),
        ({"widths": ()}, "use one or more different values"),
        ({"widths": (8, 8)}, "use one or more different values"),
        ({"learning_rates": (1e-2, 1e-3)}, "use two positive numbers, the smaller one first"),
        ({"windows": (2048.0,)}, "windows=2048.0: use whole numbers from 1"),
        ({"overlaps": (0, 2)}, "overlaps=0: use whole numbers from 1"),
        ({"batches": (0, 2)}, "batches=0: use whole numbers from 1"),
        ({"layouts": ("mine",)}, "layouts='mine': use coarse"),
    ],
)
def test_bad_spaces(fields, message):
    with pytest.raises(ValueError, match=message):
        Space(**fields)


@pytest.mark.parametrize(
    "fields", [{"kinds": ("bandsplit",), "layouts": ("fine",), "windows": (512, 4096)}, {"levels": (9, 3), "batches": (4, 8)}]
)
def test_a_space_whose_first_values_are_no_generator_is_declared_whole(fields):
    base, declared, ordered = TrainingConfig(), keras_tuner.HyperParameters(), keras_tuner.HyperParameters()
    with pytest.raises(ValueError):  # noqa: PT011
        training_config(keras_tuner.HyperParameters(), Space(**fields), base)
    declare(declared, Space(**fields), base)
    declare(ordered, Space(**{name: sorted(values, reverse=name == "windows") for name, values in fields.items()}), base)
    assert set(declared.values) == set(ordered.values)


def test_json():
    for space in SPACES.values():
        assert Space.from_json(space.to_json()) == space
    with pytest.raises(ValueError, match="space fields depth are unknown: use kinds"):
        Space.from_json({"depth": [1]})
    with pytest.raises(UsageError, match="space 'huge' is unknown: use full, small, tiny"):
        space_named("huge")


def test_the_space_needs_neither_keras_tuner_nor_keras():
    code = "import sys, tfsep_tuning.space, tfsep_tuning.registry, tfsep_tuning.cli; print(sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'keras_tuner'" not in ran.stdout
    assert "'keras'" not in ran.stdout
