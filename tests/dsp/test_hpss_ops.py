"""Harmonic-percussive separation inside a model against that in NumPy."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from tfsep.dsp import hpss_ops
from tfsep.dsp.hpss import hpss_masks

SHAPE = (2, 40, 64, 2)


@pytest.mark.parametrize("options", [{}, {"margin": 2.0, "kernel": 9, "power": 1.0}])
def test_same_masks_as_in_numpy(options, rng):
    magnitudes = rng.exponential(1.0, SHAPE).astype(np.float32)
    magnitudes[0, :20] = 0
    found = hpss_ops.hpss_masks(tf.constant(magnitudes), **options)
    for index, each in enumerate(magnitudes):
        for mask, expected in zip(found, hpss_masks(each, **options), strict=True):
            np.testing.assert_allclose(np.asarray(mask)[index], expected, atol=1e-6)


def test_batches_of_unknown_size_in_a_graph(rng):
    magnitudes = rng.exponential(1.0, SHAPE).astype(np.float32)
    masks = partial(hpss_ops.hpss_masks, kernel=7)
    graph = tf.function(masks, input_signature=[tf.TensorSpec((None, *SHAPE[1:]))])
    for found, expected in zip(graph(magnitudes), masks(tf.constant(magnitudes)), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_percussive_features_are_masked_ones(rng):
    amplified = rng.exponential(30.0, SHAPE).astype(np.float32)
    amplified[1, :20] = 0
    found = np.asarray(hpss_ops.percussive_features(tf.constant(np.log1p(amplified))))
    for each, part in zip(amplified, found, strict=True):
        np.testing.assert_allclose(part, hpss_masks(each)[1] * np.log1p(each), atol=1e-4)


def test_percussive_features_keep_their_type_and_stop_the_gradient():
    features = tf.ones((1, 8, 8, 1), tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(features)
        found = hpss_ops.percussive_features(features)
    assert found.dtype == tf.bfloat16
    assert tape.gradient(found, features) is None


@pytest.mark.parametrize(("options", "named"), [({"margin": 0.5}, "margin=0.5"), ({"kernel": 2}, "kernel=2")])
def test_arguments_out_of_range_are_named(options, named):
    with pytest.raises(ValueError, match=named):
        hpss_ops.hpss_masks(tf.zeros((1, 4, 4, 1)), **options)


def test_on_jax():
    pytest.importorskip("jax")
    code = (
        "import jax, numpy as np\n"
        "from tfsep.dsp import hpss, hpss_ops\n"
        "magnitudes = np.random.default_rng(0).exponential(1.0, (1, 20, 24, 1)).astype(np.float32)\n"
        "found = jax.jit(lambda values: hpss_ops.hpss_masks(values, kernel=7))(magnitudes)\n"
        "for mask, expected in zip(found, hpss.hpss_masks(magnitudes[0], kernel=7), strict=True):\n"
        "    np.testing.assert_allclose(np.asarray(mask)[0], expected, atol=1e-6)\n"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
