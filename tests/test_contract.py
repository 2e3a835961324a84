import json

import pytest

from tfsep.contract import ModelContract, residual_stem
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
        (b"[1]", "contract version None, this program reads 1"),
        (b"{}", "contract version None"),
        (changed(contract_version=2), "contract version 2, this program reads 1: export it again"),
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
