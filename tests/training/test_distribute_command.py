"""`tfsep train --distribute`: two processes on loopback, each drawing its share, against one with the whole batches."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tfsep.errors import UsageError
from tfsep.training.distribution import Distribution

COMMAND = "import sys; from tfsep.cli import main; sys.exit(main())"
ROOT = Path(__file__).parents[2]


def train_with_two(addresses, toy, config, outs):
    """Run `tfsep train` as worker 0 and worker 1, into these folders; return exit codes and errors."""
    processes = []
    for index, out in enumerate(outs):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        options = ["--config", str(config), "--data", str(toy / "data"), "--validation", str(toy / "held")]
        options += ["--out", str(out), "--cache", str(toy / "cache"), "--distribute", "workers"]
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", COMMAND, "train", *options],
                env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CONFIG": json.dumps(place), "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        ended = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return [(process.returncode, *texts) for process, texts in zip(processes, ended, strict=True)]


def averages(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name.startswith("average/")}


@pytest.fixture(scope="module")
def together(free_addresses, toy, small_config, tmp_path_factory):
    """What two workers left, and how they ended."""
    folder = tmp_path_factory.mktemp("workers")
    config = folder / "config.json"
    config.write_text(json.dumps(small_config.to_json() | {"steps": 4, "validate_every": 4}))
    return folder, config, train_with_two(free_addresses(2), toy, config, [folder / "run", folder / "run"])


def test_two_workers_train_what_one_does(together, make_run, small_config, tmp_path):
    folder, _, ended = together
    assert [code for code, _, _ in ended] == [0, 0], ended
    make_run(tmp_path / "alone", replace(small_config, steps=4, validate_every=4)).train()
    alone, both = averages(tmp_path / "alone" / "last.npz"), averages(folder / "run" / "last.npz")
    for name, value in alone.items():
        np.testing.assert_allclose(both[name], value, rtol=0, atol=1e-3, err_msg=name)


def test_the_first_one_alone_writes(together):
    folder, _, ((_, first, _), (_, second, _)) = together
    assert sorted(path.name for path in (folder / "run").iterdir()) == ["best", "config.json", "last.npz", "log.jsonl", "logs"]
    assert [json.loads(line)["step"] for line in (folder / "run" / "log.jsonl").read_text().splitlines()] == [4]
    assert "mean validation SDR" in first
    assert second == ""


def test_workers_that_do_not_see_the_same_state_stop(together, free_addresses, toy):
    folder, config, _ = together
    config.write_text(json.dumps(json.loads(config.read_text()) | {"steps": 8}))
    before = (folder / "run" / "last.npz").read_bytes()
    ended = train_with_two(free_addresses(2), toy, config, [folder / "run", folder / "elsewhere"])
    assert [code for code, _, _ in ended] == [1, 1]
    assert "tfsep: worker 0 goes on from step 4, others from another: all workers must see the same --out" in ended[0][2]
    assert (folder / "run" / "last.npz").read_bytes() == before
    assert not (folder / "elsewhere").exists()


@pytest.mark.parametrize(
    ("kind", "place", "message"),
    [
        ("many", "", "--distribute many: use mirrored or workers"),
        ("workers", "", "TF_CONFIG is not set: use"),
        ("workers", "{", "TF_CONFIG is '{'"),
        ("workers", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "this one among them"),
        ("workers", '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}', "workers alone"),
    ],
)
def test_wrong_places(kind, place, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", place)
    with pytest.raises(UsageError, match=message.replace("{", r"\{")):
        Distribution(kind)


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="needs KERAS_BACKEND=tensorflow, not jax"):
        Distribution("mirrored")


def test_batches_must_split_evenly(monkeypatch):
    distribution = Distribution()
    assert distribution.share(5) == slice(0, 5)
    monkeypatch.setattr(Distribution, "replicas", 4)
    distribution.worker, distribution.workers = 1, 2
    assert distribution.share(8) == slice(4, 8)
    with pytest.raises(UsageError, match="a batch of 6 cannot be split over 4 accelerators: use a multiple of 4"):
        distribution.share(6)
