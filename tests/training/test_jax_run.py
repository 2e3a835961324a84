"""A whole run on Keras' JAX backend, in a process of its own."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.util import find_spec

import numpy as np
import pytest

from tfsep.bundle import Bundle
from tfsep.models.cost import generator_cost

CODE = """
import json, sys
from tfsep.cli import main
code = main(sys.argv[1:])
assert code == 0, code
"""


@pytest.mark.skipif(not find_spec("jax"), reason="jax is not installed: pip install 'tfsep[jax]'")
def test_what_jax_trained_tensorflow_reads(toy, small_config, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    path, out = tmp_path / "small.json", tmp_path / "run"
    path.write_text(json.dumps(replace(small_config, steps=4, validate_every=4).to_json()))
    options = ["train", "--config", str(path), "--data", str(toy / "data"), "--validation", str(toy / "held"),
               "--out", str(out), "--cache", str(toy / "cache")]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", CODE, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "config.json").read_text())["machine"]["backend"] == "jax"
    bundle = Bundle.load(out / "best")
    assert all(np.isfinite(np.asarray(variable)).all() for variable in bundle.generator.variables)
    assert bundle.about.training["cost"] == asdict(generator_cost(small_config.generator))  # counted by the other backend
    assert np.isfinite(bundle.about.training["validation_sdr"])
