"""A genre classifier through every exporter, compared with Keras on the file that was written."""

import numpy as np
import pytest
from tfsep_export import cli
from tfsep_export.artefact import write_artefact
from tfsep_export.formats import FORMATS
from tfsep_export.genre_graph import find_genre_bundle, genre_graph
from tfsep_export.parity import Reference

from tfsep.errors import ModelError, UsageError
from tfsep.separation.genre import GenreClassifier
from tfsep.separation.runtime import load_runtime
from tfsep.training.genre_bundle import GenreBundle


@pytest.fixture
def bundle(genre_bundle) -> GenreBundle:
    return genre_bundle


@pytest.mark.parametrize(("to", "precision", "least_db"), [("litert", "fp32", 100), ("litert", "int8", 20), ("onnx", "fp32", 100),
                                                           ("coreml", "fp16", 50)])  # fmt: skip
def test_every_format_gives_keras_logits(bundle, tmp_path, to, precision, least_db):
    graph = genre_graph(bundle)
    path = tmp_path / f"genre{FORMATS[to].suffix}"
    exported = write_artefact(graph, Reference(graph), path, FORMATS[to], precision)
    assert exported.parity_db > least_db
    assert not exported.census.warnings


def test_the_exported_file_tells_genres_and_does_not_separate(bundle, tmp_path, rng):
    from tfsep.audio import Audio

    graph = genre_graph(bundle)
    path = tmp_path / "genre.tflite"
    write_artefact(graph, Reference(graph), path, FORMATS["litert"], "fp16")
    classifier = GenreClassifier.load(path)
    assert classifier.contract == bundle.contract
    found = classifier.probabilities(Audio(rng.uniform(-0.5, 0.5, (20_000, 2)).astype(np.float32), 8000))
    assert sum(found.values()) == pytest.approx(1)
    with pytest.raises(ModelError, match=r"genre\.tflite: tells genres"):
        load_runtime(path)


def test_the_command_finds_a_classifier_and_refuses_what_it_has_not(bundle, tmp_path, capsys):
    bundle.write(tmp_path / "run" / "best")
    assert find_genre_bundle(str(tmp_path / "run")) == tmp_path / "run" / "best"
    assert find_genre_bundle(str(tmp_path)) is None
    arguments = [str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--name", "genre"]
    assert cli.main([*arguments, "--waveform"]) == UsageError.exit_code
    assert "tells genres; --waveform" in capsys.readouterr().err
    assert cli.main(arguments) == 0
    assert "genre.tflite" in capsys.readouterr().out
