import json

import pytest

from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.errors import ModelError


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_round_trip(part):
    contract = DrumSamplerContract(part=part, training={"steps": 3})
    assert DrumSamplerContract.from_bytes(contract.to_bytes(), "x.json") == contract


def test_the_parts_fit_together():
    encoder, decoder = (DrumSamplerContract(part=part) for part in ("encoder", "decoder"))
    assert encoder.inputs == decoder.outputs
    assert encoder.outputs["codes"] == (1, 7, 48)
    assert decoder.inputs == {"code": (1, 48 + 7)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("part", "both"),
        ("drums", ()),
        ("drums", ("kick", "kick")),
        ("cells", 60),
        ("bands", 1024),
        ("code", 0),
        ("floor_db", 0),
    ],
)
def test_a_field_out_of_range_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        DrumSamplerContract(**{"part": "encoder", field: value})


@pytest.mark.parametrize("change", [{"contract_version": 9}, {"code": None}, {"tensors": {}}, {"part": "middle"}])
def test_a_wrong_description_names_its_file(change):
    fields = json.loads(DrumSamplerContract(part="encoder").to_bytes()) | change
    with pytest.raises(ModelError, match=r"model\.json"):
        DrumSamplerContract.from_json(fields, "model.json")
