import json

import pytest

from tfsep.data.catalogue.contribution import (
    ALLOWED_LICENCES,
    Contribution,
    SongNote,
    contribution_findings,
    normal_genre,
    read_contribution,
)
from tfsep.errors import DataError


def lines(fields) -> list[str]:
    return [finding.line for finding in contribution_findings(fields)]


def test_round_trip(describe):
    fields = describe("b", "a", contact="ann@example.org")
    contribution = Contribution.from_json(fields)
    assert [folder for folder, _ in contribution.songs] == ["a", "b"]
    assert contribution.note("b").title == "Song 0"
    assert contribution.note("c") is None
    assert Contribution.from_json(json.loads(json.dumps(contribution.to_json()))) == contribution


@pytest.mark.parametrize(
    ("sent", "kept"), [("Drum & Bass", "drum_and_bass"), ("hip-hop", "hip_hop"), (" House ", "house"), ("Música", "música")]
)
def test_genres_are_written_alike(sent, kept):
    assert normal_genre(sent) == kept
    assert SongNote(title="t", artist="a", genre=sent, source="s").genre == kept


def test_every_reason_at_once(describe):
    fields = describe("a", licence="CC-BY-NC-4.0", rights="mine", contributor=" ", extra=1)
    fields["songs"]["a"] = {"title": 5, "genre": "!", "artist": "a\nb", "price": "1"}
    told = lines(fields)
    assert len(told) == len(set(told)) == 9
    for part in ("'CC-BY-NC-4.0'", "'mine', 4 characters", "contributor is empty", "has 'extra'", "title is 5", "lacks source",
                 "has 'price'", "a\\nb", "genre is '!'"):  # fmt: skip
        assert sum(part in line for line in told) == 1, part
    assert all(line.count("\n") == 0 and "allowed: " in line for line in told)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([], "is []"),
        ({}, "lacks format"),
        ({"format": 2}, "format is 2"),
        ({"format": True}, "format is True"),
        ({"songs": {}}, "songs is {}"),
        ({"songs": ["a"]}, "songs is ['a']"),
        ({"songs": {"a": "b"}}, "songs, 'a' is 'b'"),
        ({"licence": ["CC0-1.0"]}, "licence is ['CC0-1.0']"),
        ({"contributor": None}, "contributor is None"),
        ({"rights": "x" * 3000}, "rights has 3000 characters"),
    ],
)
def test_bad_fields(fields, told):
    assert any(told in line for line in lines(fields))


def test_each_allowed_licence(describe):
    for licence in ALLOWED_LICENCES:
        assert lines(describe("a", licence=licence)) == []


def test_building_one_refuses_the_same():
    with pytest.raises(DataError, match="licence is 'GPL'"):
        Contribution(contributor="a", licence="GPL", rights="I made all of it myself.", songs=())
    with pytest.raises(DataError, match="title is empty"):
        SongNote(title="", artist="a", genre="g", source="s")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such file"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b'{"licence": "CC0-1.0", "licence": "CC-BY-4.0"}', "'licence' is there twice"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_bad_files(tmp_path, content, told):
    if content is not None:
        (tmp_path / "contribution.json").write_bytes(content)
    contribution, found = read_contribution(tmp_path)
    assert contribution is None
    assert len(found) == 1
    assert told in found[0].line


def test_good_file(tmp_path, describe):
    (tmp_path / "contribution.json").write_text(json.dumps(describe("a")), encoding="utf-8")
    contribution, found = read_contribution(tmp_path)
    assert found == []
    assert contribution.contributor == "Ann Onymous"
