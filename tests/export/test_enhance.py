"""A super-resolution network through the exporters, compared with Keras on the file that was written."""

import pytest
from tfsep_export import cli
from tfsep_export.artefact import write_artefact
from tfsep_export.enhance_graph import enhance_graph, find_enhance_bundle
from tfsep_export.formats import FORMATS
from tfsep_export.parity import Reference

from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance import Enhancer
from tfsep.errors import ModelError, UsageError
from tfsep.models.superres_config import SuperResolutionConfig
from tfsep.separation.locate import find_contract
from tfsep.separation.runtime import load_runtime
from tfsep.spec import SpectrogramSpec
from tfsep.training.enhance_bundle import EnhanceBundle


@pytest.fixture(scope="module")
def bundle() -> EnhanceBundle:
    import keras

    from tfsep.models.superres import build_super_resolution

    keras.utils.set_random_seed(0)
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, channels=1, frames=16, feature_gain=1000.0)
    contract = EnhanceContract(spec=spec, lowest_cutoff_hz=800.0, highest_cutoff_hz=3000.0, overlap_frames=4)
    config = SuperResolutionConfig(bands=((64, 4), (64, 8)), widths=(4, 6))
    network = build_super_resolution(config, contract)
    for dense in network.merge.maps:
        dense.kernel.assign(300 * dense.kernel)  # far from replication
    return EnhanceBundle(contract, config, network)


@pytest.mark.parametrize(("to", "precision", "least_db"), [("litert", "fp32", 100), ("litert", "int8", 20), ("onnx", "fp32", 100),
                                                           ("coreml", "fp16", 50)])  # fmt: skip
def test_every_format_gives_keras_magnitudes(bundle, tmp_path, to, precision, least_db):
    graph = enhance_graph(bundle)
    path = tmp_path / f"enhance{FORMATS[to].suffix}"
    exported = write_artefact(graph, Reference(graph), path, FORMATS[to], precision)
    assert exported.parity_db > least_db
    assert not exported.census.warnings


def test_the_exported_file_restores_and_does_not_separate(bundle, tmp_path):
    graph = enhance_graph(bundle)
    path = tmp_path / "enhance.tflite"
    write_artefact(graph, Reference(graph), path, FORMATS["litert"], "fp16")
    assert Enhancer.load(path).contract == bundle.contract
    for refused in (load_runtime, find_contract):
        with pytest.raises(ModelError, match=r"enhance\.tflite: restores highs"):
            refused(path)


def test_the_command_finds_a_network_and_refuses_what_it_has_not(bundle, tmp_path, capsys):
    EnhanceBundle.write(tmp_path / "run" / "best", bundle.contract, bundle.config, bundle.network.get_weights())
    assert find_enhance_bundle(str(tmp_path / "run")) == tmp_path / "run" / "best"
    assert find_enhance_bundle(str(tmp_path)) is None
    arguments = [str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--name", "enhance"]
    assert cli.main([*arguments, "--waveform"]) == UsageError.exit_code
    assert "restores highs; --waveform" in capsys.readouterr().err
    assert cli.main(arguments) == 0
    assert "enhance.tflite" in capsys.readouterr().out
