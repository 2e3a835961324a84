import json

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.files import FileTrack, Part
from tfsep.data.multitracks import MultitrackSource
from tfsep.errors import DataError


def write(folder, *names, samples=800, rate_hz=8000):
    """Write a constant into each file: 1/64 in the first, 2/64 in the second and so on, which are exact in 16 bits."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, 1):
        (folder / name).parent.mkdir(exist_ok=True)
        Audio(np.full((samples, 1), number / 64, np.float32), rate_hz).write(folder / name)
    return folder


def stems_of(track):
    """Return the files' names by stem."""
    found = {}
    for part in track.parts:
        found.setdefault(part.stem, []).append(part.path.name)
    return found


def test_files_of_a_stem_are_summed(tmp_path):
    write(tmp_path / "song", "01 Kick.wav", "02 Snare.wav", "03 Bass.wav", "04 Gtr.wav", "05 Vox.wav", "06 Full Mix.wav")
    (track,) = MultitrackSource(root=tmp_path).tracks()
    stems = track.read(8000, 1)
    assert {stem: samples[100, 0] * 64 for stem, samples in stems.items()} == {"drums": 3, "bass": 3, "other": 4, "vocals": 5}


def test_files_that_end_early_are_silent_from_there(tmp_path):
    write(tmp_path / "song", "Kick.wav", "Bass.wav", samples=800)
    write(tmp_path / "song", "Snare.wav", samples=500)
    (track,) = MultitrackSource(root=tmp_path).tracks()
    drums = track.read(8000, 1)["drums"][:, 0] * 64
    np.testing.assert_array_equal(drums, np.where(np.arange(800) < 500, 2, 1))
    write(tmp_path / "song", "Snare.wav", samples=900)
    read = track.read(8000, 1)
    np.testing.assert_array_equal(read["drums"][:, 0] * 64, np.where(np.arange(900) < 800, 2, 1))
    np.testing.assert_array_equal(read["bass"][:, 0] * 64, np.where(np.arange(900) < 800, 2, 0))


def test_files_of_different_rates_are_summed_in_time(tmp_path):
    for name, rate_hz in (("kick.wav", 8000), ("snare.wav", 16_000), ("bass.wav", 12_000)):
        time_s = np.arange(rate_hz) / rate_hz
        tone = 0.25 * np.sin(2 * np.pi * 440 * time_s)[:, None].astype(np.float32)
        Audio(tone, rate_hz).write(write(tmp_path / "song") / name, subtype="float32")
    (track,) = MultitrackSource(root=tmp_path).tracks()
    stems = track.read(8000, 1)
    assert {len(samples) for samples in stems.values()} == {8000}
    np.testing.assert_allclose(stems["drums"][500:7500], 2 * stems["bass"][500:7500], atol=1e-3)


def test_what_all_names_begin_with_tells_nothing(tmp_path):
    """Here the title is full of stems."""
    write(tmp_path / "a", *(f"DJ Kick - Bass & Voice - {name}.wav" for name in ("Kick", "Sub", "Pad")))
    (track,) = MultitrackSource(root=tmp_path).tracks()
    assert {stem: len(names) for stem, names in stems_of(track).items()} == {"drums": 1, "bass": 1, "other": 1}


def test_folders_of_a_song_tell_what_names_do_not(tmp_path):
    write(tmp_path / "a", "Drums/Room.wav", "Drums/Bass Drum.wav", "Keys/1.wav", "Keys/Vocal chop.wav", "Mixes/2.wav")
    (track,) = MultitrackSource(root=tmp_path).tracks()
    assert stems_of(track) == {"drums": ["Bass Drum.wav", "Room.wav"], "other": ["1.wav"], "vocals": ["Vocal chop.wav"]}


def test_one_song_alone_and_many(tmp_path):
    write(tmp_path / "a", "kick.wav", "bass.wav")
    write(tmp_path / "b", "deep/kick.wav", "deep/er/bass.wav")
    (tmp_path / "b" / "song.json").write_text(json.dumps({"genre": "dub"}))
    assert [(track.name, track.genre) for track in MultitrackSource(root=tmp_path).tracks()] == [("a", None), ("b", "dub")]
    assert [track.name for track in MultitrackSource(root=tmp_path / "a").tracks()] == ["a"]


def test_rules_of_the_song_then_of_all(tmp_path):
    names = ("Room.wav", "Kick.wav", "Solo.wav", "Bass.wav", "Verb.wav")
    write(tmp_path / "a", *names)
    write(tmp_path / "b", *names)
    (tmp_path / "rules.json").write_text(
        json.dumps({"room": "drums", "^solo": "other", "verb": "ignore", "kick": "percussion"})
    )
    (tmp_path / "b" / "rules.json").write_text(json.dumps({"solo": "vocals"}))
    a, b = MultitrackSource(root=tmp_path).tracks()
    assert stems_of(a) == {"drums": ["Room.wav"], "percussion": ["Kick.wav"], "bass": ["Bass.wav"], "other": ["Solo.wav"]}
    assert stems_of(b)["vocals"] == ["Solo.wav"]
    assert a.recipe != b.recipe


def test_another_rule_is_another_recipe(tmp_path):
    """Otherwise the cache would keep what the file was."""
    write(tmp_path, "kick.wav", "bass.wav", "pad.wav")
    (before,) = MultitrackSource(root=tmp_path).tracks()
    (tmp_path / "rules.json").write_text('{"pad": "bass"}')
    (after,) = MultitrackSource(root=tmp_path).tracks()
    assert before.paths == after.paths
    assert before.recipe != after.recipe


def test_all_unknown_files_are_listed_at_once(tmp_path):
    write(tmp_path / "a", "kick.wav", "bass.wav", "xyz.wav")
    write(tmp_path / "b", "kick.wav", "bass.wav", "Instrumental.flac", "drums & bass.wav")
    with pytest.raises(DataError, match="the names of 3 of its files") as raised:
        MultitrackSource(root=tmp_path).tracks()
    message = str(raised.value)
    assert all(name in message for name in ("a/xyz.wav", "b/Instrumental.flac", "b/drums & bass.wav", "rules.json", "ignore"))
    assert "kick" not in message
    assert "\n" not in message


def test_a_single_stem(tmp_path):
    write(tmp_path / "a", "kick.wav", "snare.wav", "mixdown.wav")
    with pytest.raises(DataError, match="a: only drums is there"):
        MultitrackSource(root=tmp_path).tracks()


@pytest.mark.parametrize("content", ["[]", "{", '{"genre": 3}'])
def test_bad_description(tmp_path, content):
    (write(tmp_path / "a", "kick.wav", "bass.wav") / "song.json").write_text(content)
    with pytest.raises(DataError, match=r"song\.json"):
        MultitrackSource(root=tmp_path).tracks()


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_file_that_breaks_off_is_not_taken_for_silence(tmp_path, suffix):
    write(tmp_path, "kick.wav", "bass.wav", samples=16_000)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (16_000, 1)).astype(np.float32)
    Audio(noise, 8000).write(tmp_path / f"vox{suffix}")
    content = (tmp_path / f"vox{suffix}").read_bytes()
    (track,) = MultitrackSource(root=tmp_path).tracks()
    assert len(track.read(8000, 1)["vocals"]) == 16_000
    (tmp_path / f"vox{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"vox{suffix}: (ends after|damaged)"):
        track.read(8000, 1)
    # alone it is as good as far as it goes
    alone = FileTrack(name="vox", parts=(Part(stem="vocals", path=tmp_path / f"vox{suffix}"),))
    assert 0 < len(alone.read(8000, 1)["vocals"]) < 10_000
