"""Whole runs on a toy: what they leave behind, and what a kill, a wrong setting or bad data does to them."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from tfsep.bundle import Bundle
from tfsep.data.mixing import CropMixer
from tfsep.errors import AudioError, DataError, ModelError, TrainingError, UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.training.config import TrainingConfig
from tfsep.training.data import DataFolder


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


class Killed(BaseException):
    """What ends a run in the middle, as Ctrl-C does."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, toy, small_config):
    """The folder of a run of 6 steps in one go."""
    from tfsep.training.run import TrainingRun

    out = tmp_path_factory.mktemp("runs") / "whole"
    run = TrainingRun(
        small_config, data=[DataFolder(str(toy / "data"), 2.0)], validation=[toy / "held"], out=out, cache=toy / "cache"
    )
    run.train()
    return out


def test_what_a_run_leaves(uninterrupted, small_config, toy):
    assert sorted(path.name for path in uninterrupted.iterdir()) == ["best", "config.json", "last.npz", "log.jsonl", "logs"]
    assert any(path.name.startswith("events.out.tfevents") for path in (uninterrupted / "logs").iterdir())

    record = json.loads((uninterrupted / "config.json").read_text())
    assert TrainingConfig.from_json(record["config"]) == small_config
    assert record["config"]["seed"] == 5
    assert record["version"]
    assert record["validation"] == ["c"]
    (data,) = record["data"]
    assert (data["folder"], data["weight"], data["songs"]) == ("data", 2.0, 2)
    assert len(data["hash"]) == 16

    (entry,) = log_of(uninterrupted)
    assert entry["step"] == 6
    assert set(entry["sdr"]) == {"c"}
    assert set(entry["sdr"]["c"]) == {"drums", "other"}
    assert entry["mean_sdr"] == pytest.approx(np.mean(list(entry["sdr"]["c"].values())))
    assert entry["hours"] == pytest.approx(6 * 2 * small_config.crop_samples / 8000 / 3600)


def test_best_is_a_bundle_of_the_averaged_weights(uninterrupted, small_config):
    bundle = Bundle.load(uninterrupted / "best")
    assert bundle.config == small_config.generator
    about = bundle.about.training
    assert about["step"] == 6
    assert about["validation_sdr"] == log_of(uninterrupted)[0]["mean_sdr"]
    assert about["cost"]["parameters"] == bundle.generator.count_params()
    assert about["data"][0]["hash"]
    stored = arrays(uninterrupted / "last.npz")
    for number, variable in enumerate(bundle.generator.variables):
        np.testing.assert_array_equal(np.asarray(variable), stored[f"average/{number:04d}"])


def test_resumed_run_is_the_uninterrupted_one_to_the_last_bit(uninterrupted, make_run, tmp_path, monkeypatch):
    run = make_run(tmp_path / "run")
    original = CropMixer.batch

    def until_killed(self, index, size, share):
        if index == 4:
            raise Killed
        return original(self, index, size, share)

    monkeypatch.setattr(CropMixer, "batch", until_killed)
    with pytest.raises(Killed):
        run.train()
    monkeypatch.setattr(CropMixer, "batch", original)
    with open(tmp_path / "run" / "log.jsonl", "a") as log:
        log.write('{"step": 4, "loss": 1.0}\n{"step": 5, "lo')  # what a kill can leave
    run = make_run(tmp_path / "run")
    assert run.step == 3
    run.train()
    whole, resumed = arrays(uninterrupted / "last.npz"), arrays(tmp_path / "run" / "last.npz")
    assert sorted(whole) == sorted(resumed)
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)
    assert [entry["step"] for entry in log_of(tmp_path / "run")] == [6]


def test_kill_in_the_middle(toy, small_config, make_run, tmp_path):
    """SIGKILL while steps are done and files written: what is there can be resumed."""
    config = replace(small_config, steps=100_000, checkpoint_every=1, validate_every=2)
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    out = tmp_path / "run"
    code = f"""
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json
from pathlib import Path
from tfsep.training.config import TrainingConfig
from tfsep.training.data import DataFolder
from tfsep.training.run import TrainingRun
config = TrainingConfig.from_json(json.loads(Path({str(tmp_path / "config.json")!r}).read_text()))
toy = Path({str(toy)!r})
TrainingRun(config, data=[DataFolder(str(toy / "data"))], validation=[toy / "held"], out=Path({str(out)!r}), cache=toy / "cache").train()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (out / "best" / "bundle.json").is_file():
            assert child.poll() is None, "the run ended by itself"
            time.sleep(0.01)
        time.sleep(0.05)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    run = make_run(out, config)
    assert run.step >= 1
    assert all(entry["step"] <= run.step for entry in log_of(out))
    Bundle.load(out / "best")


def test_learns_and_validation_follows(make_run, small_config, tmp_path):
    config = replace(
        small_config, steps=80, batch=4, validate_every=20, checkpoint_every=100, ema_decay=0.8, learning_rate=0.02
    )
    run = make_run(tmp_path / "run", config)
    best = run.train()
    entries = [entry for entry in log_of(tmp_path / "run") if "mean_sdr" in entry]
    assert [entry["step"] for entry in entries] == [20, 40, 60, 80]
    assert entries[-1]["loss"] < 0.5 * entries[0]["loss"]
    assert entries[-1]["mean_sdr"] > entries[0]["mean_sdr"] + 3
    assert best == max(entry["mean_sdr"] for entry in entries)
    assert Bundle.load(tmp_path / "run" / "best").about.training["validation_sdr"] == best


def test_without_validation_songs_the_newest_is_the_best(make_run, small_config, tmp_path):
    config = replace(small_config, steps=2, validate_every=1)
    assert make_run(tmp_path / "run", config, validation=()).train() == float("-inf")
    about = Bundle.load(tmp_path / "run" / "best").about.training
    assert about["step"] == 2
    assert "validation_sdr" not in about
    json.loads((tmp_path / "run" / "best" / "bundle.json").read_text(), parse_constant=pytest.fail)  # no NaN in it


def test_reference_system_trains(make_run, small_config, small_spec, tmp_path):
    generator = GeneratorConfig(kind="dssgan", spec=small_spec, stems=("drums", "accompaniment"), widths=(4, 8))
    config = replace(small_config, generator=generator, steps=2, crop_frames=8, validate_every=2)
    run = make_run(tmp_path / "run", config)
    run.train()
    (entry,) = log_of(tmp_path / "run")
    assert np.isfinite(entry["loss"])
    assert set(entry["sdr"]["c"]) == {"drums", "accompaniment"}


def test_settings_of_another_run(uninterrupted, make_run, small_config, tmp_path):
    before = (uninterrupted / "config.json").read_bytes()
    with pytest.raises(ModelError, match="holds a run with another batch, seed: use its settings or another --out"):
        make_run(uninterrupted, replace(small_config, batch=3, seed=6))
    assert (uninterrupted / "config.json").read_bytes() == before
    make_run(uninterrupted, replace(small_config, steps=12))  # longer is no other run


def test_damaged_folder(make_run, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json: not the record of a run"):
        make_run(out)
    (out / "config.json").unlink()
    (out / "last.npz").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"last\.npz: not a checkpoint of this program"):
        make_run(out)
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match=r"cannot be written|is a file"):
        make_run(tmp_path / "file" / "run")


def test_start_from_a_bundle(uninterrupted, make_run, small_config, tmp_path):
    start = Bundle.load(uninterrupted / "best")
    run = make_run(tmp_path / "run", initial=uninterrupted / "best")
    for one, other in zip(run.generator.variables, start.generator.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    assert run.step == 0
    for number, generator in enumerate(
        (
            replace(small_config.generator, dense_bottleneck=2),
            replace(small_config.generator, spec=replace(small_config.generator.spec, feature_gain=1.0)),
        )
    ):
        with pytest.raises(ModelError, match="its generator is another than the one asked for"):
            make_run(tmp_path / str(number), replace(small_config, generator=generator), initial=uninterrupted / "best")


def test_a_run_can_be_ended_before_its_steps(make_run, tmp_path):
    out, asked, shown = tmp_path / "run", [], Console(file=io.StringIO())

    def after_four(step):
        asked.append(step)
        return step == 4

    best = make_run(out, console=shown).train(ends=after_four)
    assert asked == [1, 2, 3, 4]
    assert [(entry["step"], entry["mean_sdr"]) for entry in log_of(out)] == [(4, best)]
    run = make_run(out, console=shown)
    assert run.step == 4
    assert run.train() >= best
    assert run.step == 6
    assert "resuming" in shown.file.getvalue()


def test_loss_that_bursts(make_run, small_config, tmp_path, monkeypatch):
    out = tmp_path / "run"
    config = replace(small_config, steps=9)
    run = make_run(out, config)
    fine = TrainingConfig.learning_rate_at
    # so large that the step which follows is NaN
    monkeypatch.setattr(TrainingConfig, "learning_rate_at", lambda self, step: fine(self, step) if step != 3 else 1e38)
    with pytest.raises(TrainingError, match=r"step [45]: .* the last good state is .*last\.npz") as caught:
        run.train()
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert all(np.isfinite(value).all() for value in arrays(out / "last.npz").values())
    assert make_run(out, config).step == 3


def test_weights_that_burst_are_not_saved(make_run, small_config, tmp_path, monkeypatch):
    """The loss of a step is that of the weights before it."""
    out = tmp_path / "run"
    run = make_run(out)
    fine = TrainingConfig.learning_rate_at
    monkeypatch.setattr(TrainingConfig, "learning_rate_at", lambda self, step: fine(self, step) if step < 2 else float("nan"))
    with pytest.raises(TrainingError, match="step 3: weights are not finite; nothing was saved yet"):
        run.train()
    assert not (out / "last.npz").exists()
    assert not (out / "best").exists()


def test_nan_in_the_data(make_run, toy, tmp_path):
    import soundfile

    folder = tmp_path / "bad" / "song"
    folder.mkdir(parents=True)
    sound = np.zeros((8000, 1), np.float32)
    soundfile.write(folder / "drums.wav", sound, 8000, subtype="FLOAT")
    sound[100] = np.nan
    soundfile.write(folder / "other.wav", sound, 8000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"1 of 1 tracks cannot be read.*other\.wav: the sample at 0.013 s is NaN"):
        make_run(tmp_path / "run", data=[DataFolder(str(toy / "data")), DataFolder(str(tmp_path / "bad"))])
    assert not (tmp_path / "run").exists()  # data is read before anything is written


def test_held_out_and_excluded_songs_are_not_trained_on(make_run, toy, tmp_path):
    whole = [DataFolder(str(toy))]  # the held-out song lies in it, deep down
    run = make_run(tmp_path / "run", data=whole, exclude=["a"])
    assert [track.name for track in run.data.pools[0].tracks] == [os.path.join("data", "b")]
    links = tmp_path / "links"
    links.mkdir()
    (links / "by another name").symlink_to(toy / "held" / "c")
    run = make_run(tmp_path / "linked", data=whole, validation=(links,))
    assert [track.name for track in run.data.pools[0].tracks] == [os.path.join("data", name) for name in "ab"]
    with pytest.raises(DataError, match="songs are excluded or held out"):
        make_run(tmp_path / "other", data=whole, validation=(".",))
    with pytest.raises(UsageError, match="--exclude d lithum: no song of that name in the data"):
        make_run(tmp_path / "other", data=whole, exclude=["a", "lithum", "d"])


def test_validation_songs_without_a_wanted_stem(make_run, small_config, tmp_path):
    generator = replace(small_config.generator, stems=("bass", "vocals"))
    with pytest.raises(DataError, match="none of the 1 validation songs can be scored: use songs with bass, vocals"):
        make_run(tmp_path / "run", replace(small_config, generator=generator))


@pytest.mark.parametrize(
    ("text", "source", "weight"),
    [("songs", "songs", 1.0), ("songs@2.5", "songs", 2.5), ("a@b/songs@3", "a@b/songs", 3.0), ("drums:a@2", "drums:a", 2.0)],
)
def test_data_folder(text, source, weight):
    assert DataFolder.parse(text) == DataFolder(source, weight)


def test_data_folder_of_a_kind():
    assert DataFolder.parse("breaks@2", kind="drums") == DataFolder("drums:breaks", 2.0)
    assert DataFolder.parse("drums:breaks", kind="drums") == DataFolder("drums:breaks")
    assert DataFolder.parse("samples:packs", kind="drums") == DataFolder("samples:packs")


@pytest.mark.parametrize("weight", ["0", "-1", "x", "", "nan", "inf"])
def test_data_folder_with_a_bad_weight(weight):
    with pytest.raises(UsageError, match=f"songs@{weight}: the weight after @ is '{weight}'; use a positive number"):
        DataFolder.parse(f"songs@{weight}")


def test_records_are_trained_on_as_folders_are(make_run, small_config, toy, tmp_path):
    """Packed songs, one of them excluded, beside a folder."""
    from tfsep.cli import main

    records = str(tmp_path / "records")
    pack = ["pack", "--data", str(toy / "data"), "--out", records, "--rate", "8000", "--channels", "1", "--segment", "1"]
    assert main(pack) == 0
    data = [DataFolder.parse(f"records:{records}@2"), DataFolder(str(toy / "data"))]
    run = make_run(tmp_path / "run", replace(small_config, steps=2), data=data, exclude=["a"])
    run.train()
    first, second = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert (first["kind"], first["weight"], first["songs"], len(first["hash"])) == ("records", 2.0, 2, 16)
    assert (second["kind"], second["songs"]) == ("folders", 1)
    assert np.isfinite(log_of(tmp_path / "run")[-1]["loss"])
    with pytest.raises(UsageError, match="--exclude z: no song of that name"):
        make_run(tmp_path / "other", data=data, exclude=["z"])
