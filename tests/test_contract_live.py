import json
from dataclasses import replace

import pytest

from tfsep.contract_live import LiveContract
from tfsep.errors import ModelError
from tfsep.separation.runtime_contract import parse_contract
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, synthesis_samples=128, frames=1)
CONTRACT = LiveContract(spec=SPEC, stems=("drums", "other"), states=(("mean", (1, 1, 128, 2)),), training={"step": 3})


def test_the_contract_goes_to_json_and_back():
    assert parse_contract(CONTRACT.to_bytes(sha256="0" * 64), "x") == CONTRACT


def test_tensors_and_windows_are_told_to_those_without_tfsep():
    told = json.loads(CONTRACT.to_bytes())
    assert [each["name"] for each in told["tensors"]["inputs"]] == ["features", "mean"]
    assert [each["name"] for each in told["tensors"]["outputs"]] == ["drums", "other", "next_mean"]
    assert told["tensors"]["inputs"][0]["shape"] == told["tensors"]["outputs"][1]["shape"] == [1, 1, 128, 2]
    assert told["stream"]["latency_samples"] == 127
    assert told["spec"]["synthesis_samples"] == 128


def test_more_frames_a_call_come_later():
    assert CONTRACT.in_blocks(3).latency_samples == 127 + 2 * 64
    assert CONTRACT.in_blocks(3).input_shape == (1, 3, 128, 2)


def test_chunks_for_whole_songs_are_whole_blocks():
    chunks = CONTRACT.in_blocks(10).in_chunks()
    assert (chunks.spec.frames, chunks.overlap_frames, chunks.kind) == (260, 0, "spectrogram")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contract_version", 9),
        ("stems", ["one"]),
        ("states", 3),
        ("tensors", {}),
        ("transform", {}),
        ("spec", {}),
        ("stream", None),
    ],
)
def test_a_damaged_contract_is_named(name, value):
    content = json.dumps(CONTRACT.to_json() | {name: value}).encode()
    with pytest.raises(ModelError, match=r"live\.tflite\.json: "):
        parse_contract(content, "live.tflite.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stems": ("a",)}, "stems="),
        ({"states": (("drums", (1, 1, 1, 1)),)}, "states drums: use names that no other tensor has"),
        ({"states": (("next_a", (1, 1, 1, 1)), ("a", (1, 1, 1, 1)))}, "use names that no other"),
        ({"states": (("a", (1, 1, 1)),)}, "four axes"),
    ],
)
def test_values_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONTRACT, **change)
