"""The folder as it is kept: whole, small, under licences that allow it, and its LiteRT model as near the trained one as it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from tfsep_export.ios_demo.golden import read_set
from tfsep_export.ios_demo.manifest import check_manifest, read_manifest

from tfsep.audio import Audio, read_info
from tfsep.data.catalogue.contribution import ALLOWED_LICENCES
from tfsep.separation.runtime_contract import read_contract
from tfsep.separation.separator import Separator

ASSETS = Path(__file__).parents[2] / "ios_demo_assets"
MODEL = "models/tfsep-int8.tflite"

pytestmark = pytest.mark.skipif(
    not (ASSETS / "manifest.json").is_file(), reason="the folder has not been made: tfsep-export ios-demo --songs ..."
)


def test_it_is_as_it_was_made_and_small():
    kept = [entry for entry in check_manifest(ASSETS) if entry["in_git"]]
    assert sum(entry["bytes"] for entry in kept) < 9e6
    assert {entry["licence"] for entry in kept if entry["kind"] in ("clip", "golden")} <= set(ALLOWED_LICENCES)
    assert {entry["licence"] for entry in kept if entry["kind"] in ("model", "contract")} == {"MIT"}


def test_clips_start_and_end_together():
    for clip in read_manifest(ASSETS)["clips"]:
        infos = [read_info(ASSETS / path) for path in (clip["mixture"], *clip["stems"].values())]
        assert {(info.frames, info.sample_rate_hz) for info in infos} == {(clip["samples"], clip["sample_rate_hz"])}
        assert clip["credit"]


def test_the_model_is_the_trained_one():
    contract, arrays = read_set(ASSETS / "golden", "model")
    assert read_contract(ASSETS / MODEL).spec == contract.spec
    files = json.loads((ASSETS / "golden" / "golden.json").read_text())["sets"]["model"]["files"]
    stems = Separator.load(ASSETS / MODEL).separate(Audio(arrays["input"], contract.spec.sample_rate_hz))
    found = np.stack([stems[name].samples for name in contract.stems])
    distance_db = 10 * np.log10(np.sum(arrays["stems"] ** 2) / np.sum((found - arrays["stems"]) ** 2))
    assert distance_db >= files[MODEL]["stems_floor_db"]
