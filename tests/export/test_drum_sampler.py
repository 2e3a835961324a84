import numpy as np
import pytest

pytest.importorskip("tensorflow")
from tfsep_export.drum_sampler_graph import find_sampler_bundle, sampler_graphs_of

from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.models.drum_sampler import Sampler
from tfsep.spec import SpectrogramSpec
from tfsep.training.drum_sampler_bundle import DrumSamplerBundle


@pytest.fixture
def bundle(tmp_path):
    spec = SpectrogramSpec(window_samples=128, hop_samples=32, channels=1, frames=32)
    contract = DrumSamplerContract(part="encoder", drums=("kick", "snare"), spec=spec, cells=16, bands=16, code=4)
    DrumSamplerBundle(Sampler(contract)).write(tmp_path / "run" / "best", {})
    return tmp_path / "run"


def test_both_parts_are_written_and_agree_with_keras(bundle, tmp_path, capfd):
    from tfsep_export.cli import main

    from tfsep.separation.runtime import load_file

    assert main([str(bundle), "--to", "litert", "--precision", "fp32", "--out", str(tmp_path / "out")]) == 0
    assert capfd.readouterr().out.count(" dB from Keras") == 2
    for part, graph in sampler_graphs_of(find_sampler_bundle(str(bundle))).items():
        runtime = load_file(tmp_path / "out" / f"{part}.tflite", threads=1)
        assert (runtime.contract.kind, runtime.contract.part) == ("drum-sampler", part)
        tensor = np.random.default_rng(0).random(runtime.contract.inputs[runtime.contract.input_name][1:], np.float32)
        wanted = graph.reference(tensor)
        for name, values in runtime.predict(tensor).items():
            np.testing.assert_allclose(values, wanted[name], atol=1e-4)
