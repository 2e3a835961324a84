"""`tfsep-export ios-demo`: the folder it makes, its manifest and golden vectors, and what it says when something is wrong."""

import hashlib
import json
import os
import shutil
import sys

import keras
import numpy as np
import pytest
from tfsep_export.cli import main
from tfsep_export.ios_demo import build, staging
from tfsep_export.ios_demo.golden import read_set
from tfsep_export.ios_demo.manifest import check_manifest
from tfsep_export.ios_demo.routing import check_table
from tfsep_export.signals import music

from tfsep.audio import Audio, read_info
from tfsep.bundle import Bundle
from tfsep.dsp.genre_excerpts import GenreInput
from tfsep.errors import AudioError, DataError, UsageError
from tfsep.separation.live_runtime import step_outputs
from tfsep.separation.router import Router
from tfsep.separation.router_table import RoutingTable
from tfsep.separation.runtime_contract import read_contract, sha256_of
from tfsep.separation.separator import Separator

RATE_HZ = 8000
ABOUT = {"licence": "CC-BY-4.0", "credit": "Ann Example", "source": "an album", "genre": "house"}


@pytest.fixture(scope="module")
def sources(bundle, bundles, genre_bundle, tmp_path_factory):
    """Folders of the three models, a song folder whose song.json says the licence, and a song file about which nobody says anything."""
    folder = tmp_path_factory.mktemp("sources")
    for name, each in (("model", bundle), ("streaming", bundles["live"])):
        weights = [variable.numpy() for variable in each.generator.variables]
        Bundle.write(folder / name, each.config, weights, training={"step": 4}, name="small")
    genre_bundle.write(folder / "families")
    stems = music(3 * RATE_HZ, bundle.config.spec)
    (folder / "songs" / "first").mkdir(parents=True)
    for name, samples in stems.items():
        Audio(samples, RATE_HZ).write(folder / "songs" / "first" / f"{name}.wav")
    (folder / "songs" / "first" / "song.json").write_text(json.dumps(ABOUT))
    Audio(sum(stems.values())[::-1].copy(), RATE_HZ).write(folder / "songs" / "second.flac")
    return folder


def make(sources, out, *songs, more=()):
    keras.utils.clear_session()  # a process of its own begins to count layers anew
    return main(arguments(sources, out, *songs, more=more))


def arguments(sources, out, *songs, more=()):
    named = [str(sources / "songs" / song) for song in songs]
    models = ["--model", str(sources / "model"), "--live", str(sources / "streaming"), "--genre", str(sources / "families")]
    return ["ios-demo", *models, "--out", str(out), "--songs", *named, "--seconds", "1", *more]


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    """The folder of two songs, made where hand-written sources lie already."""
    out = tmp_path_factory.mktemp("made") / "ios_demo_assets"
    (out / "TfsepKit").mkdir(parents=True)
    (out / "TfsepKit" / "Package.swift").write_text("// by hand")
    (out / "models").mkdir()
    (out / "models" / "old.tflite").write_text("of an earlier run")
    (sources / "songs" / "second.flac.json").write_text(json.dumps({"licence": "CC0-1.0", "credit": "Bob"}))
    assert make(sources, out, "first@0.5", "second.flac") == 0
    return out


@pytest.fixture
def copied(made, tmp_path):
    return shutil.copytree(made, tmp_path / "copied")


def test_what_lies_in_the_folder(made):
    files = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    golden = [
        f"golden/{name}/{array}.f32"
        for name in ("model", "seams", "seams-complex")
        for array in ("features", "input", "masks", "stems", "stft")
    ]
    golden += [f"golden/live/{array}.f32" for array in ("features", "input", "masks", "states", "stems", "stft")]
    golden += [f"golden/genre/{array}.f32" for array in ("input", "log_mel", "logits")]
    clips = [f"clips/{n}/{s}.m4a" for n in ("first", "second") for s in ("bass", "drums", "mixture", "other", "vocals")]
    package = [f"Data/com.apple.CoreML/{name}" for name in ("model.mlmodel", "weights/weight.bin")]
    models = ["models/routing.json"]
    for model in ("tfsep", "tfsep-live", "tfsep-genre"):
        models += [f"models/{model}-int8.mlpackage/{name}" for name in (*package, "Manifest.json")]
        models += [f"models/{model}-int8.{name}" for name in ("mlpackage.json", "tflite", "tflite.json")]
    kept = ["TfsepKit/Package.swift", "manifest.json"]
    assert files == sorted([*kept, *golden, "golden/golden.json", *clips, *models])
    assert (made / "TfsepKit" / "Package.swift").read_text() == "// by hand"
    assert not [path for path in made.iterdir() if path.name.startswith(".")]


def test_the_manifest_tells_all(made, bundle):
    manifest = json.loads((made / "manifest.json").read_text())
    assert str(made.parent) not in (made / "manifest.json").read_text()
    assert manifest["command"].startswith(
        "tfsep-export ios-demo --out ios_demo_assets --model model --live streaming --genre families "
        "--songs first@0.5 second.flac --seconds 1"
    )
    assert manifest["contract"] == json.loads(bundle.contract.to_bytes())
    listed = {entry["path"]: entry for entry in manifest["files"]}
    on_disk = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert set(listed) == on_disk - {"manifest.json", "TfsepKit/Package.swift"}
    for path, entry in listed.items():
        content = (made / path).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert entry["kind"] == {"models": "model", "clips": "clip", "golden": "golden"}[path.split("/")[0]] or path.endswith(
            ".json"
        )
        assert entry["source"]
    assert {entry["licence"] for path, entry in listed.items() if path.startswith("clips/first")} == {"CC-BY-4.0"}
    assert {entry["licence"] for path, entry in listed.items() if path.startswith("clips/second")} == {"CC0-1.0"}
    assert "Ann Example" in listed["clips/first/drums.m4a"]["source"]
    assert (
        "an album" in listed["golden/model/input.f32"]["source"] or "Ann Example" in listed["golden/model/input.f32"]["source"]
    )
    assert manifest["bytes_in_git"] == sum(entry["bytes"] for entry in manifest["files"])
    for model in manifest["models"]:
        assert model["sha256"] == sha256_of(made / model["path"])
        assert json.loads((made / model["contract"]).read_text())["model_sha256"] == model["sha256"]
    assert manifest["models_by_command_only"] == [
        "models/tfsep-fp16.mlpackage",
        "models/tfsep-fp16.tflite",
        "models/tfsep-wave-fp16.tflite",
    ]
    assert [clip["name"] for clip in manifest["clips"]] == ["first", "second"]
    assert manifest["clips"][0]["credit"] == "Ann Example"
    assert read_contract(made / "models" / "tfsep-int8.tflite").name == "tfsep-int8"


def test_clips_are_whole_and_their_stems_sum_to_them(made):
    for clip in json.loads((made / "manifest.json").read_text())["clips"]:
        infos = [read_info(made / path) for path in (clip["mixture"], *clip["stems"].values())]
        assert {(info.sample_rate_hz, info.channels, info.codec) for info in infos} == {(RATE_HZ, 2, "aac")}
        mixture = Audio.read(made / clip["mixture"]).samples
        stems = sum(Audio.read(made / path).samples for path in clip["stems"].values())
        assert mixture.shape == stems.shape == (clip["samples"], 2) == (RATE_HZ, 2)
        error_db = 10 * np.log10(np.sum((stems - mixture) ** 2) / np.sum(mixture**2))
        assert error_db < -12  # what AAC at this rate leaves of five encodings; shifted by a sample it would be far more


def test_the_clip_is_where_it_was_asked_for(made, sources):
    song = sum(Audio.read(path).samples for path in sorted((sources / "songs" / "first").glob("*.wav")))
    clip = Audio.read(made / "clips" / "first" / "mixture.m4a").samples
    errors = [np.sum((clip - song[start : start + RATE_HZ]) ** 2) for start in (3990, 4000, 4010)]
    assert np.argmin(errors) == 1


@pytest.mark.parametrize("name", ["model", "seams"])
def test_golden_vectors_against_plain_numpy(made, name):
    """Worked out here from the formulas of the contract, in float64, with nothing of tfsep's."""
    contract, arrays = read_set(made / "golden", name)
    spec = contract.spec
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(spec.window_samples) / spec.window_samples)
    hop, lead = spec.hop_samples, spec.window_samples - spec.hop_samples
    sound = arrays["input"].astype(np.float64)
    frames = -(-(len(sound) + lead) // hop)
    padded = np.pad(sound, ((lead, frames * hop), (0, 0)))
    pieces = np.stack([padded[k * hop : k * hop + spec.window_samples] * window[:, None] for k in range(frames)])
    spectra = np.fft.rfft(pieces, axis=1) * 2 / window.sum()
    np.testing.assert_allclose(arrays["stft"][..., 0] + 1j * arrays["stft"][..., 1], spectra, atol=1e-6)
    np.testing.assert_allclose(arrays["features"], np.log1p(spec.feature_gain * np.abs(spectra[:, :-1])), atol=1e-3)

    step, overlap = spec.frames - contract.overlap_frames, contract.overlap_frames
    masks = np.zeros((len(contract.stems), frames, spec.model_bins, spec.channels))
    total = np.zeros(frames)
    for chunk, values in enumerate(arrays["masks"]):  # weighted, and divided by the sum of the weights
        start = chunk * step
        length = min(spec.frames, frames - start)
        weight = np.ones(length)
        ramp = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap) ** 2
        if chunk:
            weight[:overlap] = ramp
        if chunk + 1 < len(arrays["masks"]):
            weight[-overlap:] = ramp[::-1]
        masks[:, start : start + length] += values[:, :length] * weight[:, None, None]
        total[start : start + length] += weight
    np.testing.assert_allclose(total, 1)
    masks = np.concatenate([masks, masks[:, :, -1:]], axis=2)  # the Nyquist bin takes the mask of the bin below
    for stem in (0, 1, 3):  # all but the residual
        masked = np.fft.irfft(masks[stem] * spectra * window.sum() / 2, axis=1) * window[:, None]
        output, weights = np.zeros_like(padded), np.zeros(len(padded))
        for k in range(frames):
            output[k * hop : k * hop + spec.window_samples] += masked[k]
            weights[k * hop : k * hop + spec.window_samples] += window**2
        expected = (output[lead:] / np.maximum(weights[lead:, None], 1e-9))[: len(sound)]
        np.testing.assert_allclose(arrays["stems"][stem], expected, atol=2e-6)
    np.testing.assert_allclose(arrays["stems"].sum(axis=0), sound, atol=1e-6)
    assert contract.stems[2] == "other"
    if name == "seams":
        assert len(arrays["masks"]) == 4


def test_golden_masks_are_the_trained_models(made, bundle):
    contract, arrays = read_set(made / "golden", "model")
    spec = contract.spec
    first = np.zeros((1, spec.frames, spec.model_bins, 2), np.float32)
    count = min(spec.frames, len(arrays["features"]))
    first[0, :count] = arrays["features"][:count]
    expected = bundle.predict(first)
    for index, stem in enumerate(contract.stems):
        np.testing.assert_allclose(arrays["masks"][0, index, :count], expected[stem][0, :count], atol=1e-5)


def test_every_model_file_is_near_the_golden_vectors(made):
    described = json.loads((made / "golden" / "golden.json").read_text())["sets"]["model"]["files"]
    assert sorted(described) == ["models/tfsep-int8.mlpackage", "models/tfsep-int8.tflite"]
    for found in described.values():
        assert found["masks_db"] > 20
        assert found["stems_db"] > 20
        assert found["masks_floor_db"] == pytest.approx(found["masks_db"] - 6, abs=0.11)
    contract, arrays = read_set(made / "golden", "model")
    stems = Separator.load(made / "models" / "tfsep-int8.tflite").separate(Audio(arrays["input"], contract.spec.sample_rate_hz))
    found = np.stack([stems[name].samples for name in contract.stems])
    stems_db = 10 * np.log10(np.sum(arrays["stems"] ** 2) / np.sum((found - arrays["stems"]) ** 2))
    assert stems_db == pytest.approx(described["models/tfsep-int8.tflite"]["stems_db"], abs=0.2)


def other_set(made, name):
    """A golden set of another kind of model: what is told of it, and its arrays."""
    described = json.loads((made / "golden" / "golden.json").read_text())[name]
    return described, {
        array: np.fromfile(made / "golden" / about["file"], "<f4").reshape(about["shape"])
        for array, about in described["arrays"].items()
    }


def test_streaming_golden_vectors_against_plain_numpy(made):
    """Transform and inverse worked out here from the contract's formulas, in float64."""
    described, arrays = other_set(made, "live")
    told = described["contract"]
    size, hop, synthesis = (told["spec"][name] for name in ("window_samples", "hop_samples", "synthesis_samples"))
    fall = synthesis // 2
    n = np.arange(size)
    window = np.where(n < size - fall, np.sin(np.pi / 2 * n / (size - fall)), np.cos(np.pi / 2 * (n - size + fall) / fall))
    padded = np.pad(arrays["input"].astype(np.float64), ((size - hop, 0), (0, 0)))
    pieces = np.stack([padded[k * hop : k * hop + size] * window[:, None] for k in range(len(arrays["stft"]))])
    spectra = np.fft.rfft(pieces, axis=1) * 2 / window.sum()
    np.testing.assert_allclose(arrays["stft"][..., 0] + 1j * arrays["stft"][..., 1], spectra, atol=1e-6)
    np.testing.assert_allclose(arrays["features"], np.log1p(told["spec"]["feature_gain"] * np.abs(spectra[:, :-1])), atol=1e-3)
    m = np.arange(synthesis)
    hann = (2 * hop / synthesis) * (0.5 - 0.5 * np.cos(2 * np.pi * m / synthesis))
    back = hann / window[-synthesis:] * window.sum() / 2
    count = arrays["stems"].shape[1]
    assert count == len(arrays["input"]) - told["stream"]["latency_samples"]
    for stem in (0, 1, 3):  # all but the residual
        mask = arrays["masks"][:, stem, 0]
        mask = np.concatenate([mask, mask[:, -1:]], axis=1)
        output = np.zeros_like(padded)
        for k, frame in enumerate(np.fft.irfft(mask * spectra, axis=1)[:, -synthesis:] * back[:, None]):
            output[k * hop + size - synthesis : k * hop + size] += frame
        np.testing.assert_allclose(arrays["stems"][stem], output[size - hop :][:count], atol=2e-6)
    np.testing.assert_allclose(arrays["stems"].sum(axis=0), arrays["input"][:count], atol=1e-6)


def test_streaming_golden_states_are_the_trained_models(made, bundles):
    _, arrays = other_set(made, "live")
    bundle = bundles["live"]
    contract = bundle.contract.in_blocks(1)
    inputs = {name: np.zeros(shape, np.float32) for name, shape in contract.states}
    for frame, masks in zip(arrays["features"], arrays["masks"], strict=True):
        found = step_outputs(bundle.generator, contract, {**inputs, "features": frame[None, None]})
        inputs = {name: np.asarray(found[f"next_{name}"]) for name in inputs}
        for stem, mask in zip(contract.stems, masks, strict=True):
            np.testing.assert_allclose(found[stem][0], mask, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([each.ravel() for each in inputs.values()]), arrays["states"], atol=1e-5)
    assert np.abs(arrays["states"]).max() > 0.01


def test_genre_golden_vectors_are_the_trained_classifiers(made, genre_bundle):
    _, arrays = other_set(made, "genre")
    np.testing.assert_array_equal(GenreInput(genre_bundle.contract).log_mel(arrays["input"]), arrays["log_mel"])
    found = np.asarray(genre_bundle.classifier(arrays["log_mel"][None], training=False)["logits"])[0]
    np.testing.assert_allclose(found, arrays["logits"], atol=1e-5)


@pytest.mark.parametrize(("name", "what"), [("live", "masks"), ("genre", "logits")])
def test_the_other_files_are_near_their_golden_vectors(made, name, what):
    files = other_set(made, name)[0]["files"]
    assert sorted(files) == [f"models/tfsep-{name}-int8.{suffix}" for suffix in ("mlpackage", "tflite")]
    for found in files.values():
        assert found[f"{what}_db"] > 20
        assert found[f"{what}_floor_db"] == pytest.approx(found[f"{what}_db"] - 6, abs=0.11)


def test_the_routing_table_works_in_the_folder(made, copied, tmp_path):
    routing = json.loads((made / "manifest.json").read_text())["routing"]
    models = {role: routing[role] for role in ("general", "classifier")}
    assert models == {"general": "models/tfsep-int8.tflite", "classifier": "models/tfsep-genre-int8.tflite"}
    moved = shutil.copytree(copied, tmp_path / "elsewhere")
    song = Audio.read(moved / "clips" / "first" / "mixture.m4a")
    stems = Router.load(moved / routing["file"], threads=1).separate(song)
    wanted = Separator.load(moved / routing["general"], threads=1).separate(song)
    for name, stem in wanted.items():
        np.testing.assert_array_equal(stems[name].samples, stem.samples)


@pytest.mark.parametrize(
    ("option", "folder", "message"),
    [
        ("--live", "model", "--live: is of kind spectrogram, use a model of kind live"),
        ("--genre", "model", "is no genre classifier"),
        ("--model", "streaming", "--model: is of kind live, the demo separates whole songs"),
    ],
)
def test_models_of_the_wrong_kind(sources, tmp_path, option, folder, message, capsys):
    assert main(arguments(sources, tmp_path / "out", "first", more=[option, str(sources / folder)])) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_table_with_experts_is_refused():
    with pytest.raises(UsageError, match="experts for jazz, rock: the demo carries none"):
        check_table(RoutingTable(experts={"rock": "a", "jazz": "b"}))


def test_the_same_inputs_give_the_same_bytes_and_more_with_all(made, sources, tmp_path):
    again = tmp_path / "ios_demo_assets"
    assert make(sources, again, "first@0.5", "second.flac", more=["--all"]) == 0
    first, second = (json.loads((folder / "manifest.json").read_text()) for folder in (made, again))
    index = "golden/golden.json"  # tells of more models
    assert [entry for entry in second["files"] if entry["in_git"] and entry["path"] != index] == [
        entry for entry in first["files"] if entry["path"] != index
    ]
    assert [model["path"] for model in second["models"] if not model["in_git"]] == first["models_by_command_only"]
    assert second["models_by_command_only"] == []
    assert second["bytes_in_git"] < sum(entry["bytes"] for entry in second["files"])
    assert main(["ios-demo", "--check", "--out", str(again)]) == 0


def test_check(copied, capsys):
    assert main(["ios-demo", "--check", "--out", str(copied)]) == 0
    assert "54 files" in capsys.readouterr().out
    with (copied / "golden" / "model" / "masks.f32").open("r+b") as file:
        file.write(b"\x01")
    (copied / "clips" / "first" / "drums.m4a").unlink()
    (copied / "models" / "strange.tflite").write_text("?")
    assert main(["ios-demo", "--check", "--out", str(copied)]) == 1
    error = capsys.readouterr().err
    assert "clips/first/drums.m4a is missing; golden/model/masks.f32 is not what was made: size or SHA-256 differ; " in error
    assert "models/strange.tflite is not listed: make the folder again" in error
    assert error.count("\n") == 1


def test_files_that_are_not_kept_in_git_may_be_missing(copied):
    manifest = json.loads((copied / "manifest.json").read_text())
    entry = manifest["files"][0] | {"path": "models/tfsep-fp16.tflite", "in_git": False}
    (copied / "manifest.json").write_text(json.dumps(manifest | {"files": [*manifest["files"], entry]}))
    assert len(check_manifest(copied)) == len(manifest["files"])
    (copied / "models" / "tfsep-fp16.tflite").write_text("not it")
    with pytest.raises(DataError, match=r"tfsep-fp16\.tflite is not what was made"):
        check_manifest(copied)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no manifest"),
        ("{", "cannot be read"),
        ("[]", "manifest version None, this program reads 1"),
        ('{"manifest_version": 2}', "manifest version 2, this program reads 1"),
        ('{"manifest_version": 1}', "incomplete or wrong"),
        ('{"manifest_version": 1, "files": [{"path": "golden/golden.json"}]}', "incomplete or wrong"),
    ],
)
def test_a_manifest_that_is_none(copied, content, message):
    (copied / "manifest.json").unlink()
    if content is not None:
        (copied / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=rf"manifest\.json: {message}.*make the folder again"):
        check_manifest(copied)


@pytest.fixture
def unknown(sources, tmp_path):
    """A copy of the second song about which nothing is said."""
    shutil.copy(sources / "songs" / "second.flac", tmp_path / "unknown.flac")
    return tmp_path / "unknown.flac"


@pytest.mark.parametrize(
    ("songs", "more", "message"),
    [
        ([], [], "--songs: name songs for the clips"),
        (["nowhere"], [], "nowhere: there is no such song: check the name"),
        (["unknown.flac"], [], "unknown.flac: nobody says under which licence it comes: add --licence, or "),
        (["unknown.flac"], ["--licence", "CC0-1.0"], "unknown.flac: nobody says whom to credit for it: add --credit, or "),
        (
            ["unknown.flac"],
            ["--licence", "CC-BY-NC-4.0", "--credit", "x"],
            "unknown.flac: licence 'CC-BY-NC-4.0' is none of CC0-1.0, CC-BY-4.0",
        ),
        (["unknown.flac@-1"], [], "--songs {folder}/unknown.flac@-1: behind the @ stands where the clip starts"),
        (["unknown.flac@x"], [], "--songs {folder}/unknown.flac@x: behind the @"),
        (
            ["unknown.flac@2.5"],
            ["--licence", "CC0-1.0", "--credit", "x"],
            "unknown.flac: has 3.0 s, the clip takes 1 s from 2.5 s",
        ),
        (
            ["unknown.flac", "unknown.flac@1"],
            ["--licence", "CC0-1.0", "--credit", "x"],
            "--songs: more than one is called unknown",
        ),
        (["unknown.flac"], ["--licence", "CC0-1.0", "--credit", "x", "--seconds", "0"], "--seconds 0: use 1 to 60"),
        (["."], ["--licence", "CC0-1.0", "--credit", "x"], "holds no song"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(sources, unknown, songs, more, message, capsys):
    out = unknown.parent / "out"
    named = [str(unknown.parent / song) for song in songs]
    models = ["--model", str(sources / "model"), "--live", str(sources / "streaming"), "--genre", str(sources / "families")]
    command = ["ios-demo", *models, "--out", str(out), "--seconds", "1"]
    assert main([*command, *(["--songs", *named] if named else []), *more]) != 0
    error = capsys.readouterr().err
    assert error.startswith("tfsep-export ios-demo: ")
    assert message.format(folder=unknown.parent) in error
    assert error.count("\n") == 1
    assert not out.exists()


def state(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_failure_leaves_the_folder_as_it_was(copied, sources, monkeypatch, capsys):
    before = state(copied)
    for package, patched in (("coremltools", "package coremltools"), (None, "the disk is full")):
        with monkeypatch.context() as patch:
            if package:
                patch.setitem(sys.modules, package, None)
            else:
                patch.setattr(build, "write_artefact", fails_with_full_disk)
            assert main(arguments(sources, copied, "first")) == 1
        error = capsys.readouterr().err
        assert patched in error
        assert error.count("\n") == 1
        assert ("pip install 'tfsep[export]'" in error) == bool(package)
        assert state(copied) == before


def fails_with_full_disk(*_):
    raise OSError(28, "No space left on device")


def test_a_failure_while_names_change_puts_the_old_ones_back(copied, sources, monkeypatch):
    before = state(copied)
    real = os.replace

    def replace(origin, target):
        if target.name == "golden" and target.parent == copied and origin.parent.name != "replaced":
            raise OSError(28, "No space left on device")
        real(origin, target)

    monkeypatch.setattr(os, "replace", replace)

    def put_new_ones():
        with staging.staged(copied, ("models", "golden")) as folder:
            for name in ("models", "golden"):
                (folder / name).mkdir()
                (folder / name / "new").write_text("new")

    with pytest.raises(AudioError, match="the disk is full"):
        put_new_ones()
    assert state(copied) == before


def test_a_folder_that_cannot_be_written(sources, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(arguments(sources, tmp_path / "file" / "out", "first")) == 1
    assert "is a file, not a folder" in capsys.readouterr().err
