"""Metadata read from and added to a TFLite file, against LiteRT's own reader of the format."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tfsep.separation.tflite_metadata import NotTfliteError, add_metadata, read_metadata

VALUE = '{"stems": ["drums", "Gesäng"]}'.encode()


@pytest.fixture(scope="module")
def content(tiny_tflite):
    return tiny_tflite.read_bytes()


def test_what_was_added_is_read(content):
    assert read_metadata(content, "contract") is None
    for value in (VALUE, b"", bytes(range(256)) * 300):
        added = add_metadata(content, "contract", value)
        assert read_metadata(added, "contract") == value
        assert read_metadata(added, "contrac") is None
        assert read_metadata(added, "min_runtime_version") == read_metadata(content, "min_runtime_version") is not None
    twice = add_metadata(added, "more", VALUE)
    assert read_metadata(twice, "contract") == value
    assert read_metadata(twice, "more") == VALUE


def test_the_old_file_is_the_end_of_the_new_one_and_stays_aligned(content):
    for length in range(20):
        added = add_metadata(content, "contract", bytes(length))
        assert added.endswith(content)
        assert (len(added) - len(content)) % 16 == 0


def test_other_readers_see_the_same_model(content, rng):
    added = add_metadata(content, "contract", VALUE)
    before, after = (schema.ModelT.InitFromObj(schema.Model.GetRootAs(each)) for each in (content, added))
    assert schema.Model.ModelBufferHasIdentifier(added, 0)
    assert after.version == before.version == 3
    assert after.description == before.description
    assert [each.name for each in after.metadata] == [*(each.name for each in before.metadata), b"contract"]
    assert bytes(after.buffers[after.metadata[-1].buffer].data) == VALUE
    assert len(after.buffers) == len(before.buffers) + 1
    for old, new in zip(before.buffers, after.buffers, strict=False):
        np.testing.assert_array_equal(old.data, new.data)
    assert [each.signatureKey for each in after.signatureDefs] == [each.signatureKey for each in before.signatureDefs]
    features = rng.uniform(0, 8, (1, 16, 128, 2)).astype(np.float32)
    masks = [Interpreter(model_content=each).get_signature_runner()(features=features)["drums"] for each in (content, added)]
    np.testing.assert_array_equal(*masks)


def test_a_name_is_given_once(content):
    with pytest.raises(NotTfliteError, match="there is metadata contract already"):
        add_metadata(add_metadata(content, "contract", VALUE), "contract", b"")


def test_damage_is_found_or_harmless(content, rng):
    added = add_metadata(content, "contract", VALUE)
    for bad in (b"", b"TFL3", bytes(400), b"words" * 99, added[:40], added[:200]):
        with pytest.raises(NotTfliteError):
            read_metadata(bad, "contract")
    for _ in range(300):
        damaged = np.frombuffer(added, np.uint8).copy()
        damaged[rng.integers(0, 400, 3)] = rng.integers(0, 256, 3)
        try:
            read_metadata(damaged.tobytes(), "contract")
        except NotTfliteError as error:
            assert "\n" not in str(error)  # noqa: PT017  (whether it is damaged depends on the byte)
