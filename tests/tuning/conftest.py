"""What the tests of the search share: trials that are made up."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fake():
    """The module `fake_search`, beside this file."""
    spec = importlib.util.spec_from_file_location("fake_search", Path(__file__).with_name("fake_search.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_search"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_search(fake, tmp_path):
    """Return a function that runs a made-up search in `tmp_path/search` and returns its oracle and trainer."""
    from tfsep_tuning.search import make_oracle, run_alone
    from tfsep_tuning.settings import SearchSettings, keep_settings

    def run(*, faults=None, trainer=None, **options):
        settings = SearchSettings(**{"space": fake.SPACE, "limits": fake.FREE, "seed": 1, "trials": 12} | options)
        trainer = trainer(settings) if trainer else fake.MadeUpTrainer(settings)
        out = tmp_path / "search"
        keep_settings(out, settings)
        oracle = make_oracle(settings, faults or trainer.faults)
        run_alone(oracle, trainer, settings, out)
        return oracle, trainer

    return run
