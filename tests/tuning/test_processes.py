"""Searches as processes that are killed: alone, and as a chief with two workers on loopback. Trials are made up."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tfsep_tuning.distributed import ORACLE_IP, ORACLE_PORT, TUNER_ID, Address
from tfsep_tuning.results import read_results
from tfsep_tuning.search import make_oracle, run_chief, run_worker
from tfsep_tuning.settings import SearchSettings

from tfsep.errors import TfsepError, UsageError

SCRIPT = Path(__file__).with_name("fake_search.py")
LIGHT = {"KERAS_BACKEND": "numpy", "OMP_NUM_THREADS": "1"}  # without TensorFlow a process is there in 2 s


def start(*arguments, **options):
    return subprocess.Popen([sys.executable, str(SCRIPT), *map(str, arguments)], env=os.environ | LIGHT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # fmt: skip


def free_address():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", listener.getsockname()[1])


def wait_for(condition, seconds=120):
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def trained(out):
    return (out / "trained.txt").read_text().split() if (out / "trained.txt").is_file() else []


@pytest.fixture
def without_chief(monkeypatch):
    for name in (TUNER_ID, ORACLE_IP, ORACLE_PORT):
        monkeypatch.delenv(name, raising=False)


def test_a_killed_search_repeats_no_finished_trial(tmp_path):
    out, settings = tmp_path / "search", json.dumps({"trials": 9, "tuner": "hyperband"})
    first = start("alone", out, "--settings", settings, "--sleep", "0.2")
    wait_for(lambda: len(trained(out)) >= 3)
    first.kill()
    first.wait()
    before = trained(out)
    assert len(before) < 9
    second = start("alone", out, "--settings", settings)
    _, error = second.communicate()
    assert second.returncode == 0, error
    # a trial may have been trained and not yet handed in when the kill came; that one alone is done twice
    assert sorted(set(trained(out))) == [f"trial_{number:04d}" for number in range(9)]
    assert len(trained(out)) - len(set(trained(out))) <= 1
    assert len(read_results(out).completed) == 9


def test_chief_and_two_workers_one_of_them_killed(tmp_path):
    out, address = tmp_path / "search", free_address()
    settings = json.dumps({"trials": 10, "tuner": "hyperband", "patience_s": 2.0})
    common = (out, "--address", address, "--settings", settings, "--sleep", "1.5")
    chief = start("chief", *common)
    workers = [start("worker", *common, "--name", f"w{number}") for number in range(2)]
    try:
        ongoing = lambda: json.loads((out / "oracle.json").read_text())["ongoing_trials"]  # noqa: E731
        wait_for(lambda: (out / "oracle.json").is_file() and set(ongoing()) == {"w0", "w1"})
        workers[0].send_signal(signal.SIGSTOP)  # it says nothing and keeps its trial
        held = ongoing()["w0"]
        workers[0].kill()
        told, error = chief.communicate(timeout=120)
        assert chief.returncode == 0, error
        assert "worker w0 is lost: no sign of life for 2 s; its trial goes to another" in told
        _, error = workers[1].communicate(timeout=60)
        assert workers[1].returncode == 0, error
    finally:
        for process in (chief, *workers):
            process.kill()
            process.communicate()
    result = read_results(out)
    assert [trial.status for trial in result.trials] == ["COMPLETED"] * 10
    assert f"trial_{held}" in trained(out)
    assert sorted(set(trained(out))) == [f"trial_{number:04d}" for number in range(10)]


def test_a_worker_without_a_chief(fake, tmp_path, monkeypatch, without_chief):
    address = free_address()
    settings = SearchSettings(space=fake.SPACE, limits=fake.FREE, seed=1, patience_s=1.0)
    started_s = time.monotonic()
    with pytest.raises(TfsepError, match=rf"the chief at {address} did not answer within 1 s: is it running"):
        run_worker(fake.MadeUpTrainer(settings), settings, tmp_path, address, "w0")
    assert time.monotonic() - started_s < 30
    for name in (TUNER_ID, ORACLE_IP, ORACLE_PORT):
        with suppress(KeyError):
            del os.environ[name]


def test_a_chief_on_an_address_that_is_taken_or_without_workers(fake, tmp_path):
    settings = SearchSettings(space=fake.SPACE, limits=fake.FREE, seed=1, patience_s=0.05)
    oracle = make_oracle(settings, lambda values: [])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = Address("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(UsageError, match="cannot be listened on, another program may"):
            run_chief(oracle, settings, tmp_path / "search", taken, tell=print)
    assert not (tmp_path / "search").exists()
    with pytest.raises(TfsepError, match=r"no worker for 0 s, 0 trials are done: start workers"):
        run_chief(oracle, settings, tmp_path / "search", free_address(), tell=print)


def test_addresses(monkeypatch, without_chief):
    assert str(Address.parse("10.0.0.5:8801")) == "10.0.0.5:8801"
    for text in ("8801", "host:", "host:99999", ":80", "host:port"):
        with pytest.raises(UsageError, match="use HOST:PORT"):
            Address.parse(text)
    assert Address.from_environment() is None
    monkeypatch.setenv(ORACLE_IP, "chief.example")
    with pytest.raises(UsageError, match="KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT: set both"):
        Address.from_environment()
    monkeypatch.setenv(ORACLE_PORT, "8801")
    assert Address.from_environment() == Address("chief.example", 8801)
