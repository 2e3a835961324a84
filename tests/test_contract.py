import json
from dataclasses import replace

import pytest

from tfsep.contract import ModelContract, described_sha256, residual_stem
from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
CONTRACT = ModelContract(
    spec=SPEC, stems=("vocals", "rest"), overlap_frames=3, name="small", bandwidth_hz=3000.0, training={"step": 5}
)


def test_residual_stem():
    assert residual_stem(("drums", "other", "vocals")) == "other"
    assert residual_stem(("accompaniment", "drums")) == "accompaniment"
    assert residual_stem(("drums", "bass")) == "bass"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stems": ("drums",)}, "use two or more different names"),
        ({"stems": ("drums", "drums")}, "use two or more different names"),
        ({"overlap_frames": -1}, "overlap_frames=-1: use 0 to 4"),
        ({"overlap_frames": 5}, "overlap_frames=5: use 0 to 4"),
    ],
)
def test_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        ModelContract(**{"spec": SPEC, "stems": ("a", "b"), "overlap_frames": 0} | fields)


def test_write_and_read(tmp_path):
    path = tmp_path / "small.json"
    CONTRACT.write(path)
    assert ModelContract.read(path) == CONTRACT
    assert path.read_bytes() == CONTRACT.to_bytes()


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.json: this description of the model is missing"):
        ModelContract.read(tmp_path / "gone.json")
    with pytest.raises(ModelError, match="cannot be read"):
        ModelContract.read(tmp_path)


def changed(**fields):
    return json.dumps(CONTRACT.to_json() | fields).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a model description"),
        (b"\xff\xfe\x00", "not a model description"),
        (b"[1]", "contract version None, this program reads 1 and 2"),
        (b"{}", "contract version None"),
        (changed(contract_version=3), "contract version 3, this program reads 1 and 2: export it again"),
        (changed(contract_version=2), "mask='real' has contract version 1, not 2"),
        (changed(mask="complex"), "mask='complex' has contract version 2, not 1"),
        (changed(mask="imaginary"), "mask='imaginary': use real or complex"),
        (b'{"contract_version": 1}', "incomplete or wrong \\('spec'\\)"),
        (changed(stems=["a"]), "two or more different names"),
        (changed(spec={"window": 3}), "spectrogram fields window are unknown"),
        (changed(overlap_frames=99), "overlap_frames=99"),
        (changed(overlap_frames="many"), "incomplete or wrong"),
    ],
)
def test_damaged(tmp_path, content, message):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        ModelContract.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_apps_need_is_spelled_out():
    fields = CONTRACT.to_json()
    assert fields["tensors"]["inputs"] == [{"name": "features", "dtype": "float32", "shape": [1, 8, 128, 2]}]
    assert [output["name"] for output in fields["tensors"]["outputs"]] == ["vocals", "rest"]
    assert fields["chunk"]["length"] == 8
    assert fields["transform"]["first_frame_starts_at_sample"] == -192


def test_complex_masks(tmp_path):
    contract = replace(CONTRACT, mask="complex")
    assert (contract.input_shape, contract.output_shape) == ((1, 8, 128, 6), (1, 8, 128, 4))
    fields = contract.to_json()
    assert fields["contract_version"] == 2  # programs that know real masks alone refuse it
    assert fields["tensors"]["inputs"][0]["shape"] == [1, 8, 128, 6]
    assert fields["tensors"]["outputs"][0]["shape"] == [1, 8, 128, 4]
    assert "complex" in fields["tensors"]["output"]
    assert "X / |X|" in fields["transform"]["features"]
    contract.write(tmp_path / "m.json")
    assert ModelContract.read(tmp_path / "m.json") == contract
    assert replace(contract, kind="waveform", spec=replace(SPEC, frames=12)).output_shape == (1, 9 * 64, 2)


def test_files_that_do_not_say_what_masks_they_give_have_real_ones():
    fields = CONTRACT.to_json()
    del fields["mask"]
    assert fields["contract_version"] == 1
    assert ModelContract.from_bytes(json.dumps(fields).encode(), "it") == CONTRACT


def test_waveform_chunks():
    contract = ModelContract(spec=SPEC, stems=("a", "b"), overlap_frames=2, kind="waveform", input_name="mixture")
    # frames of 4 hops each, with 3 hops of zeros on both sides: 8 frames reach over 11 hops, 6 of which are zeros
    assert contract.chunk_samples == 5 * 64
    assert contract.input_shape == (1, 320, 2)
    assert contract.to_json()["chunk"] | {"cross_fade": ""} == {
        "unit": "samples", "length": 320, "overlap": 128, "cross_fade": ""
    }  # fmt: skip
    assert ModelContract.from_bytes(contract.to_bytes(), "it") == contract
    with pytest.raises(ValueError, match="kind='sound': use spectrogram or waveform"):
        ModelContract(spec=SPEC, stems=("a", "b"), overlap_frames=2, kind="sound")
    with pytest.raises(ValueError, match="frames=4: too few for a waveform file"):
        ModelContract(spec=replace(SPEC, frames=4), stems=("a", "b"), overlap_frames=1, kind="waveform")


def test_what_follows_cannot_be_changed_alone(tmp_path):
    fields = CONTRACT.to_json()
    fields["tensors"]["inputs"][0]["shape"] = [1, 9, 128, 2]
    (tmp_path / "m.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match="tensors do not follow from the other fields"):
        ModelContract.read(tmp_path / "m.json")


def test_hash_of_the_file_beside_it(tmp_path):
    path = tmp_path / "m.json"
    path.write_bytes(CONTRACT.to_bytes(sha256="ab" * 32))
    assert ModelContract.read(path) == CONTRACT
    assert described_sha256(path) == "ab" * 32
    CONTRACT.write(path)
    assert described_sha256(path) is None
