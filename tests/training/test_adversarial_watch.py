import pytest

from tfsep.errors import TrainingError
from tfsep.training.adversarial_config import AdversarialConfig
from tfsep.training.adversarial_watch import CriticWatch

GOOD = {
    "loss": 1.0, "critic": 1.5, "penalty": 0.1, "slope": 1.0,
    "target_real": 0.6, "target_fake": -0.4, "rest_real": 0.3, "rest_fake": -0.2,
}  # fmt: skip


def watch(loss="hinge", window=3):
    return CriticWatch(AdversarialConfig(loss=loss), window=window)


def test_good_ones_pass():
    for loss in ("wgan-gp", "lsgan", "hinge"):
        watcher = watch(loss)
        for step in range(20):
            watcher.check(GOOD, step)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_finite(value):
    with pytest.raises(TrainingError, match=r"step 7: penalty is (nan|inf); lower the learning rates"):
        watch().check(GOOD | {"penalty": value}, 7)


def test_exploding_scores():
    with pytest.raises(TrainingError, match="step 7: the critic has exploded: rest_fake is -2e\\+05, score_bound=10000"):
        watch().check(GOOD | {"rest_fake": -2e5}, 7)


def test_steep_critics():
    watcher = watch("wgan-gp")
    watcher.check(GOOD | {"slope": 50.0}, 1)
    watcher.check(GOOD | {"slope": 50.0}, 2)
    with pytest.raises(
        TrainingError, match=r"step 3: for 3 logged intervals the critics' mean slope is above 10 .now 60.*penalty_weight"
    ):
        watcher.check(GOOD | {"slope": 60.0}, 3)


def test_collapsed_critic():
    watcher, same = watch(), GOOD | {"target_real": 0.25, "target_fake": 0.25}
    for step in (1, 2):
        watcher.check(same, step)
    with pytest.raises(
        TrainingError, match=r"the critic of the target gives recordings and estimates the same score .0.25.: it has collapsed"
    ):
        watcher.check(same, 3)


@pytest.mark.parametrize("loss", ["lsgan", "hinge"])
def test_critics_that_never_fail(loss):
    watcher, perfect = watch(loss), GOOD | {"critic": 1e-6}
    for step in (1, 2):
        watcher.check(perfect, step)
    with pytest.raises(TrainingError, match=r"critics' loss is below 0.0001.*teach nothing; lower critic_learning_rate"):
        watcher.check(perfect, 3)


def test_a_single_bad_interval_passes():
    watcher = watch()
    for step in range(30):
        watcher.check(GOOD | {"critic": 1e-6 if step % 3 else 0.5}, step)


def test_window():
    with pytest.raises(ValueError, match="window=0: use 1 or more"):
        watch(window=0)
