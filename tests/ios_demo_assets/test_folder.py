"""The folder as it is kept: whole, small, under licences that allow it, and its LiteRT model as near the trained one as it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from tfsep_export.ios_demo.golden import read_set
from tfsep_export.ios_demo.manifest import check_manifest, read_manifest

from tfsep.audio import Audio, read_info
from tfsep.data.catalogue.contribution import ALLOWED_LICENCES
from tfsep.separation.router import Router
from tfsep.separation.runtime import load_file
from tfsep.separation.runtime_contract import read_contract
from tfsep.separation.separator import Separator

ASSETS = Path(__file__).parents[2] / "ios_demo_assets"
MODEL = "models/tfsep-int8.tflite"

pytestmark = pytest.mark.skipif(
    not (ASSETS / "manifest.json").is_file(), reason="the folder has not been made: tfsep-export ios-demo --songs ..."
)


def test_it_is_as_it_was_made_and_small():
    kept = [entry for entry in check_manifest(ASSETS) if entry["in_git"]]
    assert sum(entry["bytes"] for entry in kept) < 10.5e6
    assert {entry["licence"] for entry in kept if entry["kind"] in ("clip", "golden")} <= set(ALLOWED_LICENCES)
    assert {entry["licence"] for entry in kept if entry["kind"] in ("model", "contract", "routing")} == {"MIT"}
    kinds = [model["kind"] for model in read_manifest(ASSETS)["models"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"spectrogram": 2, "live": 2, "genre": 2}


def test_clips_start_and_end_together():
    for clip in read_manifest(ASSETS)["clips"]:
        infos = [read_info(ASSETS / path) for path in (clip["mixture"], *clip["stems"].values())]
        assert {(info.frames, info.sample_rate_hz) for info in infos} == {(clip["samples"], clip["sample_rate_hz"])}
        assert clip["credit"]


def test_the_streaming_model_is_the_trained_one():
    described = json.loads((ASSETS / "golden" / "golden.json").read_text())["live"]
    features, wanted = (
        np.fromfile(ASSETS / "golden" / about["file"], "<f4").reshape(about["shape"])
        for about in (described["arrays"][name] for name in ("features", "masks"))
    )
    path = "models/tfsep-live-int8.tflite"
    runtime = load_file(ASSETS / path, threads=1)
    masks = runtime.predict(features)
    found = np.stack([masks[stem] for stem in runtime.contract.stems], axis=1)[:, :, None]
    distance_db = 10 * np.log10(np.sum(wanted**2) / np.sum((found - wanted) ** 2))
    assert distance_db >= described["files"][path]["masks_floor_db"]


def test_the_router_chooses_from_the_folder():
    manifest = read_manifest(ASSETS)
    router = Router.load(ASSETS / manifest["routing"]["file"], threads=1)
    route = router.route(ASSETS / manifest["clips"][0]["mixture"])
    assert [Path(model).name for model in route.weights] == [Path(manifest["routing"]["general"]).name]


def test_the_model_is_the_trained_one():
    contract, arrays = read_set(ASSETS / "golden", "model")
    assert read_contract(ASSETS / MODEL).spec == contract.spec
    files = json.loads((ASSETS / "golden" / "golden.json").read_text())["sets"]["model"]["files"]
    stems = Separator.load(ASSETS / MODEL).separate(Audio(arrays["input"], contract.spec.sample_rate_hz))
    found = np.stack([stems[name].samples for name in contract.stems])
    distance_db = 10 * np.log10(np.sum(arrays["stems"] ** 2) / np.sum((found - arrays["stems"]) ** 2))
    assert distance_db >= files[MODEL]["stems_floor_db"]
