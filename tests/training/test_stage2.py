"""Stage 2 as a whole run, and as it is typed."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tfsep.bundle import Bundle
from tfsep.cli import main
from tfsep.data.mixing import CropMixer
from tfsep.errors import DataError, UsageError
from tfsep.training import presets
from tfsep.training.adversarial_config import AdversarialConfig
from tfsep.training.config import TrainingConfig
from tfsep.training.data import DataFolder


class Killed(BaseException):
    """What ends a run in the middle, as Ctrl-C does."""


SMALL = AdversarialConfig(loss="hinge", discriminator="dcgan", ramp_steps=2, unpaired_batch=2)


@pytest.fixture(scope="module")
def stage1(tmp_path_factory, toy, small_config):
    """The folder of a short stage 1."""
    from tfsep.training.run import TrainingRun

    out = tmp_path_factory.mktemp("runs") / "stage1"
    config = replace(small_config, steps=2, validate_every=2)
    TrainingRun(config, data=[DataFolder(str(toy / "data"))], validation=[], out=out, cache=toy / "cache").train()
    return out


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory, toy):
    """Folders of recordings that have no multitrack, by role."""
    root = tmp_path_factory.mktemp("unpaired")
    for role, stem in (("mixtures", "drums"), ("targets", "drums"), ("rests", "other")):
        (root / role).mkdir()
        shutil.copy(toy / "held" / "c" / f"{stem}.wav", root / role / "recording.wav")
    return root


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def folders(unpaired):
    kinds = {"mixtures": "mixtures", "targets": "drums", "rests": "no-drums"}
    return {role: [DataFolder(f"{kind}:{unpaired / role}")] for role, kind in kinds.items()}


def test_stage_2_goes_on_from_stage_1_and_says_what_it_did(make_run, small_config, stage1, unpaired, tmp_path):
    config = replace(small_config, adversarial=SMALL, learning_rate=1e-9, warmup_steps=0)
    run = make_run(tmp_path / "run", config, initial=stage1 / "best", unpaired=folders(unpaired))
    before = Bundle.load(stage1 / "best")
    for one, other in zip(run.generator.variables, before.generator.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    run.train()
    (entry,) = log_of(tmp_path / "run")
    for term in ("loss", "supervised", "adversarial", "feature_matching", "critic", "target_real", "rest_fake"):
        assert np.isfinite(entry[term]), term
    after = Bundle.load(tmp_path / "run" / "best")  # at this rate next to nothing is learnt: stage 1's weights are there
    for one, other in zip(after.generator.variables, before.generator.variables, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    assert TrainingConfig.from_json(record["config"]) == config
    assert [data["kind"] for role in ("mixtures", "targets", "rests") for data in record["unpaired"][role]] == [
        "mixtures", "drums", "no-drums"
    ]  # fmt: skip
    assert all(len(data["hash"]) == 16 for parts in record["unpaired"].values() for data in parts)


def test_stage_2_resumes_to_the_last_bit(make_run, small_config, stage1, unpaired, tmp_path, monkeypatch):
    config = replace(small_config, adversarial=SMALL)
    options = {"initial": stage1 / "best", "unpaired": folders(unpaired)}
    make_run(tmp_path / "whole", config, **options).train()
    original = CropMixer.batch

    def until_killed(self, index, size, share):
        if index == 4:
            raise Killed
        return original(self, index, size, share)

    monkeypatch.setattr(CropMixer, "batch", until_killed)
    with pytest.raises(Killed):
        make_run(tmp_path / "cut", config, **options).train()
    monkeypatch.setattr(CropMixer, "batch", original)
    run = make_run(tmp_path / "cut", config, **options)
    assert run.step == 3
    run.train()
    whole, resumed = arrays(tmp_path / "whole" / "last.npz"), arrays(tmp_path / "cut" / "last.npz")
    assert sorted(whole) == sorted(resumed)
    assert any(name.startswith("target_critic/") for name in whole)
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


def test_roles_that_are_missing_or_of_another_kind(make_run, small_config, stage1, unpaired, tmp_path):
    config = replace(small_config, adversarial=SMALL)
    some = folders(unpaired)
    del some["targets"]
    with pytest.raises(UsageError, match="has no unpaired targets"):
        make_run(tmp_path / "a", config, initial=stage1 / "best", unpaired=some)
    with pytest.raises(UsageError, match="unpaired mixtures, targets, rests: they are for adversarial training"):
        make_run(tmp_path / "b", unpaired=folders(unpaired))
    wrong = folders(unpaired) | {"targets": [DataFolder(f"no-drums:{unpaired / 'rests'}")]}
    with pytest.raises(DataError, match="no song in the data has the stem drums"):
        make_run(tmp_path / "c", config, initial=stage1 / "best", unpaired=wrong)


def test_presets_bring_their_rate_and_batch(small_config):
    reference = presets.stage2(small_config, "dssgan")
    assert [reference.learning_rate_at(step) for step in (0, reference.steps - 1)] == [5e-5, 5e-5]
    assert (reference.learning_rate, reference.batch, reference.adversarial.critic_steps) == (5e-5, 48, 5)
    assert TrainingConfig.from_json(json.loads(json.dumps(reference.to_json()))) == reference
    with pytest.raises(UsageError, match="adversarial preset 'gan' is unknown: use modern, dssgan"):
        presets.stage2(small_config, "gan")


def test_the_reference_s_stage_1():
    config = presets.stage1("dssgan")
    assert (config.batch, config.learning_rate, config.weight_decay, config.clip_norm) == (48, 5e-5, 0, 0)
    assert (config.crop_frames, config.generator.spec.frames, config.precision) == (64, 64, "float32")
    assert presets.stage1_of(config.generator) == config
    assert presets.stage1("default") == presets.stage1_of(TrainingConfig().generator) == TrainingConfig()


def typed(toy, out, *options):
    return main(["train", "--data", str(toy / "data"), "--out", str(out), "--cache", str(toy / "cache"), *options])


def unpaired_options(unpaired):
    return ["--unpaired-mix", str(unpaired / "mixtures"), "--unpaired-drums", str(unpaired / "targets"),
            "--unpaired-rest", str(unpaired / "rests")]  # fmt: skip


def test_the_command(toy, small_config, stage1, unpaired, tmp_path, capsys):
    path = tmp_path / "small.json"
    path.write_text(json.dumps(replace(small_config, adversarial=SMALL).to_json()))
    options = ["--config", str(path), "--init", str(stage1), *unpaired_options(unpaired), "--steps", "1"]
    assert typed(toy, tmp_path / "run", *options) == 0, capsys.readouterr().err
    record = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert record["adversarial"]["discriminator"] == "dcgan"
    assert Bundle.load(tmp_path / "run" / "best").config == Bundle.load(stage1 / "best").config


def test_wrong_options(toy, stage1, unpaired, tmp_path, capsys):
    every, init = unpaired_options(unpaired), ["--init", str(stage1)]
    for options, message in (
        (
            [*init, "--adversarial", *every[:2]],
            "--adversarial takes recordings of three kinds: --unpaired-drums, --unpaired-rest is",
        ),
        ([*every], "--unpaired-mix, --unpaired-drums, --unpaired-rest: these are for --adversarial"),
        (["--adversarial", *every], "--adversarial goes on from the weights of stage 1: name its run with --init RUN"),
        ([*init, "--adversarial", "gan", *every], "adversarial preset 'gan' is unknown: use modern, dssgan"),
    ):
        assert typed(toy, tmp_path / "run", *options) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith(f"tfsep: {message}")
        assert printed.err.count("\n") == 1
        assert not (tmp_path / "run").exists()


def test_an_empty_unpaired_folder(toy, stage1, unpaired, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    options = unpaired_options(unpaired)
    options[options.index("--unpaired-drums") + 1] = str(tmp_path / "none")
    assert typed(toy, tmp_path / "run", "--init", str(stage1), "--adversarial", *options) == 1
    error = capsys.readouterr().err
    assert str(tmp_path / "none") in error
    assert error.count("\n") == 1
