import json
from dataclasses import replace

import pytest

from tfsep.contract import contract_kind
from tfsep.contract_drums import CLASSES, DRUM_HITS, DrumContract
from tfsep.errors import ModelError
from tfsep.separation.runtime_contract import parse_contract

CONTRACT = DrumContract(thresholds=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), training={"seed": 1})


def test_the_contract_goes_to_json_and_back():
    assert contract_kind(CONTRACT.to_bytes()) == DRUM_HITS
    assert DrumContract.from_bytes(CONTRACT.to_bytes(), "x") == CONTRACT
    assert parse_contract(CONTRACT.to_bytes(sha256="0" * 64), "x") == CONTRACT


def test_tensors_are_told_to_those_without_tfsep():
    tensors = json.loads(CONTRACT.to_bytes())["tensors"]
    assert tensors["inputs"] == [{"name": "log_mel", "dtype": "float32", "shape": [1, 512, 64, 1]}]
    assert [(each["name"], each["shape"]) for each in tensors["outputs"]] == [
        ("onsets", [1, 512, len(CLASSES)]),
        ("velocities", [1, 512, len(CLASSES)]),
    ]


def test_frames_lie_where_the_transform_puts_them():
    """The first frame ends a hop into the sound, so that its middle lies a hop less half a window from the start."""
    assert CONTRACT.frame_s(0) == pytest.approx((441 - 882) / 44_100)
    assert CONTRACT.frame_s(101) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("contract_version", 9), ("classes", ["gong"]), ("thresholds", [0.5]), ("tensors", {}), ("spec", {}), ("high_hz", "high")],
)
def test_a_damaged_contract_is_named(name, value):
    fields = CONTRACT.to_json() | {name: value}
    with pytest.raises(ModelError, match=r"drums\.tflite\.json: "):
        DrumContract.from_json(fields, "drums.tflite.json")


def test_a_missing_field_is_named():
    fields = CONTRACT.to_json()
    del fields["mel_bands"]
    with pytest.raises(ModelError, match="mel_bands"):
        DrumContract.from_json(fields, "x")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ()},
        {"thresholds": (0.0,) * 7},
        {"low_hz": -1.0},
        {"mel_bands": 0},
        {"context_frames": 200},
        {"peak_frames": 0},
    ],
)
def test_values_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(CONTRACT, **change)
