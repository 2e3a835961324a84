import json
from dataclasses import replace

import numpy as np
import pytest

from tfsep.models.presets import preset
from tfsep.training.config import TrainingConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps=0: use 1 or more"),
        ({"batch": -1}, "batch=-1"),
        ({"crop_frames": 0}, "crop_frames=0"),
        ({"validate_every": 0}, "validate_every=0"),
        ({"checkpoint_every": 0}, "checkpoint_every=0"),
        ({"error": "l1"}, "error='l1': use modulus or rms"),
        ({"precision": "float16"}, "precision='float16': use float32 or mixed_bfloat16"),
        ({"ema_decay": 1.0}, "ema_decay=1.0"),
        ({"decay_fraction": -0.1}, "decay_fraction=-0.1"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"clip_norm": -1.0}, "clip_norm=-1.0"),
        ({"warmup_steps": -1}, "warmup_steps=-1"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1"),
        ({"seed": -1}, "seed=-1: use 0 to 4294967295"),
        ({"crop_frames": 100}, "crop_frames=100: use a multiple of 8"),  # three halvings
    ],
)
def test_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**fields)


def test_json_round_trip():
    for name in ("default", "tiny", "dssgan"):
        config = TrainingConfig(generator=preset(name), steps=7, seed=3)
        again = TrainingConfig.from_json(json.loads(json.dumps(config.to_json())))
        assert again == config
        assert again.to_json() == config.to_json()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 3}, "training fields epochs are unknown: use generator"),
        ({"mixing": {"reverb": 1}}, "mixing fields reverb are unknown"),
        ({"generator": {"depth": 1}}, "generator fields depth are unknown"),
        ({"generator": {"spec": {"hop": 1}}}, "spectrogram fields hop are unknown"),
    ],
)
def test_unknown_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig.from_json(fields)


def test_crop_is_whole_frames():
    config = TrainingConfig(crop_frames=128)
    assert config.crop_samples == 127 * 1024 + 4096


def test_learning_rate_warms_up_stays_and_falls():
    config = TrainingConfig(steps=1000, learning_rate=0.5, warmup_steps=100, decay_fraction=0.25)
    rates = np.array([config.learning_rate_at(step) for step in range(1000)])
    np.testing.assert_allclose(rates[:100], 0.5 * np.arange(1, 101) / 100)
    np.testing.assert_allclose(rates[100:750], 0.5)
    np.testing.assert_allclose(rates[750:990], 0.5 * np.arange(250, 10, -1) / 250)
    assert rates[-1] == pytest.approx(0.005)  # never nothing


def test_plateau_does_not_depend_on_the_length_of_the_run():
    short = TrainingConfig(steps=1000, decay_fraction=0.5)
    long = replace(short, steps=4000)
    assert [short.learning_rate_at(step) for step in range(500)] == [long.learning_rate_at(step) for step in range(500)]


def test_no_warm_up():
    assert TrainingConfig(warmup_steps=0, learning_rate=0.25).learning_rate_at(0) == 0.25
