import argparse
import json
import os

import numpy as np
import pytest
import soundfile

from tfsep.cli import render as command
from tfsep.data.render import render as render_module
from tfsep.data.render.render import RenderConfig, render_songs
from tfsep.errors import AudioError, DataError, TfsepError, UsageError

STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture
def config(material_folder, tmp_path):
    return RenderConfig(material=material_folder, out=tmp_path / "out", songs=2, seconds=2.0, seed=3)


def read(folder):
    return {path.stem: soundfile.read(path, dtype="int16")[0] for path in sorted(folder.glob("*.flac"))}


def with_(config, **changes):
    return RenderConfig(**{**vars(config), **changes})


def test_songs_on_disk_sum_to_the_mixture(config):
    songs = render_songs(config)
    assert [song.skipped for song in songs] == [False, False]
    assert sorted(path.name for path in config.out.iterdir()) == sorted(song.name for song in songs)
    for song in songs:
        audio = read(config.out / song.name)
        assert set(audio) == {"mixture", *STEMS}
        np.testing.assert_array_equal(sum(audio[stem].astype(int) for stem in STEMS), audio["mixture"])
        info = soundfile.info(config.out / song.name / "mixture.flac")
        assert (info.samplerate, info.channels, info.frames, info.subtype) == (44100, 2, 88200, "PCM_16")


def test_songs_do_not_depend_on_jobs_or_on_each_other(config, tmp_path):
    render_songs(config)
    parallel = with_(config, out=tmp_path / "parallel", jobs=2)
    for song in render_songs(parallel):
        one, two = (read(out / song.name) for out in (config.out, parallel.out))
        for stem in one:
            np.testing.assert_array_equal(one[stem], two[stem])
        assert (config.out / song.name / "song.json").read_text() == (parallel.out / song.name / "song.json").read_text()
    alone = with_(config, out=tmp_path / "alone")
    second = render_module.SongRenderer(alone).render(1)
    np.testing.assert_array_equal(read(alone.out / second.name)["mixture"], read(config.out / second.name)["mixture"])


def test_done_songs_are_skipped_and_others_made_again(config):
    first, second = render_songs(config)
    before = (config.out / first.name / "mixture.flac").stat().st_mtime_ns
    for path in (config.out / second.name).iterdir():
        path.unlink()
    (config.out / second.name).rename(config.out / f".partial-{second.name}")  # as after a kill
    again = render_songs(config)
    assert [song.skipped for song in again] == [True, False]
    assert (config.out / first.name / "mixture.flac").stat().st_mtime_ns == before
    assert not list(config.out.glob(".partial*"))


def test_other_settings_are_not_mixed_into_a_folder(config):
    render_songs(with_(config, songs=1))
    with pytest.raises(UsageError, match=r"seconds=2\.0, not 3"):
        render_songs(with_(config, songs=1, seconds=3.0))


def test_record_tells_the_hits_and_the_sources(config, monkeypatch, score):
    monkeypatch.setattr(render_module, "compose", lambda *args, **options: score)
    name = render_songs(with_(config, songs=1))[0].name
    record = json.loads((config.out / name / "song.json").read_text())
    assert [(h["time_s"], h["drum"]) for h in record["hits"]] == sorted((h.time_s, h.drum) for h in score.drum_hits)
    assert record["tempo_bpm"] == 120
    assert record["silent_stems"] == ["vocals"]
    assert record["loop"] is None
    drums = read(config.out / name)["drums"].astype(float)
    assert not read(config.out / name)["vocals"].any()
    level = np.abs(drums).max(axis=1)
    for hit in record["hits"]:
        if hit["drum"] in ("kick", "snare"):  # energy rises within 10 ms of the time
            at = int(hit["time_s"] * 44100)
            assert level[at : at + 441].max() > 2 * level[max(at - 441, 0) : at + 1].max(initial=1)
    for source in record["sources"]:
        assert (config.material / source["path"]).is_file()
        assert source["licence"] == "CC0-1.0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"songs": 0}, "--songs 0"),
        ({"seconds": 0.0}, "--seconds 0"),
        ({"seconds": -3.0}, "--seconds -3"),
        ({"seconds": float("nan")}, "--seconds nan"),
        ({"jobs": 0}, "--jobs 0"),
        ({"seed": -1}, "--seed -1"),
        ({"genres": ("house", "polka_step")}, "--genres polka_step: unknown; use some of"),
    ],
)
def test_arguments_out_of_range_are_named(config, changes, message):
    with pytest.raises(UsageError, match=message):
        with_(config, **changes)


def test_material_without_manifest_is_named(config, tmp_path):
    with pytest.raises(DataError, match=r"no manifest\.csv"):
        render_songs(with_(config, material=tmp_path))


def test_damaged_material_is_named_and_leaves_no_half_song(config):
    for path in config.material.rglob("*.wav"):
        path.write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"\.wav: cannot be decoded"):
        render_songs(with_(config, songs=20))
    for folder in config.out.iterdir():  # songs that happened to be all synthesised
        assert len(list(folder.iterdir())) == 6


def test_unwritable_output_is_named(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"):
        render_songs(with_(config, out=tmp_path / "file" / "out"))


def test_full_disk_is_told_and_leaves_nothing(config, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(render_module.soundfile, "write", full)
    with pytest.raises(TfsepError, match="No space left on device"):
        render_songs(config)
    assert not list(config.out.iterdir())


def test_genres_are_drawn_evenly(config):
    renderer = render_module.SongRenderer(with_(config, genres=("house", "jazz", "metal")))
    drawn = [renderer.genre(index) for index in range(30)]
    assert {genre: drawn.count(genre) for genre in set(drawn)} == {"house": 10, "jazz": 10, "metal": 10}


def test_command_line(config, capsys):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    options = ["--songs", "1", "--seconds", "1", "--genres", "house", "--jobs", "1", "--out", os.fspath(config.out)]
    args = parser.parse_args(["render", "--material", os.fspath(config.material), *options])
    assert args.run(args) == 0
    assert "1 songs of 1 s" in capsys.readouterr().out
    assert args.run(args) == 0
    assert "1 were there already" in capsys.readouterr().out
