"""The golden vectors, recomputed by the Swift code's algorithm; and the Swift code's constants against the contract."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from tfsep_export.ios_demo.golden import TOLERANCES, SeededMasks, read_set, run_set, seams_set, write_golden

from tfsep.contract import CONTRACT_VERSIONS, RESIDUAL_STEMS, ModelContract
from tfsep.separation.runtime_contract import METADATA_NAME
from tfsep.spec import SpectrogramSpec

FOUND = importlib.util.spec_from_file_location("swift_algorithm", Path(__file__).with_name("swift_algorithm.py"))
swift = importlib.util.module_from_spec(FOUND)
FOUND.loader.exec_module(swift)

ASSETS = Path(__file__).parents[2] / "ios_demo_assets"
CORE = ASSETS / "TfsepKit" / "Sources" / "TfsepCore"
SPEC = SpectrogramSpec(window_samples=4096, hop_samples=1024, frames=6)


def own_set(mask: str):
    """Two chunks in the window of the shipped model."""
    contract = ModelContract(spec=SPEC, stems=("drums", "bass", "other", "vocals"), overlap_frames=2, mask=mask)
    sound = np.random.default_rng(3).normal(0, 0.2, (6500, 2)).astype(np.float32)
    return run_set(SeededMasks(contract), sound, "noise")


@pytest.mark.parametrize("size", [4, 8, 256, 4096])
def test_its_transform_is_the_discrete_fourier_transform(size, rng):
    samples = rng.uniform(-1, 1, (3, size)).astype(np.float32)
    expected = np.fft.rfft(samples.astype(np.float64))
    found = swift.forward(samples)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, expected, atol=2e-7 * size**0.5 * 4)
    back = swift.inverse(found)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, samples, atol=1e-6)


@pytest.mark.parametrize("name", ["seams", "seams-complex", "real", "complex"])
def test_golden_vectors_by_its_algorithm(name):
    golden = {"seams": seams_set, "seams-complex": lambda: seams_set("complex")}.get(name, lambda: own_set(name))()
    check(golden.contract, golden.arrays)


def check(contract, arrays):
    spectra = swift.stft(arrays["input"], contract.spec)
    wanted = arrays["stft"][..., 0] + 1j * arrays["stft"][..., 1]
    assert np.abs(spectra.transpose(0, 2, 1) - wanted).max() <= TOLERANCES["stft"]
    assert np.abs(swift.features(spectra, contract) - arrays["features"]).max() <= TOLERANCES["features"]
    stems = swift.stems(arrays["input"], arrays["masks"], contract)
    for index, stem in enumerate(contract.stems):
        assert np.abs(stems[stem] - arrays["stems"][index]).max() <= TOLERANCES["stems"]


@pytest.mark.parametrize("change", ["window", "fade", "nyquist", "gain"])
def test_another_constant_is_noticed(change, monkeypatch):
    golden = seams_set()
    contract, arrays = golden.contract, dict(golden.arrays)
    if change == "window":
        real = swift.windows
        monkeypatch.setattr(swift, "windows", lambda spec: tuple(window * np.float32(1.0001) for window in real(spec)))
    elif change == "fade":
        monkeypatch.setattr(
            swift, "faded", lambda masks, overlap: np.concatenate([*(m[:-overlap] for m in masks[:-1]), masks[-1]])
        )
    elif change == "nyquist":
        arrays["stft"] = arrays["stft"].copy()
        arrays["stft"][:, -1] *= 1.01
    else:
        contract = ModelContract(
            spec=SpectrogramSpec(window_samples=128, hop_samples=32, frames=12, feature_gain=2990.0),
            stems=contract.stems,
            overlap_frames=4,
        )
    with pytest.raises(AssertionError):
        check(contract, arrays)


def test_what_is_written_is_read_back(tmp_path):
    golden = seams_set()
    write_golden(tmp_path, {"seams": golden, "model": golden}, {"model": {"models/x.tflite": {"masks": 30.0, "stems": 35.04}}})
    contract, arrays = read_set(tmp_path / "golden", "seams")
    assert contract == golden.contract
    for name, values in golden.arrays.items():
        np.testing.assert_array_equal(arrays[name], values)
        raw = (tmp_path / "golden" / "seams" / f"{name}.f32").read_bytes()
        assert raw == values.astype("<f4").tobytes()


def swift_strings(name: str) -> list[str]:
    """Return the string literals of a static constant in ModelContract.swift, in order."""
    source = (CORE / "ModelContract.swift").read_text()
    found = re.search(rf"static let {name} = (\[.*?\]|\".*?\")\n", source, re.DOTALL)
    assert found, name
    return re.findall(r'"([^"]*)"', found[1])


def pairs(texts: list[str]) -> dict[str, str]:
    return dict(zip(texts[0::2], texts[1::2], strict=True))


def test_its_rules_are_the_contracts_word_for_word():
    contracts = {
        mask: ModelContract(spec=SPEC, stems=("drums", "other"), overlap_frames=2, mask=mask) for mask in CONTRACT_VERSIONS
    }
    told = {mask: contract.to_json() for mask, contract in contracts.items()}
    assert pairs(swift_strings("features")) == {mask: each["transform"]["features"] for mask, each in told.items()}
    assert pairs(swift_strings("outputs")) == {mask: each["tensors"]["output"] for mask, each in told.items()}
    rules = dict(told["real"]["transform"])
    assert rules.pop("first_frame_starts_at_sample") == SPEC.hop_samples - SPEC.window_samples
    rules.pop("features")
    assert pairs(swift_strings("transform")) == rules
    assert swift_strings("crossFade") == [told["real"]["chunk"]["cross_fade"]]
    assert swift_strings("axes") == told["real"]["tensors"]["axes"]
    assert swift_strings("residualStems") == list(RESIDUAL_STEMS)
    assert swift_strings("metadataName") == [METADATA_NAME]


def test_its_versions_and_fields_are_the_contracts():
    source = (CORE / "ModelContract.swift").read_text()
    versions = re.search(r"static let versions = \[(.*?)\]", source)[1]
    assert {name: int(number) for name, number in re.findall(r'"(\w+)": (\d)', versions)} == CONTRACT_VERSIONS
    spec = re.search(r"struct SpectrogramSpec.*?enum CodingKeys.*?\n    }", source, re.DOTALL)[0]
    keys = set(re.findall(r'= "(\w+)"', spec)) | {"channels", "frames"}
    assert keys == set(SPEC.to_json()) | {"synthesis_samples"}
    assert "version == 1" not in source  # versions stand in one place
    golden = (CORE / "GoldenVectors.swift").read_text()
    assert "index.version == 1" in golden


@pytest.mark.skipif(not (ASSETS / "golden").is_dir(), reason="the folder has not been made: tfsep-export ios-demo")
@pytest.mark.parametrize("name", ["model", "seams", "seams-complex"])
def test_the_committed_golden_vectors_by_its_algorithm(name):
    check(*read_set(ASSETS / "golden", name))
