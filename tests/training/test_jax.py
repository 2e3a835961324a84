"""The same trainers on Keras' JAX backend: one process does all runs there, and each is compared with TensorFlow's."""

import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")

PROGRAM = Path(__file__).with_name("adversarial_toy.py")
CASES = {
    "reference": {"stage": 2, "loss": "wgan-gp", "generator": "dssgan", "fields": {"clip_norm": 0.5}},
    "modern": {"stage": 2, "loss": "hinge"},
    "stage 1, by fit": {"stage": 1, "way": "fit"},
    "mixed": {"stage": 1, "policy": "mixed_bfloat16"},
}


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    out = tmp_path_factory.mktemp("jax") / "results.npz"
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(PROGRAM.parents[2])}
    options = json.dumps({"out": str(out), "cases": CASES})
    ran = subprocess.run([sys.executable, PROGRAM, options], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    with np.load(out) as file:
        return dict(file)


@pytest.mark.parametrize("name", sorted(CASES))
def test_as_on_tensorflow(on_jax, name):
    """Each term, and each weight after 2 steps of Adam, which may turn rounding of a vanishing gradient into a small part of one."""
    here = runpy.run_path(str(PROGRAM))["run"](**CASES[name] | ({} if name == "stage 1, by fit" else {"way": "eager"}))
    there = {key.removeprefix(f"{name}:"): value for key, value in on_jax.items() if key.startswith(f"{name}:")}
    assert sorted(here) == sorted(there)
    exact = name != "mixed"
    for key, value in here.items():
        if key.startswith("log/"):
            np.testing.assert_allclose(there[key], value, rtol=1e-4 if exact else 0.02, atol=2e-5, err_msg=key)
        elif exact:
            np.testing.assert_allclose(there[key], value, rtol=0, atol=2e-4, err_msg=key)
        assert there[key].dtype == value.dtype
