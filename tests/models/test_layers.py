import keras
import numpy as np
import pytest

from tfsep.models.layers import (
    BandMerge,
    BandSplit,
    BandStack,
    BandUnstack,
    BinNormalisation,
    FrequencyDense,
    PlainConv,
    ResidualConv,
    TfcTdf,
)

BANDS = ((8, 2), (12, 6))
LAYERS = {
    "normalise": (lambda: BinNormalisation(), (4, 20, 2), (4, 20, 2)),
    "split": (lambda: BandSplit(BANDS, 5), (4, 20, 2), (4, 6, 5)),
    "merge": (lambda: BandMerge(BANDS, 2), (4, 6, 5), (4, 40)),
    "stack": (lambda: BandStack(4, 5), (4, 20, 2), (4, 5, 5)),
    "unstack": (lambda: BandUnstack(4, 2), (4, 6, 5), (4, 48)),
    "plain": (lambda: PlainConv(5), (4, 6, 5), (4, 6, 5)),
    "tfc-tdf": (lambda: TfcTdf(5, 2), (4, 6, 5), (4, 6, 5)),
    "tfc-tdf without": (lambda: TfcTdf(5, 0, residual=False), (4, 6, 5), (4, 6, 5)),
    "residual": (lambda: ResidualConv(5), (4, 6, 5), (4, 6, 5)),
    "dense": (lambda: FrequencyDense(2), (4, 6, 5), (4, 6, 5)),
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_save_and_load(name, rng, tmp_path):
    make, shape, expected = LAYERS[name]
    model = keras.Sequential([keras.layers.Input(shape), make()])
    for variable in model.variables:
        variable.assign(rng.normal(0, 1, variable.shape))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    x = rng.normal(0, 1, (3, *shape)).astype(np.float32)
    y = np.asarray(model(x))
    assert y.shape == (3, *expected)
    np.testing.assert_array_equal(np.asarray(loaded(x)), y)
    assert len(loaded.variables) == len(model.variables) > 0


def built(layer, shape):
    layer.build((None, *shape))
    return layer


def test_normalisation(rng):
    layer = built(BinNormalisation(), (4, 20, 2))
    mean, scale = rng.normal(size=(20, 1)), rng.uniform(1, 2, (20, 1))
    layer.mean.assign(mean)
    layer.scale.assign(scale)
    x = rng.normal(size=(3, 4, 20, 2)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(layer(x)), (x - mean) * scale, rtol=1e-5, atol=1e-5)
    assert not layer.trainable_variables


def test_split_maps_each_patch_by_its_band(rng):
    layer = built(BandSplit(BANDS, 5), (4, 20, 2))
    layer.bias.assign(rng.normal(size=(6, 5)))
    x = rng.normal(size=(1, 4, 20, 2)).astype(np.float32)
    y = np.asarray(layer(x))
    low, high = (np.asarray(dense.kernel) for dense in layer.maps)
    bias = np.asarray(layer.bias)
    np.testing.assert_allclose(y[0, 1, 3], np.maximum(x[0, 1, 6:8].reshape(-1) @ low + bias[3], 0), atol=1e-5)
    np.testing.assert_allclose(y[0, 2, 5], np.maximum(x[0, 2, 14:20].reshape(-1) @ high + bias[5], 0), atol=1e-5)


def test_merge_is_laid_out_as_bins_times_channels(rng):
    layer = built(BandMerge(BANDS, 2), (4, 6, 5))
    x = rng.normal(size=(1, 4, 6, 5)).astype(np.float32)
    y = np.asarray(layer(x)).reshape(1, 4, 20, 2)
    low, high = (np.asarray(dense.kernel) for dense in layer.maps)
    np.testing.assert_allclose(y[0, 3, 2:4].reshape(-1), x[0, 3, 1] @ low, atol=1e-6)
    np.testing.assert_allclose(y[0, 0, 8:14].reshape(-1), x[0, 0, 4] @ high, atol=1e-6)


def test_stack_maps_the_same_place_of_all_bands(rng):
    layer = built(BandStack(4, 5), (4, 20, 2))
    layer.bias.assign(rng.normal(size=(5, 5)))
    x = rng.normal(size=(1, 4, 20, 2)).astype(np.float32)
    y = np.asarray(layer(x))
    place = x[0, 1, [3, 8, 13, 18]].reshape(-1)  # the fourth bin of each band
    np.testing.assert_allclose(
        y[0, 1, 3], np.maximum(place @ np.asarray(layer.map.kernel) + np.asarray(layer.bias)[3], 0), atol=1e-5
    )


def test_unstack_lays_bands_out_along_frequency(rng):
    layer = built(BandUnstack(4, 2), (4, 6, 5))
    x = rng.normal(size=(1, 4, 6, 5)).astype(np.float32)
    y = np.asarray(layer(x)).reshape(1, 4, 24, 2)
    bands = (x[0, 3, 2] @ np.asarray(layer.map.kernel)).reshape(4, 2)
    np.testing.assert_allclose(y[0, 3, [2, 8, 14, 20]], bands, atol=1e-6)


def test_residual_branches_hardly_change_the_variance(rng):
    keras.utils.set_random_seed(0)
    x = rng.normal(size=(2, 16, 64, 32)).astype(np.float32)
    for layer in (ResidualConv(32), FrequencyDense(2)):
        layer.build(x.shape)
        change = np.asarray(layer(x)) - x
        assert change.min() >= 0
        assert 0.05 < np.mean(change**2) < 0.5  # 0.2 by design, times how far the input of the last layer is from unit scale


def test_dense_sees_all_positions_of_one_frame_and_channel(rng):
    layer = built(FrequencyDense(1), (4, 16, 3))
    x = rng.normal(size=(1, 4, 16, 3)).astype(np.float32)
    changed = x.copy()
    changed[0, 2, 5, 1] += 10
    difference = np.asarray(layer(changed)) - np.asarray(layer(x))
    assert np.abs(difference[0, 2, :, 1]).astype(bool).sum() > 4
    difference[0, 2, :, 1] = 0
    np.testing.assert_allclose(difference, 0, atol=1e-6)
