"""A drum transcriber through the exporters, compared with Keras on the file that was written."""

import pytest
from tfsep_export import cli
from tfsep_export.artefact import write_artefact
from tfsep_export.drum_graph import drum_graph, find_drum_bundle
from tfsep_export.formats import FORMATS
from tfsep_export.parity import Reference

from tfsep.contract_drums import DrumContract
from tfsep.creative.drums.transcriber import DrumTranscriber
from tfsep.errors import ModelError, UsageError
from tfsep.separation.runtime import load_runtime
from tfsep.spec import SpectrogramSpec
from tfsep.training.drum_bundle import DrumBundle, DrumNetwork


@pytest.fixture(scope="module")
def bundle() -> DrumBundle:
    import keras

    keras.utils.set_random_seed(0)
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=320, hop_samples=80, channels=1, frames=64, feature_gain=1000.0)
    contract = DrumContract(spec=spec, mel_bands=16, low_hz=50.0, high_hz=3800.0, context_frames=8)
    network = DrumNetwork((4, 8), 8, (1, 2))
    return DrumBundle(contract, network, network.build(contract))


@pytest.mark.parametrize(("to", "precision", "least_db"), [("litert", "fp32", 100), ("litert", "fp16", 50), ("onnx", "fp32", 100),
                                                           ("coreml", "fp16", 50)])  # fmt: skip
def test_every_format_gives_keras_outputs(bundle, tmp_path, to, precision, least_db):
    graph = drum_graph(bundle)
    path = tmp_path / f"drums{FORMATS[to].suffix}"
    exported = write_artefact(graph, Reference(graph), path, FORMATS[to], precision)
    assert exported.parity_db > least_db
    assert not exported.census.warnings


def test_the_exported_file_finds_hits_and_does_not_separate(bundle, tmp_path):
    graph = drum_graph(bundle)
    path = tmp_path / "drums.tflite"
    write_artefact(graph, Reference(graph), path, FORMATS["litert"], "fp32")
    assert DrumTranscriber.load(path).contract == bundle.contract
    with pytest.raises(ModelError, match=r"drums\.tflite: finds drum hits"):
        load_runtime(path)


def test_the_command_finds_a_transcriber_and_refuses_what_it_has_not(bundle, tmp_path, capsys):
    bundle.write(tmp_path / "run" / "best")
    assert find_drum_bundle(str(tmp_path / "run")) == tmp_path / "run" / "best"
    assert find_drum_bundle(str(tmp_path)) is None
    arguments = [str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--name", "drums"]
    assert cli.main([*arguments, "--waveform"]) == UsageError.exit_code
    assert "finds drum hits; --waveform" in capsys.readouterr().err
    assert cli.main(arguments) == 0
    assert "drums.tflite" in capsys.readouterr().out
