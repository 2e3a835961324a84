"""Excerpts, costs and the report, end to end on a small song."""

import numpy as np
import pytest
import soundfile
from tfsep_export.cli import main
from tfsep_export.costs import KERAS, Row, _excerpt
from tfsep_export.format import Options
from tfsep_export.formats import FORMATS
from tfsep_export.measure import RunCost, measure
from tfsep_export.model import export_model
from tfsep_export.report import html, markdown, write_report
from tfsep_export.waveform_separator import WaveformSeparator

from tfsep.bundle import Bundle
from tfsep.errors import DataError, ModelError, UsageError

STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture
def songs(tmp_path, rng):
    folder = tmp_path / "songs" / "one"
    folder.mkdir(parents=True)
    for stem in STEMS:
        soundfile.write(folder / f"{stem}.wav", rng.normal(0, 0.05, (4000, 2)).astype("f4"), 8000, subtype="FLOAT")
    return folder.parent


def row(label, **fields) -> Row:
    cost = RunCost(load_s=0.25, real_time_factor=30.0, cpu_factor=33.0, peak_mb=210.0)
    values = {
        "precision": "int8",
        "megabytes": 2.41,
        "sdr_db": {"drums": 5.1, "other": 2.0},
        "loss_db": {"drums": 0.05, "other": 0.01},
        "parity_db": 37.2,
        "multiply_adds_per_second": 1.26e9,
        "costs": {1: cost, 2: cost},
    }
    return Row(label=label, **values | fields)


def test_the_table_says_it_all(tmp_path):
    rows = [
        row(KERAS, precision="fp32", parity_db=None, loss_db={"drums": 0.0, "other": 0.0}),
        row("m.tflite"),
        row("m.mlpackage", costs={}, warnings=("3 <odd> things",), loss_db={"drums": 0.5, "other": 0.1}),
    ]
    text = markdown(rows, ["two songs"])
    assert (
        "| m.tflite | int8 | 2.41 | 5.10 | 2.00 | 0.050 | 0.010 | 37.2 | 1.26 | 30.0 (33.0) | 30.0 (33.0) | 0.25 | 210 |"
        in text
    )
    assert "| - | - | - | - |" in text  # Core ML does not run here
    assert "m.mlpackage loses 0.500 dB SDR on a stem, more than 0.1 dB: not to be used as default" in text
    assert "Neural Engine itself" in text
    page = html(rows, ["two songs"])
    assert "3 &lt;odd&gt; things" in page
    assert page.count("data:image/png") == 2
    write_report(tmp_path, rows, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.md"]


def test_excerpts_are_the_middle(songs, tmp_path):
    cut = _excerpt(songs / "one", tmp_path / "cut" / "one", 0.25)
    whole, _ = soundfile.read(songs / "one" / "drums.wav", dtype="float32")
    found, rate = soundfile.read(cut / "drums.wav", dtype="float32")
    assert rate == 8000
    np.testing.assert_array_equal(found, whole[1000:3000])
    parts = [soundfile.read(cut / f"{stem}.wav", dtype="float32")[0] for stem in STEMS]
    np.testing.assert_allclose(soundfile.read(cut / "mixture.wav", dtype="float32")[0], sum(parts), atol=1e-6)


def test_a_file_of_sound_takes_whole_songs(bundle, tmp_path, rng):
    path = tmp_path / "wave.tflite"
    export_model(bundle, path, precision="fp32", waveform=True, options=Options())
    separator = WaveformSeparator(FORMATS["litert"].load(path))
    song = rng.uniform(-0.5, 0.5, (2345, 2)).astype(np.float32)
    results = []
    for blocks in ([song], [song[:700], song[700:701], song[701:]]):
        pieces = [block.stems for block in separator.stream(blocks, sample_rate_hz=8000, channels=2)]
        results.append({stem: np.concatenate([piece[stem] for piece in pieces]) for stem in STEMS})
    for stem in STEMS:
        np.testing.assert_array_equal(results[0][stem], results[1][stem])
    np.testing.assert_allclose(sum(results[0].values()), song, atol=1e-5)
    with pytest.raises(UsageError, match="takes 8000 Hz and 2 channels, the song has 44100 Hz and 1"):
        list(separator.stream([song], sample_rate_hz=44100, channels=1))


def test_measure(bundle, tmp_path):
    path = tmp_path / "m.tflite"
    export_model(bundle, path)
    cost = measure(path, threads=1, seconds=0.5)
    assert min(cost.load_s, cost.real_time_factor, cost.cpu_factor) > 0
    assert cost.peak_mb > 10
    path.write_text("damaged")
    with pytest.raises(ModelError, match=r"m\.tflite: cannot be measured \(.*is not a model that LiteRT can run"):
        measure(path, threads=1, seconds=0.5)


def test_the_command(bundle, songs, tmp_path, capsys, monkeypatch):
    from tfsep_export import costs

    monkeypatch.setattr(costs, "measure", lambda path, *, threads, seconds: row("x").costs[1])
    folder, out = tmp_path / "bundle", tmp_path / "out"
    Bundle.write(
        folder, bundle.config, [variable.numpy() for variable in bundle.generator.variables], training={}, name="small"
    )
    arguments = [str(folder), "--precision", "fp32,int8", "--report", "--songs", str(songs), "--seconds", "0.3"]
    assert main([*arguments, "--out", str(out)]) == 0
    text = (out / "report.md").read_text()
    for name in (KERAS, "model-fp32.tflite", "model-int8.tflite"):
        assert f"| {name} |" in text
    line = next(line for line in text.splitlines() if line.startswith("| model-fp32.tflite"))
    assert " 0.000 | 0.000 | 0.000 | 0.000 " in line.replace("-0.000", "0.000")
    assert "report.html" in capsys.readouterr().out


def test_report_without_songs(tmp_path, capsys):
    assert main(["default", "--report", "--out", str(tmp_path / "out")]) == 2
    assert "--report: name songs to measure on, --songs DIR" in capsys.readouterr().err
    assert main(["default", "--songs", "x", "--out", str(tmp_path / "out")]) == 2
    assert "--songs, --seconds: are for --report" in capsys.readouterr().err
    assert main(["default", "--report", "--songs", str(tmp_path / "gone"), "--out", str(tmp_path / "out")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    assert DataError.exit_code == 1
    assert not (tmp_path / "out").exists()
