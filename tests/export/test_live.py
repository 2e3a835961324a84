"""Streaming files: what was written against the bundle, frame by frame and as sound."""

import json

import numpy as np
import pytest
from tfsep_export.cli import main
from tfsep_export.format import Options
from tfsep_export.formats import FORMATS
from tfsep_export.model import export_model
from tfsep_export.parity import FLOOR_DB, QUANTISED_FLOOR_DB

from tfsep.audio import Audio
from tfsep.bundle import Bundle
from tfsep.cli import main as tfsep
from tfsep.contract import described_sha256
from tfsep.errors import UsageError
from tfsep.separation.live import LiveSeparator
from tfsep.separation.runtime_contract import sha256_of
from tfsep.separation.separator import Separator

CASES = [("litert", "fp32"), ("litert", "fp16"), ("litert", "int8"), ("onnx", "fp32"), ("coreml", "fp16"), ("coreml", "int8")]


@pytest.fixture(scope="module")
def bundle(bundles) -> Bundle:
    return bundles["live"]


@pytest.fixture(scope="module")
def streaming_file(bundle, tmp_path_factory):
    return export_model(bundle, tmp_path_factory.mktemp("file") / "small.tflite", precision="fp32").path


@pytest.mark.parametrize(("to", "precision"), CASES)
def test_the_file_says_what_keras_says_of_the_whole_stream(bundle, to, precision, tmp_path):
    path = tmp_path / f"small{FORMATS[to].suffix}"
    exported = export_model(bundle, path, to=to, precision=precision)
    assert exported.parity_db >= FLOOR_DB.get(precision, QUANTISED_FLOOR_DB)
    assert set(exported.parity.db) == {"music", "silence", "noise", "full scale"}
    assert described_sha256(exported.contract_path) == sha256_of(path)
    assert FORMATS[to].load(path).contract == bundle.contract
    told = json.loads(exported.contract_path.read_text())
    assert (told["kind"], len(told["tensors"]["inputs"]), len(told["tensors"]["outputs"])) == ("live", 5, 8)
    assert not [warning for warning in exported.census.warnings if "rank" in warning or "not fixed" in warning]


@pytest.mark.parametrize("block", [1, 7, 32, 1000, 3001])
def test_sound_in_blocks_is_the_bundle_on_the_whole_song(bundle, streaming_file, block):
    song = np.random.default_rng(0).uniform(-0.5, 0.5, (3001, 2)).astype(np.float32)
    wanted = Separator.load(bundle_folder(bundle, streaming_file)).separate(Audio(song, 8000))
    live = LiveSeparator.load(streaming_file)
    parts = [live.process(song[start : start + block]) for start in range(0, len(song), block)] + [live.flush()]
    for stem, audio in wanted.items():
        found = np.concatenate([part[stem] for part in parts])[live.latency_samples :]
        error = np.sum((found.astype(np.float64) - audio.samples) ** 2)
        assert 10 * np.log10(error / np.sum(audio.samples.astype(np.float64) ** 2)) < -100


def bundle_folder(bundle, beside):
    folder = beside.parent / "bundle"
    if not folder.exists():
        weights = [np.asarray(variable) for variable in bundle.generator.variables]
        Bundle.write(folder, bundle.config, weights, training={})
    return folder


def test_more_frames_a_call(bundle, tmp_path):
    exported = export_model(bundle, tmp_path / "small.tflite", precision="fp32", block_frames=4)
    contract = LiveSeparator.load(exported.path).contract
    assert (contract.spec.frames, contract.latency_samples) == (4, 63 + 3 * 32)
    assert exported.parity_db > 100


def test_the_command_writes_and_separates(bundle, streaming_file, tmp_path, capsys):
    folder = bundle_folder(bundle, streaming_file)
    assert main([str(folder), "--to", "litert", "--precision", "int8", "--out", str(tmp_path)]) == 0
    Audio(np.zeros((4000, 2), np.float32), 8000).write(tmp_path / "song.wav")
    out = tmp_path / "stems"
    assert tfsep(["separate", str(tmp_path / "song.wav"), "--model", str(tmp_path / "model.tflite"), "--out", str(out)]) == 0
    assert len(list((out / "song").iterdir())) == 4
    capsys.readouterr()
    for model in (folder, tmp_path / "model.tflite"):
        assert tfsep(["info", str(model)]) == 0
        assert "63 samples, 7.9 ms" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--waveform"], "no waveform files of models of kind live"),
        (["--precision", "int8-full", "--representative", "song.wav"], "precision int8-full: there is none"),
        (["--block-frames", "0"], "block_frames=0: use 1 or more"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_written(bundle, streaming_file, options, message, tmp_path, capsys):
    folder = bundle_folder(bundle, streaming_file)
    assert main([str(folder), *options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_blocks_of_frames_are_for_live_models(bundles, tmp_path):
    with pytest.raises(UsageError, match="block_frames=2: is for models of kind live, this one is of kind bandsplit"):
        export_model(bundles["bandsplit"], tmp_path / "a.tflite", block_frames=2, options=Options())
