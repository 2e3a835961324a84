"""Searches with made-up trials: what is drawn, what fails, and what a kill leaves."""

import json
import math
import shutil
from dataclasses import replace
from itertools import count

import pytest
from tfsep_tuning import oracles
from tfsep_tuning.oracles import MOST_LOSSES
from tfsep_tuning.results import MULTIPLY_ADDS, SDR, SHARE, read_results
from tfsep_tuning.search import make_oracle
from tfsep_tuning.settings import SearchSettings, keep_settings

from tfsep.errors import ModelError, TrainingError

TUNERS = ("random", "bayesian", "hyperband")


@pytest.mark.parametrize("tuner", TUNERS)
def test_all_trials_are_done_once(make_search, tmp_path, tuner):
    oracle, trainer = make_search(tuner=tuner)
    assert oracle.stop_reason == "all 12 trials are done"
    assert sorted(trainer.trained) == sorted(f"trial_{number:04d}" for number in range(12))
    result = read_results(tmp_path / "search")
    assert len(result.completed) == 12
    scores = [trial.metrics[SDR] for trial in result.completed]
    assert result.completed[0].metrics["multi_objective"] == min(trial.metrics["multi_objective"] for trial in result.trials)
    assert len(set(scores)) > 1


def test_the_front(make_search, tmp_path):
    make_search(tuner="random", trials=20)
    result = read_results(tmp_path / "search")
    for trial in result.completed:
        better = [
            t
            for t in result.completed
            if t.metrics[MULTIPLY_ADDS] <= trial.metrics[MULTIPLY_ADDS] and t.metrics[SDR] > trial.metrics[SDR]
        ]
        assert (trial in result.front) == (not better)


def test_the_seed_decides(make_search, tmp_path):
    def values(seed):
        make_search(tuner="hyperband", seed=seed)
        found = [trial.values for trial in read_results(tmp_path / "search").trials]
        shutil.rmtree(tmp_path / "search")
        return found

    assert values(3) == values(3) != values(4)


@pytest.mark.parametrize("tuner", TUNERS)
def test_failed_trials_do_not_end_the_search(make_search, fake, tmp_path, tuner):
    """KerasTuner's oracles end with an error after three in a row."""
    numbers = count()

    class Fails(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            if next(numbers) % 6 < 4:
                raise TrainingError("step 3: the loss is nan")
            return super().train(values, out, **options)

    make_search(tuner=tuner, trials=24, trainer=Fails)
    result = read_results(tmp_path / "search")
    assert len(result.trials) == 24
    failed = [trial for trial in result.trials if trial.status == "FAILED"]
    assert len(failed) == 16
    assert {trial.message for trial in failed} == {"step 3: the loss is nan"}
    assert "Traceback" in (tmp_path / "search" / f"trial_{failed[0].name}" / "error.txt").read_text()


def test_a_search_in_which_everything_fails_is_given_up(make_search, fake, tmp_path):
    class Breaks(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            raise OSError(28, "No space left on device")

    oracle, _ = make_search(tuner="random", trials=50, trainer=Breaks)
    assert len(read_results(tmp_path / "search").trials) == 10
    assert oracle.stop_reason == "10 trials in a row have failed, the last one: OSError: [Errno 28] No space left on device"
    # with the disk freed the same command goes on
    oracle, trainer = make_search(tuner="random", trials=50)
    assert len(trainer.trained) == 40
    assert oracle.stop_reason == "all 50 trials are done"


def test_hyperband_draws_another_for_one_that_failed(make_search, fake, tmp_path):
    """Nine configurations start with a ninth of the steps; three that did not fail go on, whatever failed among the first."""
    numbers = count()

    class Fails(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            if next(numbers) in (0, 1, 2, 5):
                raise TrainingError("the loss is nan")
            return super().train(values, out, **options)

    make_search(tuner="hyperband", trials=17, trainer=Fails)
    shares = [trial.metrics[SHARE] for trial in read_results(tmp_path / "search").trials if trial.completed]
    assert sorted(round(1 / share) for share in shares) == [1, *[3] * 3, *[9] * 9]


@pytest.mark.parametrize("tuner", TUNERS)
def test_limits_refuse_before_a_trial(make_search, fake, tmp_path, tuner):
    """Half of the space is refused: there is no trial of it, and the Gaussian process does not insist."""
    refuse = lambda values: ["2.10 G multiply-adds a second, at most 2"] if values["width"] >= 24 else []  # noqa: E731
    make_search(tuner=tuner, faults=refuse, trials=12, space=replace(fake.SPACE, windows=(4096,)))
    result = read_results(tmp_path / "search")
    assert len(result.completed) == 12
    assert all(trial.values["width"] < 24 for trial in result.trials)
    assert result.refused
    assert all(refused["values"]["width"] >= 24 and "at most 2" in refused["reason"] for refused in result.refused)


def test_limits_that_leave_nothing(make_search, tmp_path):
    oracle, trainer = make_search(tuner="random", faults=lambda values: ["too large"])
    assert trainer.trained == []
    assert oracle.stop_reason == "300 draws in a row break the limits, the last one: too large"


def test_the_budget_ends_the_search(make_search, fake):
    oracle, trainer = make_search(
        tuner="random", trials=500, budget_s=0.6, trainer=lambda s: fake.MadeUpTrainer(s, sleep_s=0.1)
    )
    assert 1 <= len(trainer.trained) <= 7
    assert oracle.stop_reason == "the budget of time is used up"


@pytest.mark.parametrize("tuner", TUNERS)
def test_more_trials_later(make_search, tmp_path, tuner):
    _, first = make_search(tuner=tuner, trials=6)
    _, second = make_search(tuner=tuner, trials=10)
    assert len(first.trained) == 6
    assert sorted(first.trained + second.trained) == sorted(f"trial_{number:04d}" for number in range(10))


@pytest.mark.parametrize("tuner", TUNERS)
def test_a_kill_between_two_files_changes_nothing(make_search, fake, tmp_path, monkeypatch, tuner):
    """Killed before each of the files that a trial writes: the search finds the same, and repeats no trial that had ended."""

    class Killed(BaseException):
        pass

    out, write = tmp_path / "search", oracles._write

    def search():
        return make_search(tuner=tuner, trials=6, trainer=lambda settings: fake.MadeUpTrainer(settings, nan_above=1e-3))[1]

    def found():
        return [(trial.name, trial.status, trial.values) for trial in read_results(out).trials]

    search()
    undisturbed = found()
    assert {status for _, status, _ in undisturbed} == {"COMPLETED", "FAILED"}
    for writes in range(9, 15):  # a whole trial, which writes five files or six
        shutil.rmtree(out)
        left = iter(range(writes))

        def killed(path, state, left=left):
            if next(left, None) is None:
                raise Killed
            write(path, state)

        monkeypatch.setattr(oracles, "_write", killed)
        with pytest.raises(Killed):
            search()
        monkeypatch.setattr(oracles, "_write", write)
        files = [path for path in out.glob("trial_*/trial.json") if json.loads(path.read_text())["status"] != "RUNNING"]
        trainer = search()
        assert found() == undisturbed
        assert not {path.parent.name for path in files} & set(trainer.trained)


def test_opening_a_search_costs_a_waiting_trial_nothing(make_search, fake, tmp_path):
    make_search(tuner="random", trials=2)
    out = tmp_path / "search"
    state = json.loads((out / "oracle.json").read_text())
    state["end_order"].remove("0001")
    state["ongoing_trials"] = {"tuner0": "0001"}
    trial = json.loads((out / "trial_0001" / "trial.json").read_text()) | {"status": "RUNNING"}
    (out / "trial_0001" / "trial.json").write_text(json.dumps(trial))
    (out / "oracle.json").write_text(json.dumps(state))
    settings = SearchSettings(space=fake.SPACE, limits=fake.FREE, seed=1, trials=2, tuner="random")
    for _ in range(MOST_LOSSES + 1):
        make_oracle(settings, lambda _: []).open(out)
    _, trainer = make_search(tuner="random", trials=2)
    assert trainer.trained == ["trial_0001"]


def test_a_trial_that_ends_its_process_again_and_again_is_given_up(make_search, fake, tmp_path):
    class Killed(BaseException):
        pass

    class Kills(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            if out.parent.name == "trial_0001":
                raise Killed
            return super().train(values, out, **options)

    for _ in range(MOST_LOSSES):
        with pytest.raises(Killed):
            make_search(tuner="hyperband", trials=4, trainer=Kills)
    make_search(tuner="hyperband", trials=4, trainer=Kills)
    result = read_results(tmp_path / "search")
    assert [trial.status for trial in result.trials] == ["COMPLETED", "FAILED", "COMPLETED", "COMPLETED"]
    assert result.trials[1].message == "lost 3 times: the search ended in it"


def test_scores_that_are_not_numbers_fail(make_search, fake, tmp_path):
    class NotANumber(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            return super().train(values, out, **options) | {SDR: math.nan}

    make_search(tuner="random", trials=3, trainer=NotANumber)
    assert [trial.status for trial in read_results(tmp_path / "search").trials] == ["FAILED"] * 3


def test_a_folder_of_another_search(fake, tmp_path):
    settings = SearchSettings(space=fake.SPACE, seed=1)
    assert keep_settings(tmp_path, settings) is False
    assert keep_settings(tmp_path, SearchSettings(space=fake.SPACE, seed=1, trials=7, budget_s=60.0)) is True
    with pytest.raises(ModelError, match="holds a search with another seed, space: use its settings or another --out"):
        keep_settings(tmp_path, SearchSettings(seed=2))
    (tmp_path / "search.json").write_text("{}")
    with pytest.raises(ModelError, match="not the settings of a search"):
        keep_settings(tmp_path, settings)


def test_a_damaged_folder(make_search, tmp_path):
    make_search(tuner="random", trials=2)
    (tmp_path / "search" / "oracle.json").write_text('{"ongoing')
    with pytest.raises(ModelError, match="not the folder of a search"):
        make_search(tuner="random", trials=3)
    with pytest.raises(ModelError, match="not the folder of a search"):
        read_results(tmp_path / "search")
    with pytest.raises(ModelError, match="no trial in it yet"):
        read_results(tmp_path)
