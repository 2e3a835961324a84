"""A file with its contract inside, with and without the JSON file beside it."""

import json
from dataclasses import replace

import pytest

from tfsep.contract import WAVEFORM, ModelContract
from tfsep.errors import ModelError
from tfsep.separation.locate import find_contract
from tfsep.separation.runtime import load_runtime
from tfsep.separation.runtime_contract import METADATA_NAME, read_contract, sha256_of, sidecar_path
from tfsep.separation.tflite_metadata import add_metadata
from tfsep.spec import SpectrogramSpec

CONTRACT = ModelContract(
    spec=SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16),
    stems=("drums", "other"),
    overlap_frames=4,
    training={"step": 3},
)


@pytest.fixture
def alone(tiny_tflite, tmp_path):
    """A file with nothing beside it."""
    path = tmp_path / "alone.tflite"
    path.write_bytes(add_metadata(tiny_tflite.read_bytes(), METADATA_NAME, CONTRACT.to_bytes()))
    return path


def test_a_file_alone_is_enough(alone):
    assert read_contract(alone) == CONTRACT
    assert load_runtime(alone).contract == CONTRACT
    assert find_contract(alone) == (alone, CONTRACT)


def test_a_sidecar_that_belongs_to_it(alone):
    sidecar_path(alone).write_bytes(CONTRACT.to_bytes(sha256=sha256_of(alone)))
    assert sidecar_path(alone).name == "alone.tflite.json"
    assert read_contract(alone) == CONTRACT


def test_a_sidecar_of_another_file(alone):
    sidecar_path(alone).write_bytes(CONTRACT.to_bytes(sha256="0" * 64))
    with pytest.raises(
        ModelError,
        match=r"alone\.tflite: is not the file that alone\.tflite\.json describes \(SHA-256 .*, described 000000000000\.\.\.\): "
        r"copy both from one export, or delete alone\.tflite\.json$",
    ):
        load_runtime(alone)


def test_a_sidecar_that_was_changed(alone):
    other = replace(CONTRACT, overlap_frames=2)
    sidecar_path(alone).write_bytes(other.to_bytes(sha256=sha256_of(alone)))
    with pytest.raises(ModelError, match=r"alone\.tflite\.json: was changed, alone\.tflite itself says something else"):
        load_runtime(alone)
    sidecar_path(alone).write_text(json.dumps(CONTRACT.to_json() | {"model_sha256": 5}))
    with pytest.raises(ModelError, match="model_sha256 is 5"):
        load_runtime(alone)


def test_a_file_without_a_contract_inside_needs_the_one_beside_it(model):
    contract = read_contract(model)  # model.json
    model.with_suffix(".json").write_bytes(contract.to_bytes(sha256="0" * 64))
    with pytest.raises(ModelError, match=r"is not the file that model\.json describes .*: copy both from one export$"):
        read_contract(model)


def test_a_damaged_contract_inside(tiny_tflite, tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(add_metadata(tiny_tflite.read_bytes(), METADATA_NAME, b"{"))
    with pytest.raises(ModelError, match=r"m\.tflite: not a model description"):
        read_contract(path)


def test_files_of_sound_are_not_for_the_separator(tiny_tflite, tmp_path):
    import tensorflow as tf

    contract = replace(CONTRACT, kind=WAVEFORM, input_name="mixture", spec=replace(CONTRACT.spec, frames=16))

    @tf.function(input_signature=[tf.TensorSpec(contract.input_shape, tf.float32, name="mixture")])
    def serve(mixture):
        return {"drums": tf.identity(mixture * 0.25), "other": tf.identity(mixture * 0.75)}

    module = tf.Module()
    module.serve = serve
    converter = tf.lite.TFLiteConverter.from_concrete_functions([serve.get_concrete_function()], module)
    path = tmp_path / "wave.tflite"
    path.write_bytes(add_metadata(converter.convert(), METADATA_NAME, contract.to_bytes()))
    with pytest.raises(ModelError, match=r"wave\.tflite: takes and gives sound, .* separate with the spectrogram file"):
        load_runtime(path)


def test_core_ml_is_for_apple(tmp_path):
    (tmp_path / "m.mlpackage").mkdir()
    with pytest.raises(ModelError, match=r"m\.mlpackage: Core ML files run in apps on Apple's systems only"):
        load_runtime(tmp_path / "m.mlpackage")


def test_the_hash_of_a_folder_depends_on_names_and_contents(tmp_path):
    hashes = set()
    for name, content in (("a", "1"), ("b", "1"), ("a", "2")):
        folder = tmp_path / f"{name}{content}"
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / name).write_text(content)
        hashes.add(sha256_of(folder))
    assert len(hashes) == 3
