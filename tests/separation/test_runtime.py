import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tfsep.separation.runtime
from tfsep.contract import ModelContract
from tfsep.errors import MissingExtraError, ModelError, UsageError
from tfsep.separation.runtime import load_runtime, shipped_models
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16)
CONTRACT = ModelContract(spec=SPEC, stems=("drums", "other"), overlap_frames=4)


def test_tflite(model, rng):
    runtime = load_runtime(model, threads=2)
    assert runtime.contract == CONTRACT
    features = rng.uniform(0, 8, (16, 128, 2)).astype(np.float32)
    masks = runtime.predict(features)
    assert list(masks) == ["drums", "other"]
    np.testing.assert_allclose(masks["drums"], 1 / (1 + np.exp(2 - features.astype(np.float64))), atol=1e-6)
    np.testing.assert_allclose(masks["drums"] + masks["other"], 1, atol=1e-6)


def test_threads_do_not_mix_their_chunks(model):
    runtime = load_runtime(str(model), threads=3)
    assert runtime.workers == 3
    chunks = [np.full((16, 128, 2), k / 10, np.float32) for k in range(40)]
    with ThreadPoolExecutor(3) as pool:
        masks = list(pool.map(runtime.predict, chunks))
    for chunk, mask in zip(chunks, masks, strict=True):
        np.testing.assert_allclose(mask["drums"], 1 / (1 + np.exp(2 - chunk)), atol=1e-6)


def test_shipped_models_are_found_by_name(model, tmp_path, monkeypatch):
    package = tmp_path / "package"
    for name in ("default", "house"):
        folder = package / "weights" / name
        folder.mkdir(parents=True)
        (folder / "model.tflite").write_bytes(model.read_bytes())
        replace(CONTRACT, name=name).write(folder / "model.json")
    (package / "weights" / "notes").mkdir()
    monkeypatch.setattr(tfsep.separation.runtime.resources, "files", lambda name: package)
    monkeypatch.chdir(tmp_path)
    assert shipped_models() == ["default", "house"]
    assert load_runtime("house").contract.name == "house"
    (tmp_path / "default").mkdir()  # a folder of that name does not hide the model
    assert load_runtime("default").contract.name == "default"
    with pytest.raises(ModelError, match=r"default: holds no model\.keras"):
        load_runtime(Path("default"))
    with pytest.raises(ModelError, match=r"model 'jazz': there is no such model or file; .* default, house"):
        load_runtime("jazz")


@pytest.mark.parametrize("name", ["gone.tflite", "folder/gone", "gone.keras"])
def test_missing(tmp_path, name):
    with pytest.raises(ModelError, match="there is no such model: use the name of a model"):
        load_runtime(tmp_path / name)


def test_neither_tflite_nor_bundle(tmp_path):
    (tmp_path / "model.pth").touch()
    with pytest.raises(ModelError, match=r"model.pth: is not a model that can be run: use"):
        load_runtime(tmp_path / "model.pth")
    with pytest.raises(ModelError, match=r"holds no model\.keras"):
        load_runtime(tmp_path)


@pytest.mark.parametrize("content", [b"", b"Just some text. " * 40, bytes(4096)])
def test_not_tflite(model, content):
    model.write_bytes(content)
    with pytest.raises(ModelError, match=r"model.tflite: is not a model that LiteRT can run") as caught:
        load_runtime(model)
    assert "\n" not in str(caught.value)


def test_truncated_tflite(model):
    model.write_bytes(model.read_bytes()[:500])
    with pytest.raises(ModelError, match="is not a model that LiteRT can run"):
        load_runtime(model)


def test_description_missing_or_damaged(model):
    sidecar = model.with_suffix(".json")
    fields = json.loads(sidecar.read_text())
    for text, message in (
        ("{", "not a model description"),
        (json.dumps(fields | {"contract_version": 9}), "contract version 9"),
        (json.dumps({key: value for key, value in fields.items() if key != "stems"}), "incomplete or wrong"),
    ):
        sidecar.write_text(text)
        with pytest.raises(ModelError, match=message):
            load_runtime(model)
    sidecar.unlink()
    with pytest.raises(ModelError, match=r"model.json: this description of the model is missing"):
        load_runtime(model)


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (replace(CONTRACT, stems=("drums", "piano")), "has the outputs drums, other, its description says drums, piano"),
        (replace(CONTRACT, input_name="x"), "has the inputs features, its description says x"),
        (
            replace(CONTRACT, spec=replace(SPEC, frames=32)),
            r"input features is float32 \(1, 16, 128, 2\), .* \(1, 32, 128, 2\)",
        ),
        (replace(CONTRACT, spec=replace(SPEC, channels=1)), r"its description says float32 \(1, 16, 128, 1\)"),
    ],
)
def test_description_of_another_model(model, contract, message):
    contract.write(model.with_suffix(".json"))
    with pytest.raises(ModelError, match=message):
        load_runtime(model)


def test_threads(model):
    with pytest.raises(UsageError, match="threads=0: use 1 or more"):
        load_runtime(model, threads=0)


def test_bundle_without_keras(tmp_path, monkeypatch):
    (tmp_path / "model.keras").touch()
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tfsep\[train\]'"):
        load_runtime(tmp_path)


def test_litert_is_quiet_and_tensorflow_is_not_imported(model):
    code = (
        "import sys; from tfsep.separation.separator import Separator; import numpy as np; from tfsep.audio import Audio\n"
        f"Separator.load({str(model)!r}).separate(Audio(np.zeros((9000, 2), np.float32), 8000))\n"
        "assert not {'tensorflow', 'keras', 'scipy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bundle(tmp_path, rng):
    from tfsep.bundle import Bundle
    from tfsep.models.config import GeneratorConfig
    from tfsep.models.presets import build_generator

    config = GeneratorConfig(spec=SPEC, bands=((64, 4), (64, 8)), widths=(4,), blocks=(1,))
    generator = build_generator(config)
    Bundle.write(tmp_path / "run", config, [variable.numpy() for variable in generator.variables], training={})
    features = rng.uniform(0, 8, (16, 128, 2)).astype(np.float32)
    for path in (tmp_path / "run", tmp_path / "run" / "model.keras"):
        runtime = load_runtime(path)
        masks = runtime.predict(features)
        assert list(masks) == list(config.stems)
        np.testing.assert_allclose(sum(masks.values()), 1, atol=1e-5)
        expected = generator.masks(features[np.newaxis])
        for stem, mask in masks.items():
            assert mask.dtype == np.float32
            np.testing.assert_allclose(mask, np.asarray(expected[stem])[0], atol=1e-5)
            mask[0] = 0  # its own array
