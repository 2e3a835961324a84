import json
from dataclasses import replace

import pytest

from tfsep.contract import contract_kind
from tfsep.contract_genre import GENRE, GenreContract
from tfsep.errors import ModelError
from tfsep.separation.runtime_contract import parse_contract

CONTRACT = GenreContract(families=("electronic", "rock", "jazz"), temperature=1.5, training={"seed": 1})


def test_the_contract_goes_to_json_and_back():
    assert contract_kind(CONTRACT.to_bytes()) == GENRE
    assert GenreContract.from_bytes(CONTRACT.to_bytes(), "x") == CONTRACT
    assert parse_contract(CONTRACT.to_bytes(sha256="0" * 64), "x") == CONTRACT


def test_tensors_are_told_to_those_without_tfsep():
    tensors = json.loads(CONTRACT.to_bytes())["tensors"]
    assert tensors["inputs"] == [{"name": "log_mel", "dtype": "float32", "shape": [1, 256, 64, 1]}]
    assert tensors["outputs"] == [{"name": "logits", "dtype": "float32", "shape": [1, 3]}]


@pytest.mark.parametrize(
    ("name", "value"),
    [("contract_version", 9), ("families", ["one"]), ("temperature", 0), ("tensors", {}), ("spec", {}), ("high_hz", "high")],
)
def test_a_damaged_contract_is_named(name, value):
    fields = CONTRACT.to_json() | {name: value}
    with pytest.raises(ModelError, match=r"song-genre\.tflite\.json: "):
        GenreContract.from_json(fields, "song-genre.tflite.json")


def test_files_written_before_the_percussive_part_still_load():
    fields = CONTRACT.to_json()
    del fields["percussive"]
    assert GenreContract.from_json(fields, "x") == CONTRACT
    percussive = replace(CONTRACT, percussive=True)
    assert GenreContract.from_bytes(percussive.to_bytes(), "x") == percussive
    assert percussive.input_shape == (1, 256, 64, 2)


def test_a_missing_field_is_named():
    fields = CONTRACT.to_json()
    del fields["mel_bands"]
    with pytest.raises(ModelError, match="mel_bands"):
        GenreContract.from_json(fields, "x")


@pytest.mark.parametrize("change", [{"families": ("a",)}, {"excerpts": 0}, {"low_hz": -1.0}, {"silence_rms": float("nan")}])
def test_values_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(CONTRACT, **change)
