"""What is written of a search: report, presets, logs."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from tfsep_tuning.importance import importance
from tfsep_tuning.registry import PACKAGED, preset_config, read_presets, write_presets
from tfsep_tuning.report import _refusals, write_report
from tfsep_tuning.results import MULTIPLY_ADDS, SDR, SearchResult, TrialResult, cost_penalty, pareto_front, read_results
from tfsep_tuning.settings import SearchSettings

from tfsep.cli import build_parser
from tfsep.cli.train import _config
from tfsep.errors import ModelError, TrainingError
from tfsep.training.config import TrainingConfig


def trial(name, sdr, multiply_adds, **values):
    metrics = {"sdr": sdr, "multiply_adds": multiply_adds, "parameters": 1e5, "steps": 10.0, "share": 1.0, "seconds": 3.0,
               "cost_penalty": 0.0, "multi_objective": -sdr}  # fmt: skip
    return TrialResult(name=name, status="COMPLETED", values=values, metrics=metrics)


@pytest.fixture
def searched(make_search, fake, tmp_path):
    class Fails(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            if out.parent.name == "trial_0002":
                raise TrainingError("step 3: the loss is nan | <b>")
            return super().train(values, out, **options)

    def large(values):
        return ["2.10 G multiply-adds a second, at most 2"] if values["width"] >= 24 else []

    options = {"genre": "electronic", "data": ("songs/train",), "validation": ("songs/held",)}
    space = replace(fake.SPACE, windows=(4096,))
    oracle, _ = make_search(tuner="random", trials=14, trainer=Fails, faults=large, space=space, **options)
    return oracle._settings, tmp_path / "search"


def test_front_by_hand():
    trials = [trial("a", 3.0, 2e9), trial("b", 3.0, 1e9), trial("c", 2.0, 5e8), trial("d", 1.0, 7e8), trial("e", 4.0, 3e9)]
    assert [each.name for each in pareto_front(trials)] == ["c", "b", "e"]


def test_price():
    assert cost_penalty(1e9, 0.25) == 0
    assert cost_penalty(4e9, 0.25) == pytest.approx(0.5)
    assert cost_penalty(5e8, 0.25) == pytest.approx(-0.25)
    assert cost_penalty(8e9, 0.0) == 0


def test_importance_finds_what_matters(rng):
    """The SDR is made of one hyperparameter, a little of another and noise; the third does nothing."""
    trials = []
    for number in range(60):
        much, none = rng.uniform(size=2)
        word = "ab"[number % 2]
        sdr = 3 * much + 0.5 * (word == "a") + rng.normal(0, 0.05)
        values = {"much": float(much), "word": word, "none": float(none)} | ({"sometimes": 1} if word == "a" else {})
        trials.append(trial(str(number), sdr, 1e9, **values))
    found = importance(trials)
    names = list(found.shares)
    assert names[0] == "much"
    assert names[-1] == "none"
    assert found.out_of_bag_r2 > 0.8
    assert found.trials == 60
    noise = importance([replace(each, metrics=each.metrics | {"sdr": float(rng.normal())}) for each in trials])
    assert noise.out_of_bag_r2 < 0.3
    assert importance(trials[:9]) is None
    assert importance([trial(str(n), 1.0, 1e9, same=3) for n in range(20)]) is None


def test_report(searched):
    settings, out = searched
    result = read_results(out)
    paths = write_report(out, settings, result)
    text, page = (path.read_text() for path in paths)
    assert text.startswith("# Architecture search: electronic\n")
    assert "14 trials (13 completed, 1 failed)" in text
    assert "| 0002 | step 3: the loss is nan / <b> |" in text
    assert "step 3: the loss is nan | &lt;b&gt;" in page
    assert f"| {len(result.refused)} | G multiply-adds a second, at most 2 |" in text
    front = text.split("## Front")[1].split("##")[0]
    assert [row.split(" | ")[0].strip("| ") for row in front.strip().splitlines()[2:]] == [each.name for each in result.front]
    for each in result.trials:
        assert f"| {each.name} |" in text.split("## All trials")[1]
    assert len(re.findall(r'<img src="data:image/png', page)) == 3
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert str(out) not in text + page


def test_reasons_are_counted_one_by_one():
    reasons = (
        "2.10 G multiply-adds a second, at most 2; 300000 parameters, at most 200000",
        "3.50 G multiply-adds a second, at most 2",
        "a tensor of 70 MB, at most 64",
        "a tensor of 101 MB, at most 64",
        "layout fine: 51 bins do not make 20 positions: use a longer window",
    )
    result = SearchResult(trials=(), refused=tuple({"values": {}, "reason": reason} for reason in reasons), seconds=0.0)
    assert _refusals(result) == [
        ["2", "G multiply-adds a second, at most 2"],
        ["2", "a tensor of MB, at most 64"],
        ["1", "parameters, at most 200000"],
        ["1", "layout fine: 51 bins do not make 20 positions: use a longer window"],
    ]


def test_report_of_few_trials(searched):
    settings, out = searched
    for few in (0, 1):
        result = replace(read_results(out), trials=read_results(out).trials[:few])
        text = write_report(out, settings, result)[0].read_text()
        assert "Not told from fewer than 10 completed trials." in text


def test_presets_are_read_by_train(searched, tmp_path):
    settings, out = searched
    result = read_results(out)
    folder = tmp_path / "presets"
    paths = write_presets(folder, settings, result)
    assert [path.name for path in paths] == [
        "electronic.json",
        *(f"electronic-front-{n + 1}.json" for n in range(len(result.front))),
    ]
    args = build_parser().parse_args(["train", "--data", "d", "--out", "o", "--config", str(paths[0])])
    config = _config(args, None)
    assert config == preset_config(settings, result.completed[0])
    assert config.steps * config.batch == settings.base.steps * settings.base.batch  # as long as the base, not as a trial
    entries = read_presets(folder)
    assert sorted(entry.path for entry in entries) == sorted(paths)
    best = next(entry for entry in entries if entry.name == "electronic")
    assert best.about[SDR] == result.completed[0].metrics[SDR]
    assert best.about[MULTIPLY_ADDS] == result.completed[0].metrics[MULTIPLY_ADDS]
    paths[1].write_text("{")
    with pytest.raises(ModelError, match=r"electronic-front-1\.json: not a preset"):
        read_presets(folder)


def test_a_shorter_front_leaves_no_old_files(searched, tmp_path):
    settings, out = searched
    result = read_results(out)
    write_presets(tmp_path, settings, result)
    write_presets(tmp_path, settings, replace(result, trials=result.trials[:1]))
    assert sorted(path.name for path in tmp_path.glob("*.json")) == [
        "electronic-front-1.about.json", "electronic-front-1.json", "electronic.about.json", "electronic.json"]  # fmt: skip
    assert write_presets(tmp_path, settings, SearchResult(trials=(), refused=(), seconds=0.0)) == []


def test_what_ships_is_whole():
    for entry in read_presets():
        assert TrainingConfig.from_json(json.loads(entry.path.read_text()))
        assert entry.path.parent == PACKAGED


def test_settings_round_trip():
    settings = SearchSettings(seed=3, data=("a@2",), unpaired={"rests": ["x"]}, budget_s=60.0)
    assert SearchSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    for wrong, message in (
        ({"tuner": "grid"}, "tuner='grid': use hyperband, bayesian, random"),
        ({"trials": 0}, "trials=0: use 1 or more"),
        ({"budget_s": 0.0}, r"budget_s=0\.0: use a number above 0"),
        ({"seed": 0}, "seed=0: use 1 to"),
        ({"price_db": -1.0}, r"price_db=-1\.0: use 0 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            SearchSettings(**wrong)
    assert np.isfinite(settings.price_db)
