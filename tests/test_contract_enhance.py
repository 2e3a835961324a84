import json

import pytest

from tfsep.contract_enhance import EnhanceContract
from tfsep.errors import ModelError
from tfsep.separation.runtime_contract import parse_contract
from tfsep.spec import SpectrogramSpec


def test_it_comes_back_as_it_was():
    contract = EnhanceContract(name="mine", training={"steps": 3})
    assert parse_contract(contract.to_bytes(), "x") == contract
    assert contract.input_shape == (1, 128, 1024, 3)
    assert contract.outputs == {"magnitude": (1, 128, 1024, 1)}


def test_the_first_bin_lies_below_the_cutoff():
    contract = EnhanceContract()
    assert contract.first_bin(8000) * 44_100 / 2048 == pytest.approx(8000 - 3 * 21.5, abs=22)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"contract_version": 7}, "contract version 7"), ({"name": None, "spec": {}, "tensors": {}}, "incomplete or wrong"),
     ({"overlap_frames": 100}, "overlap_frames=100")],
)  # fmt: skip
def test_damaged_contracts(change, message):
    fields = json.loads(EnhanceContract().to_bytes()) | change
    with pytest.raises(ModelError, match=message):
        parse_contract(json.dumps(fields).encode(), "x")


def test_values_out_of_range():
    with pytest.raises(ValueError, match="use cutoffs below half"):
        EnhanceContract(highest_cutoff_hz=30_000.0)
    with pytest.raises(ValueError, match="channels=2"):
        EnhanceContract(spec=SpectrogramSpec(channels=2))
