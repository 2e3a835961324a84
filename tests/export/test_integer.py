"""Integers throughout: ranges from songs."""

import numpy as np
import pytest
import soundfile
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tfsep_export.cli import main
from tfsep_export.format import Options
from tfsep_export.model import export_model
from tfsep_export.representative import CHUNKS_A_SONG, representative_chunks

from tfsep.errors import AudioError, UsageError


@pytest.fixture
def song(tmp_path, rng):
    path = tmp_path / "song.wav"
    soundfile.write(path, rng.normal(0, 0.1, (8000, 2)), 8000)
    return path


def test_chunks(bundle, song):
    chunks = representative_chunks(bundle.contract, [song, song])
    assert len(chunks) == 2 * CHUNKS_A_SONG
    assert {chunk.shape for chunk in chunks} == {(1, 8, 128, 2)}
    np.testing.assert_array_equal(chunks[0], chunks[CHUNKS_A_SONG])
    assert not np.array_equal(chunks[0], chunks[1])


def test_sixteen_bit_activations(bundle, song, tmp_path):
    path = tmp_path / "m.tflite"
    exported = export_model(bundle, path, precision="int16x8", options=Options(representative=(song,)))
    assert exported.parity_db > 20
    interpreter = Interpreter(
        model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    types = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    assert np.int16 in types


def test_without_songs(bundle, tmp_path, capsys):
    with pytest.raises(UsageError, match="--representative: name songs"):
        export_model(bundle, tmp_path / "m.tflite", precision="int8-full")
    with pytest.raises(AudioError):
        export_model(
            bundle, tmp_path / "m.tflite", precision="int8-full", options=Options(representative=(tmp_path / "gone.wav",))
        )
    assert main(["default", "--precision", "int8-full", "--out", str(tmp_path / "out")]) == 2
    assert "--precision int8-full: name songs for its ranges" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
