import json

import pytest

from tfsep.errors import UsageError
from tfsep.training.adversarial_config import ADVERSARIAL_PRESETS, AdversarialConfig, adversarial_preset


@pytest.mark.parametrize("name", sorted(ADVERSARIAL_PRESETS))
def test_json_round_trip(name):
    config = adversarial_preset(name)
    assert AdversarialConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_the_references_stage_2():
    config = adversarial_preset("dssgan")
    assert (config.loss, config.discriminator) == ("wgan-gp", "dcgan")
    assert (config.adversarial_weight, config.additivity_weight, config.supervised_weight) == (0.001, 0.001, 1.0)
    assert (config.penalty_weight, config.critic_steps) == (10.0, 5)
    assert config.critic_learning_rate == 5e-5
    assert (config.unpaired_batch, config.unpaired_examples) == (48, 240)


def test_unknown_preset():
    with pytest.raises(UsageError, match="adversarial preset 'gan' is unknown: use modern, dssgan"):
        adversarial_preset("gan")


def test_unknown_field():
    with pytest.raises(ValueError, match="adversarial fields alpha are unknown: use loss, "):
        AdversarialConfig.from_json({"alpha": 1})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"loss": "gan"}, "loss='gan': use wgan-gp, lsgan, hinge"),
        ({"discriminator": "patch"}, "discriminator='patch': use dcgan, multiband"),
        ({"target": ""}, "target='': use the name of a stem"),
        ({"critic_steps": 0}, "critic_steps=0: use 1 or more"),
        ({"unpaired_batch": 0}, "unpaired_batch=0: use 1 or more"),
        ({"supervised_weight": -1.0}, "supervised_weight=-1.0: use 0 or more"),
        ({"penalty_weight": float("nan")}, "penalty_weight=nan: use 0 or more"),
        ({"clip_norm": float("inf")}, "clip_norm=inf: use 0 or more"),
        ({"adversarial_weight": 0.0, "feature_matching_weight": 0.0}, "the critics would be of no use"),
        ({"critic_learning_rate": 0.0}, "critic_learning_rate=0.0: use a positive number"),
        ({"beta_1": 1.0}, "beta_1=1.0: use 0 to less than 1"),
    ],
)
def test_fields_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        AdversarialConfig(**fields)
