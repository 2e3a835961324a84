import errno

import keras
import numpy as np
import pytest

from tfsep.errors import AudioError, ModelError
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts


def make(width: int = 3, seed: int = 0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(width)])
    optimizer = keras.optimizers.AdamW(0.1)
    optimizer.build(model.trainable_variables)
    return model, optimizer, AveragedWeights(model.variables, 0.9)


def save_checkpoint(path, model, optimizer, average, progress):
    save_parts(path, {"generator": model.variables, "optimizer": optimizer.variables}, average, progress)


def load_checkpoint(path, model, optimizer, average):
    return load_parts(path, {"generator": model.variables, "optimizer": optimizer.variables}, average)


def step(model, optimizer, average):
    optimizer.apply([np.ones(v.shape, np.float32) * 0.3 for v in model.trainable_variables], model.trainable_variables)
    average.update(model.variables)


def state(model, optimizer, average):
    return [np.array(v) for v in (*model.variables, *optimizer.variables)] + [v.copy() for v in average.values]


def test_round_trip_is_exact_and_goes_on_alike(tmp_path):
    parts = make()
    for _ in range(3):
        step(*parts)
    save_checkpoint(tmp_path / "c.npz", *parts, {"step": 3, "best": float("-inf")})
    other = make(seed=9)
    assert load_checkpoint(tmp_path / "c.npz", *other) == {"step": 3, "best": float("-inf")}
    assert other[2].updates == 3
    for _ in range(2):
        for one, two in zip(state(*parts), state(*other), strict=True):
            np.testing.assert_array_equal(one, two)
        step(*parts)
        step(*other)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


def test_average_against_its_definition():
    values = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    average = AveragedWeights([np.zeros(4, np.float32)], 0.8)
    expected = np.zeros(4)
    for count, value in enumerate(values):
        average.update([value])
        decay = min(0.8, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * value
    np.testing.assert_allclose(average.values[0], expected, rtol=1e-4, atol=1e-6)


def test_average_of_what_stays_is_that():
    average = AveragedWeights([np.float32([1.7, -3.2])], 0.999)
    for _ in range(100):
        average.update([np.float32([1.7, -3.2])])
    np.testing.assert_allclose(average.values[0], [1.7, -3.2], rtol=1e-5)


def test_another_architecture(tmp_path):
    save_checkpoint(tmp_path / "c.npz", *make(), {"step": 3})
    with pytest.raises(ModelError, match="a checkpoint of another generator: use the configuration it was trained with"):
        load_checkpoint(tmp_path / "c.npz", *make(4))


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other arrays", "missing", "flipped"])
def test_damaged(tmp_path, damage):
    path = tmp_path / "c.npz"
    save_checkpoint(path, *make(), {"step": 3})
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("hello")
    elif damage == "other arrays":
        np.savez(path, a=np.zeros(3))
    elif damage == "missing":
        path.unlink()
    else:
        middle = whole.index(b"\x93NUMPY") + 140  # inside the first array, which a checksum guards
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    with pytest.raises(ModelError, match=r"c\.npz: not a checkpoint of this program .*; delete it to start again") as caught:
        load_checkpoint(path, *make())
    assert "\n" not in str(caught.value)


def test_full_disk_keeps_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    save_checkpoint(path, *make(), {"step": 3})
    before = path.read_bytes()

    def full(file, **_):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(AudioError, match="the disk is full"):
        save_checkpoint(path, *make(), {"step": 4})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["c.npz"]


def test_parts_of_several_networks(tmp_path):
    """Any number of them, and a stage-1 file is the one with `generator` and `optimizer`."""
    one, two = make(), make(4, seed=1)
    names = ("generator", "optimizer", "critic", "critic_optimizer")
    parts = dict(zip(names, (one[0].variables, one[1].variables, two[0].variables, two[1].variables), strict=True))
    save_parts(tmp_path / "c.npz", parts, one[2], {"step": 3})
    expected = [np.array(variable) for variables in parts.values() for variable in variables]
    for variables in parts.values():
        for variable in variables:
            variable.assign(variable.value * 0)
    assert load_parts(tmp_path / "c.npz", parts, one[2]) == {"step": 3}
    for variable, value in zip((v for variables in parts.values() for v in variables), expected, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)

    save_checkpoint(tmp_path / "1.npz", *one, {"step": 4})
    stage_1 = {name: parts[name] for name in names[:2]}
    assert load_parts(tmp_path / "1.npz", stage_1, one[2]) == {"step": 4}


def test_a_checkpoint_of_another_stage(tmp_path):
    model, optimizer, average = make()
    save_checkpoint(tmp_path / "c.npz", model, optimizer, average, {"step": 3})
    parts = {"generator": model.variables, "critic": [], "critic_optimizer": []}
    with pytest.raises(ModelError, match="holds generator, optimizer, but this run has critic, critic_optimizer, generator"):
        load_parts(tmp_path / "c.npz", parts, average)


def test_nothing_is_changed_unless_all_fits(tmp_path):
    save_checkpoint(tmp_path / "c.npz", *make(), {"step": 3})
    model, _, average = make(seed=9)
    other = make(4)[1]
    before = state(model, other, average)
    with pytest.raises(ModelError, match="a checkpoint of another optimizer"):
        load_checkpoint(tmp_path / "c.npz", model, other, average)
    for one, two in zip(before, state(model, other, average), strict=True):
        np.testing.assert_array_equal(one, two)
