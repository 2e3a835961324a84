import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.catalogue import filing
from tfsep.data.catalogue.catalogue import Catalogue
from tfsep.data.catalogue.check import check_contribution
from tfsep.data.catalogue.export import export_songs
from tfsep.data.catalogue.filing import add_contribution
from tfsep.data.catalogue.selection import Selection
from tfsep.data.catalogue.source import CatalogueSource
from tfsep.data.folders import FolderSource
from tfsep.errors import AudioError, DataError, UsageError

ROOT = Path(__file__).parents[3]


def checks(report) -> list[tuple[str, str]]:
    return [(finding.severity, finding.check) for finding in report.findings]


@pytest.fixture
def catalogue(tmp_path):
    return tmp_path / "home" / "catalogue.sqlite"


@pytest.fixture
def add(catalogue, limits):
    return lambda folder, **options: add_contribution(folder, catalogue=catalogue, limits=limits, **options)


def test_checking_changes_nothing(contribute, limits, snapshot, tmp_path):
    folder = contribute(songs=(0, 1))
    before = snapshot(tmp_path)
    report = check_contribution(folder, limits=limits)
    assert report.accepted
    assert report.findings == ()
    assert json.loads(json.dumps(report.to_json()))["songs"]["a"]["duration_s"] == 4.0
    assert snapshot(tmp_path) == before


def test_what_is_filed(contribute, add, catalogue, stems_of, snapshot):
    folder = contribute(songs=(0, 1))
    before = snapshot(folder)
    filed = add(folder)
    assert filed.report.accepted
    with Catalogue(catalogue) as opened:
        songs = opened.songs()
    assert [(song.name, song.genre, song.licence, song.contributor) for song in songs] == [
        ("a", "house", "CC-BY-4.0", "Ann Onymous"),
        ("b", "house", "CC-BY-4.0", "Ann Onymous"),
    ]
    assert songs == list(filed.songs)
    assert [file.part for file in songs[0].files] == ["bass", "drums", "mixture", "other", "vocals"]
    for file in songs[1].stems:
        np.testing.assert_array_equal(Audio.read(songs[1].folder / file.name).samples, stems_of[1][file.part])
        assert file.sha256 == file.sent_sha256
    assert snapshot(folder) == before
    (track, _) = FolderSource(root=songs[0].folder.parent).tracks()  # a store is song folders as well
    assert track.genre == "house"


def test_a_refused_contribution_changes_nothing(contribute, add, catalogue, snapshot, tmp_path):
    folder = contribute(songs=(0, 1), licence="all rights reserved")
    (folder / "b" / "drums.wav").write_bytes(b"RIFF")
    (folder / "a" / "mixture.wav").unlink()
    before = snapshot(tmp_path)
    filed = add(folder)
    assert filed.songs == ()
    assert checks(filed.report) == [("error", "description"), ("error", "layout"), ("error", "readable")]
    assert snapshot(tmp_path) == before
    assert not catalogue.parent.exists()


def test_duplicates(contribute, add, catalogue, save_song, stems_of, snapshot, tmp_path):
    add(contribute("first", songs=(0,)))
    before = snapshot(catalogue.parent)
    folder = contribute("second", songs=(1, 0))
    # the same song later, softer, and as an mp3
    save_song(folder / "b", {stem: 0.7 * samples[14_112:] for stem, samples in stems_of[0].items()}, suffix=".mp3")
    for path in (folder / "b").glob("*.wav"):
        path.unlink()
    filed = add(folder)
    assert filed.songs == ()
    errors = [finding.line for finding in filed.report.findings if finding.severity == "error"]
    assert len(errors) == 1
    assert "b/mixture: is the same recording as ann-onymous-" in errors[0]
    assert snapshot(catalogue.parent) == before


def test_duplicates_within_a_contribution(contribute, limits):
    report = check_contribution(contribute(songs=(0, 1, 0)), limits=limits)
    assert checks(report) == [("error", "duplicate")]
    assert "c/mixture: is the same recording as a (" in report.findings[0].line


def test_one_stem_in_two_songs_is_a_warning(contribute, limits, save_song, stems_of):
    folder = contribute(songs=(0, 1))
    save_song(folder / "b", stems_of[1] | {"vocals": stems_of[0]["vocals"]})
    report = check_contribution(folder, limits=limits)
    assert checks(report) == [("warning", "duplicate")]
    assert "b/vocals.wav: is to the last sample the same as a/vocals.wav" in report.findings[0].line


def test_loud_floats_are_turned_down_alike(contribute, add, stems_of):
    folder = contribute()
    for path in (folder / "a").iterdir():
        Audio(Audio.read(path).samples * 4, 44_100).write(path, subtype="float32")
    peak = 4 * max(float(np.abs(x).max()) for x in [*stems_of[0].values(), sum(stems_of[0].values())])
    assert peak > 1
    (song,) = add(folder).songs
    assert song.gain_db == pytest.approx(-20 * np.log10(peak), abs=1e-4)
    for file in song.stems:
        stored = Audio.read(song.folder / file.name).samples
        np.testing.assert_allclose(stored * peak, 4 * stems_of[0][file.part], atol=2e-6)
        assert file.sha256 != file.sent_sha256


def test_a_file_that_changes_while_it_is_added(contribute, add, catalogue, monkeypatch, stems_of):
    folder = contribute()
    checked = filing.check_contribution

    def check_then_change(*args, **options):
        report = checked(*args, **options)
        Audio(stems_of[1]["drums"], 44_100).write(folder / "a" / "drums.wav")
        return report

    monkeypatch.setattr(filing, "check_contribution", check_then_change)
    with pytest.raises(DataError, match=r"drums\.wav: changed while it was added"):
        add(folder)
    assert not catalogue.exists()
    assert list((catalogue.parent / "songs").iterdir()) == []


def test_another_comes_first(contribute, add, catalogue, limits, monkeypatch):
    """The same song is filed by another process while this one copies it."""
    folder, other = contribute("mine"), contribute("theirs", contributor="Somebody")
    checked = filing.check_contribution

    def check_then_lose(*args, **options):
        monkeypatch.setattr(filing, "check_contribution", checked)
        report = checked(*args, **options)
        add_contribution(other, catalogue=catalogue, limits=limits)
        return report

    monkeypatch.setattr(filing, "check_contribution", check_then_lose)
    filed = add(folder)
    assert filed.songs == ()
    assert ("error", "duplicate") in checks(filed.report)
    with Catalogue(catalogue) as opened:
        assert [song.contributor for song in opened.songs()] == ["Somebody"]
    assert [path.name[:8] for path in (catalogue.parent / "songs").iterdir()] == ["somebody"]


def test_a_catalogue_that_fails_leaves_no_songs(contribute, add, catalogue, monkeypatch):
    def fail(*args, **options):
        raise DataError("the disk is full")

    monkeypatch.setattr(Catalogue, "file", fail)
    with pytest.raises(DataError, match="disk is full"):
        add(contribute())
    assert list((catalogue.parent / "songs").iterdir()) == []
    with Catalogue(catalogue) as opened:
        assert opened.songs() == []


KILLED = """
import os, signal, sys
from pathlib import Path
from tfsep.data.catalogue import catalogue, filing
from tfsep.data.catalogue.checks import Limits
def die(*args, **options):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "copying":
    filing._take_place = die
elif sys.argv[3] == "filing":
    catalogue.Catalogue.file = die
filing.add_contribution(Path(sys.argv[1]), catalogue=Path(sys.argv[2]), limits=Limits(shortest_s=2.0))
"""


@pytest.mark.parametrize("moment", ["copying", "filing"])
def test_a_kill(contribute, add, catalogue, moment):
    folder = contribute()
    command = [sys.executable, "-c", KILLED, str(folder), str(catalogue), moment]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert ran.returncode == -signal.SIGKILL
    with Catalogue(catalogue) as opened:
        assert opened.songs() == []
    left = [path.name for path in (catalogue.parent / "songs").iterdir()]
    assert len(left) == 1
    assert left[0].endswith(".part") == (moment == "copying")
    (song,) = add(folder).songs  # and then all is well
    assert [path.name for path in (catalogue.parent / "songs").iterdir()] == [song.contribution]
    assert len(list(song.folder.iterdir())) == 6


def test_a_folder_in_the_way(contribute, add, catalogue, monkeypatch):
    folder = contribute()
    monkeypatch.setattr(filing, "contribution_id", lambda report: "taken")
    (catalogue.parent / "songs" / "taken").mkdir(parents=True)
    (catalogue.parent / "songs" / "taken" / "precious").write_text("mine")
    with pytest.raises(DataError, match="taken: is there already and holds other songs"):
        add(folder)
    assert (catalogue.parent / "songs" / "taken" / "precious").read_text() == "mine"


def test_a_store_that_cannot_be_written(contribute, add, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioError, match="file"):
        add(contribute(), store=tmp_path / "file" / "store")


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory, write_contribution, limits):
    """A folder with a catalogue of three songs: a and b under CC-BY-4.0, b a ballad, and a third under CC0-1.0, elsewhere."""
    home = tmp_path_factory.mktemp("filled")
    folder = write_contribution(home / "first", songs=(0, 1))
    about = json.loads((folder / "contribution.json").read_text())
    about["songs"]["b"]["genre"] = "Power Ballad"
    (folder / "contribution.json").write_text(json.dumps(about))
    catalogue = home / "home" / "catalogue.sqlite"
    add_contribution(folder, catalogue=catalogue, limits=limits)
    folder = write_contribution(home / "second", songs=(2,), licence="CC0-1.0", contributor="Somebody Else")
    add_contribution(folder, catalogue=catalogue, limits=limits, store=home / "elsewhere")
    return catalogue.parent


@pytest.fixture
def filled(filled_once, catalogue):
    shutil.copytree(filled_once, catalogue.parent)
    return catalogue


def test_selecting(filled):
    with Catalogue(filled) as opened:

        def names(**fields):
            return [song.title + song.licence[:4] for song in opened.songs(Selection(**fields))]

        assert names() == ["Song 0CC-B", "Song 1CC-B", "Song 0CC0-"]
        assert names(genre=("power ballad",)) == ["Song 1CC-B"]
        assert names(genre=("house", "power_ballad"), licence=("CC-BY-4.0",)) == ["Song 0CC-B", "Song 1CC-B"]
        assert names(contributor=("Somebody Else",)) == ["Song 0CC0-"]
        assert names(contributor=("'; DROP TABLE songs; --",)) == []
        assert opened.values("genre") == ["house", "power_ballad"]
        with pytest.raises(ValueError, match="column='title'"):
            opened.values("title")
    assert str(Selection(genre=("house", "soul"), licence=("CC0-1.0",))) == "genre house or soul, licence CC0-1.0"
    assert Selection.parse("genre=house&genre=Soul&contributor=Ann+O") == Selection(
        genre=("house", "soul"), contributor=("Ann O",)
    )
    for text in ("color=red", "genre="):
        with pytest.raises(UsageError, match="use genre, licence, contributor"):
            Selection.parse(text)


def test_catalogue_and_store_can_be_moved_together(filled, tmp_path):
    (filled.parent).rename(tmp_path / "moved")
    with Catalogue(tmp_path / "moved" / filled.name) as opened:
        assert all((song.folder / "drums.flac").is_file() for song in opened.songs())


@pytest.mark.parametrize("link", [False, True])
def test_what_is_exported_is_accepted_again(filled, tmp_path, limits, link):
    songs = export_songs(filled, tmp_path / "out", Selection(licence=("CC-BY-4.0",), genre=("house",)), link=link)
    assert [song.title for song in songs] == ["Song 0"]
    (exported,) = [path for path in (tmp_path / "out").iterdir() if path.is_dir()]
    assert check_contribution(exported, limits=limits).findings == ()
    assert [track.genre for track in FolderSource(root=tmp_path / "out").tracks()] == ["house"]
    credit = (tmp_path / "out" / "CREDITS.txt").read_text()
    for part in ("The Tests - Song 0", "CC-BY-4.0 https://creativecommons.org/licenses/by/4.0/", "Ann Onymous", "own session"):
        assert part in credit
    same = os.path.samefile(exported / "a" / "drums.flac", songs[0].folder / "drums.flac")
    assert same == link


def test_exports_that_fail_leave_nothing(filled, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(UsageError, match="full: is there already"):
        export_songs(filled, tmp_path / "full", Selection())
    with pytest.raises(DataError, match=r"no song has genre polka: .*genre: house, power_ballad; licence: CC-BY-4.0, CC0-1.0"):
        export_songs(filled, tmp_path / "out", Selection(genre=("polka",)))
    (next((filled.parent / "songs").iterdir()) / "b" / "bass.flac").unlink()
    with pytest.raises(DataError, match=r"bass\.flac: is missing from the store"):
        export_songs(filled, tmp_path / "out", Selection())
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == []


def test_training_reads_it(filled, stems_of):
    source = CatalogueSource(root=filled)
    tracks = source.tracks()
    assert source.paired
    assert [(track.name.rpartition("/")[2], track.genre) for track in tracks] == [
        ("a", "house"),
        ("b", "power_ballad"),
        ("a", "house"),
    ]
    assert tracks[0].stems == ("bass", "drums", "other", "vocals")
    np.testing.assert_array_equal(tracks[1].read(44_100, 1)["drums"], stems_of[1]["drums"])
    some = CatalogueSource(root=Path(f"{filled.parent}?genre=house&licence=CC0-1.0")).tracks()
    assert [track.name.split("-")[0] for track in some] == ["somebody"]
    assert CatalogueSource(root=filled, selection=Selection(licence=("CC0-1.0",))).tracks() == some
    assert [track.genre for track in CatalogueSource(root=filled, exclude=frozenset({"a"})).tracks()] == ["power_ballad"]
    assert source.names() == {"a", "b", *(track.name for track in tracks)}
    first = tracks[0].name.split("/")[0]
    assert CatalogueSource(root=filled, exclude=frozenset({first})).tracks() == [tracks[2]]
    with pytest.raises(DataError, match="all of its 3 songs are excluded"):
        CatalogueSource(root=filled, exclude=frozenset({"a", "b"})).tracks()


def test_what_is_no_catalogue(tmp_path, filled):
    (tmp_path / "text").write_text("not a database, but a text of some length " * 40)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE t (x)").connection.close()
    newer = sqlite3.connect(filled)
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    for path, told in [
        (tmp_path / "gone", "no such catalogue"),
        (tmp_path / "text", "cannot be used as a catalogue"),
        (tmp_path / "empty", "is not a catalogue"),
        (tmp_path / "other", "is not a catalogue"),
        (tmp_path / "folder", "holds no catalogue.sqlite"),
        (filled, "of version 2, this tfsep reads 1"),
    ]:
        with pytest.raises(DataError, match=told) as raised:
            CatalogueSource(root=path).tracks()
        assert str(path) in str(raised.value)
