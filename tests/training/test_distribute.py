"""`tf.distribute`: two workers on loopback, and two accelerators of one process, against one with the joint batch."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("adversarial_toy.py")
# One run with every term: penalty, feature matching, additivity, several updates of the critics, clipping.
CASES = {
    "adversarial": {
        "stage": 2,
        "loss": "wgan-gp",
        "generator": "dssgan",
        "fields": {"clip_norm": 0.5, "feature_matching_weight": 0.1},
    },
    "supervised": {"stage": 1},
}


def start(out: Path, *, accelerators: int = 1, **environment: str) -> subprocess.Popen:
    options = json.dumps({"out": str(out), "cases": CASES, "accelerators": accelerators})
    return subprocess.Popen(
        [sys.executable, PROGRAM, options],
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(PROGRAM.parents[2])} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def results(free_addresses, tmp_path_factory):
    """What each process ends with, by name."""
    folder = tmp_path_factory.mktemp("distribute")
    addresses = free_addresses(2)
    processes = {"accelerators": start(folder / "accelerators.npz", accelerators=2)}
    for index in range(2):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        processes[f"worker {index}"] = start(folder / f"worker {index}.npz", TF_CONFIG=json.dumps(config))
    try:
        program = runpy.run_path(str(PROGRAM))
        alone = {
            f"{name}:{key}": value for name, case in CASES.items() for key, value in program["run"](**case, way="eager").items()
        }
        for name, process in processes.items():
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, f"{name}: {errors[-2000:]}"
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return {"alone": alone} | {name: dict(np.load(folder / f"{name}.npz")) for name in processes}


@pytest.mark.parametrize("place", ["worker 0", "accelerators"])
def test_as_one_with_the_joint_batch(results, place):
    alone, there = results["alone"], results[place]
    assert sorted(alone) == sorted(there)
    for name, value in alone.items():
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if ":log/" in name else {"rtol": 0, "atol": 5e-5}
        np.testing.assert_allclose(there[name], value, **tolerance, err_msg=name)
    assert float(alone["adversarial:log/penalty"]) > 0.1


def test_workers_stay_alike(results):
    for name, value in results["worker 0"].items():
        np.testing.assert_array_equal(results["worker 1"][name], value, err_msg=name)
