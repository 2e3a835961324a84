"""`tfsep info`, which needs no Keras."""

import json

import pytest

from tfsep.bundle import ABOUT_FILE, BUNDLE_VERSION, MODEL_FILE
from tfsep.cli import main
from tfsep.models.presets import PRESETS


@pytest.fixture
def folder(tmp_path):
    """A bundle's description beside weights that nobody opens."""
    training = {
        "step": 1200,
        "hours_of_audio": 3.5,
        "validation_sdr": 4.2517,
        "cost": {"parameters": 1234567, "multiply_adds_per_second": 2.5e9},
    }
    about = {"bundle_version": BUNDLE_VERSION, "name": "mine", "generator": PRESETS["default"].to_json(), "training": training}
    (tmp_path / ABOUT_FILE).write_text(json.dumps(about))
    (tmp_path / MODEL_FILE).write_bytes(bytes(2_000_000))
    return tmp_path


def test_describes_a_bundle(folder, capsys):
    assert main(["info", str(folder)]) == 0
    lines = dict(line.strip().split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["model"] == f"mine ({folder})"
    assert lines["stems"] == "drums, bass, other, vocals"
    assert lines["masks"] == "real: the mixture's phase is kept"
    assert lines["spectrogram"] == "44100 Hz, 2 channels, window 4096, hop 1024"
    assert lines["bandwidth"] == "22.05 kHz"
    assert lines["chunk"] == "256 frames, 5.94 s, 16 shared with the next"
    assert lines["parameters"] == "1,234,567"
    assert lines["multiply-adds"] == "2.50 G for a second of audio"
    assert (lines["step"], lines["hours of audio"], lines["validation SDR"]) == ("1200", "3.5", "4.25 dB")
    assert lines["size"] == "2.00 MB"


def test_as_json(folder, capsys):
    assert main(["info", str(folder), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["path"] == str(folder)
    assert described["stems"] == ["drums", "bass", "other", "vocals"]
    assert described["training"]["step"] == 1200


def test_without_costs_and_scores(folder, capsys):
    about = json.loads((folder / ABOUT_FILE).read_text())
    (folder / ABOUT_FILE).write_text(json.dumps(about | {"training": {}}))
    assert main(["info", str(folder)]) == 0
    assert "parameters" not in capsys.readouterr().out


def test_no_model(tmp_path, capsys):
    for name in ("gone", "gone.tflite"):
        assert main(["info", str(tmp_path / name)]) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"tfsep: {tmp_path / name}: ")
        assert printed.err.count("\n") == 1
