"""The command, with trials that are trained."""

import json
import shutil
from dataclasses import replace

import keras_tuner
import numpy as np
import pytest
from tfsep_tuning import cli
from tfsep_tuning.hypermodel import SeparationHyperModel, for_trial
from tfsep_tuning.results import MULTIPLY_ADDS, PARAMETERS, SDR, SECONDS, SHARE, read_results
from tfsep_tuning.settings import SearchSettings, read_settings
from tfsep_tuning.space import Space
from tfsep_tuning.watch import LOGS

from tfsep.audio import Audio
from tfsep.errors import TrainingError, UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.models.cost import generator_cost
from tfsep.spec import SpectrogramSpec
from tfsep.training.config import TrainingConfig
from tfsep.training.folder import STATE_FILE
from tfsep.training.run import TrainingRun

RATE_HZ = 8000
SPACE = Space(kinds=("bandsplit",), heads=("mask",), blocks=("residual",), convolutions=(1,), dense_bottlenecks=(0,), levels=(1, 2),
              widths=(8, 16), growths=(2.0,), layouts=("coarse",), windows=(1024,), overlaps=(2,), batches=(2,),
              errors=("rms",))  # fmt: skip


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Two songs to learn from and one to score, of two noises, a second each."""
    root = tmp_path_factory.mktemp("songs")
    for number, name in enumerate(("data/a", "data/b", "held/c")):
        rng = np.random.default_rng(number)
        (root / name).mkdir(parents=True)
        for stem, gain in (("drums", 0.3), ("other", 0.1)):
            samples = gain * rng.normal(size=(RATE_HZ, 1)).astype(np.float32)
            Audio(samples, RATE_HZ).write(root / name / f"{stem}.wav", subtype="float32")
    return root


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A base of 8 kHz mono and a space for it, as files."""
    spec = SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=1024, hop_samples=512, channels=1, frames=8)
    generator = GeneratorConfig(spec=spec, stems=("drums", "other"), bands=((512, 4),), widths=(8,), blocks=(1,))
    base = TrainingConfig(generator=generator, crop_frames=8, batch=2, precision="float32", steps=1000)
    folder = tmp_path_factory.mktemp("files")
    (folder / "base.json").write_text(json.dumps(base.to_json()))
    (folder / "space.json").write_text(json.dumps(SPACE.to_json()))
    return folder


@pytest.fixture
def command(songs, files, tmp_path):
    """Return the arguments of a search in `tmp_path/search`."""

    def arguments(*more):
        return ["search", "--data", str(songs / "data"), "--validation", str(songs / "held"), "--out", str(tmp_path / "search"),
                "--config", str(files / "base.json"), "--space", str(files / "space.json"), "--cache", str(songs / "cache"),
                "--steps", "4", "--trials", "2", "--tuner", "random", *more]  # fmt: skip

    return arguments


def test_a_search(command, tmp_path, capsys):
    out = tmp_path / "search"
    assert cli.main(command()) == 0
    said = capsys.readouterr().out
    assert "trial  0000  done" in said
    assert "all 2 trials are done; 2 of 2 trials are completed" in said
    result = read_results(out)
    for trial in result.trials:
        config = SeparationHyperModel(read_settings(out)).configuration(trial.values)
        cost = generator_cost(config.generator)
        assert trial.metrics[MULTIPLY_ADDS] == pytest.approx(cost.multiply_adds_per_second)
        assert trial.metrics[PARAMETERS] == cost.parameters
        assert trial.metrics[SHARE] == 1
        assert trial.metrics[SECONDS] > 0
        run = json.loads((out / f"trial_{trial.name}" / "run" / "config.json").read_text())["config"]
        assert TrainingConfig.from_json(run) == for_trial(config, read_settings(out), 1.0)
        assert any((out / LOGS / trial.name).glob("events*"))
    assert (out / "report.html").is_file()
    assert TrainingConfig.from_json(json.loads((out / "presets" / "general.json").read_text())).steps == 1000

    # the same again does nothing more; another seed is another search
    times = [(out / f"trial_{trial.name}" / "trial.json").stat().st_mtime_ns for trial in result.trials]
    assert cli.main(command()) == 0
    assert times == [(out / f"trial_{trial.name}" / "trial.json").stat().st_mtime_ns for trial in result.trials]
    assert cli.main(command("--seed", "2")) == 1
    assert "holds a search with another seed: use its settings or another --out" in capsys.readouterr().err

    assert cli.main(["report", "--out", str(out)]) == 0
    assert cli.main(["list", str(out / "presets")]) == 0
    listed = capsys.readouterr().out
    assert f"tfsep train --config {out / 'presets' / 'general.json'}" in listed


def test_a_trial_ends_by_its_time_and_a_longer_one_goes_on(command, tmp_path):
    settings = cli.settings_of(cli.build_parser().parse_args(command("--steps", "9")))
    model = SeparationHyperModel(settings)
    values = {"levels": 1, "width": 8, "learning_rate": 1e-3}
    third = model.train(values, tmp_path / "run", share=1 / 3)
    assert (third["steps"], third[SHARE]) == (3, 1 / 3)
    asked = []
    cut = model.train(values, tmp_path / "run", ends=lambda: asked.append(0) or len(asked) == 2)
    assert (cut["steps"], len(asked)) == (5, 2)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [3, 5]
    assert "resuming" in (tmp_path / "run.log").read_text()


def test_a_promoted_trial_is_scored_by_its_own_validation(command, tmp_path, monkeypatch):
    """Not by the best of the shorter trial, which its checkpoint holds."""
    found = iter((9.0, 5.0))
    monkeypatch.setattr(TrainingRun, "_validate", lambda run: {"mean_sdr": next(found)})
    model = SeparationHyperModel(cli.settings_of(cli.build_parser().parse_args(command("--steps", "6"))))
    values = {"levels": 1, "width": 8, "learning_rate": 1e-3}
    assert model.train(values, tmp_path / "short", share=1 / 3)[SDR] == 9
    (tmp_path / "long").mkdir()
    shutil.copy(tmp_path / "short" / STATE_FILE, tmp_path / "long")
    assert model.train(values, tmp_path / "long", share=1 / 3)[SDR] == 9  # nothing was left to train
    assert model.train(values, tmp_path / "long")[SDR] == 5


def test_a_model_from_hyperparameters(command):
    settings = cli.settings_of(cli.build_parser().parse_args(command("--max-parameters", "20k")))
    model = SeparationHyperModel(settings)
    hp = keras_tuner.HyperParameters()
    model.declare_hyperparameters(hp)
    hp.values |= {"levels": 1, "width": 8}
    assert model.build(hp).count_params() < 20_000
    hp.values |= {"levels": 2, "width": 16}
    assert generator_cost(model.configuration(hp.values).generator).parameters > 20_000
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="parameters, at most 20000"):
        model.build(hp)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--budget", "8"], "'8': use a time above 0 with its unit"),
        (["--budget", "0h"], "'0h': use a time above 0"),
        (["--max-cost", "2GB"], "'2GB': use a number above 0"),
        (["--space", "huge"], "space 'huge' is unknown: use full, small, tiny"),
        (["--space", "nowhere.json"], "--space nowhere.json: cannot be read"),
        (["--config", "nowhere.json"], "--config nowhere.json: cannot be read"),
        (["--trials", "0"], "trials=0: use 1 or more"),
        (["--adversarial"], "--init and --adversarial: give both"),
        (["--unpaired-mix", "d"], "give all of them, or none"),
        (["--genre", "polka"], "--genre polka: use electronic"),
        (["--genre", "jazz"], "no song of the family jazz"),
    ],
)
def test_bad_arguments(command, tmp_path, capsys, more, message):
    assert cli.main(command(*more)) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "search").exists()


def test_roles_need_a_chief(tmp_path, capsys, monkeypatch, command):
    for name in ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["worker", "--out", str(tmp_path)]) == 2
    assert "--chief is missing" in capsys.readouterr().err
    assert cli.main(["worker", "--out", str(tmp_path), "--chief", "h:1", "--name", "chiefs-own"]) == 2
    assert "KerasTuner takes names with 'chief' for the chief's" in capsys.readouterr().err
    assert cli.main(["worker", "--out", str(tmp_path), "--chief", "h:1"]) == 1
    assert "no search in it" in capsys.readouterr().err
    assert cli.main(["chief", *command()[1:]]) == 2
    assert "--listen is missing" in capsys.readouterr().err


def test_a_budget_that_is_too_small(make_search, fake, tmp_path):
    class Slow(fake.MadeUpTrainer):
        def train(self, values, out, **options):
            return super().train(values, out, **options) | {SHARE: 0.02, SECONDS: 60.0}

    oracle, _ = make_search(tuner="random", trials=1, trainer=Slow)
    with pytest.raises(
        TrainingError, match=r"--budget: too small for one trial: .* 2 % of its steps; a whole trial takes about 50\.0 min"
    ):
        cli._finish(tmp_path / "search", replace(oracle._settings, budget_s=60.0), "the budget of time is used up")


def test_times():
    assert [cli.seconds(text) for text in ("90s", "1.5m", "8h", "2d")] == [90.0, 90.0, 28_800.0, 172_800.0]
    for text in ("", "h", "8", "-1h", "1w"):
        with pytest.raises(UsageError, match="use a time above 0 with its unit"):
            cli.seconds(text)
    assert SearchSettings(budget_s=cli.seconds("1h")).budget_s == 3600
