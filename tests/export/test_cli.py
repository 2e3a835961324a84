"""`tfsep-export` from end to end, and what it says when asked for what there is not."""

import pytest
from tfsep_export.cli import _tasks, build_parser, main

from tfsep.separation.separator import Separator


@pytest.fixture
def folder(bundle, tmp_path):
    """The bundle as a folder on the disk."""
    from tfsep.bundle import Bundle

    path = tmp_path / "bundle"
    Bundle.write(path, bundle.config, [variable.numpy() for variable in bundle.generator.variables], training={}, name="small")
    return path


def test_formats_times_precisions(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(folder), "--to", "litert,onnx", "--precision", "fp32,int8", "--name", "song", "--out", str(out)]) == 0
    names = ["song-fp32.onnx", "song-fp32.tflite", "song-int8.onnx", "song-int8.tflite"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, *(f"{name}.json" for name in names)])
    printed = capsys.readouterr().out
    for name in names:
        assert f"{name}  0.0" in printed
        assert Separator.load(out / name).contract.name == name.rpartition(".")[0]
    assert "dB from Keras" in printed
    assert "FULLY_CONNECTED" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "tflite"], "format 'tflite': use litert, onnx, coreml"),
        (["--to", ","], "--to ',': name at least one"),
        (
            ["--to", "litert,coreml", "--precision", "palette6"],
            "precision 'palette6': LiteRT files come in fp32, fp16, int8, ",
        ),
        (["--to", "coreml", "--precision", "palette4"], "--precision palette4: 4-bit palettes crash"),
        (["--waveform", "--to", "coreml"], "there are no Core ML waveform files: use litert or onnx"),
        (["--precision", "all", "--to", "tflite"], "format 'tflite': use"),
        (["--name", "a/b"], "--name 'a/b': use the name of a file without a folder"),
        (["--name", ""], "--name '': use the name"),
    ],
)
def test_usage(arguments, message, tmp_path, capsys):
    assert main(["default", *arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"tfsep-export: {message}")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_no_bundle(tmp_path, capsys):
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no trained model there" in capsys.readouterr().err


def test_all_precisions_and_both_kinds(tmp_path):
    def names(*arguments):
        return [task.path.name for task in _tasks(build_parser().parse_args(["default", *arguments]))]

    assert names("--precision", "all", "--waveform", "--to", "litert,coreml") == [
        "model-fp32.tflite",
        "model-fp16.tflite",
        "model-int8.tflite",
        "model-fp32.mlpackage",
        "model-fp16.mlpackage",
        "model-int8.mlpackage",
        "model-palette8.mlpackage",
        "model-palette6.mlpackage",
        "model-wave-fp32.tflite",
        "model-wave-fp16.tflite",
    ]
    assert names("--waveform") == ["model.tflite", "model-wave.tflite"]
    assert "model-int8-full.tflite" in names("--precision", "all", "--representative", "song.wav")
    assert "model-palette4.mlpackage" in names("--precision", "all", "--risky", "--to", "coreml")
