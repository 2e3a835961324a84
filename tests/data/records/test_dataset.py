import hashlib
import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import islice, repeat

import numpy as np
import pytest
import tensorflow as tf

from tfsep.data.cache import load_cached
from tfsep.data.folders import FolderSource
from tfsep.data.mixing import CropMixer, MixingConfig, Pool
from tfsep.data.records.index import check_hashes, read_index
from tfsep.data.records.stream import RecordFolder, SegmentStream
from tfsep.errors import DataError, MissingExtraError, UsageError
from tfsep.training.loader import prefetched

PLAIN = MixingConfig(
    remix_probability=0, song_gain_db=0, stem_gain_db=0, swap_probability=0, invert_probability=0, speed_probability=0
)


def stream(folder, index, **options):
    return SegmentStream(RecordFolder(str(folder), index), **({"seed": 0, "cycle": 2} | options))


def keys(segments):
    return [segment.key for segment in segments]


def test_each_epoch_has_every_segment_once_in_an_order_of_its_own(pack):
    folder, index = pack()
    found = keys(islice(stream(folder, index).start_at(0), 3 * index.segments))
    epochs = [found[i : i + index.segments] for i in range(0, len(found), index.segments)]
    assert set(Counter(epochs[0]).values()) == {1}
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert keys(islice(stream(folder, index, seed=1).start_at(0), index.segments)) != epochs[0]


def test_the_stream_is_the_same_from_any_place_and_by_any_number_of_threads(pack):
    folder, index = pack()
    found = keys(islice(stream(folder, index).start_at(0), index.segments + 14))
    for first in (7, index.segments - 1, index.segments + 9):
        assert keys(islice(stream(folder, index, parallel=3).start_at(first), 5)) == found[first : first + 5]


def test_batches_are_as_those_of_a_mixer(pack, open_records):
    records = open_records(pack()[0])
    audio, known = records.batch(0, 6)
    assert audio.shape == (6, 4, 2, 200)
    assert audio.dtype == known.dtype == np.float32
    assert known.shape == (6, 4)
    assert known.all()
    assert np.abs(audio.sum(axis=1)).max() <= 1 + 1e-6
    assert len({example.tobytes() for example in audio}) == 6


def test_crops_are_cuts_of_songs(tmp_path, write_song, pack, open_records):
    song = write_song(tmp_path / "one" / "song", level=0.2, samples=8000)
    cached = load_cached(FolderSource(root=song.parent).tracks()[0], tmp_path / "c", sample_rate_hz=8000, channels=2)
    records = open_records(pack(root=song.parent)[0], config=PLAIN)
    starts = set()
    for example in records.batch(3, 6)[0]:
        integers = np.rint(example * 32767).astype(np.int16)
        byte = cached.samples[cached.stems.index("drums"), :, 0].tobytes().find(integers[0, 0].tobytes())
        assert byte >= 0
        starts.add(byte // 2)
        for position, stem in enumerate(records.stems):  # all stems from the same place
            there = cached.samples[cached.stems.index(stem), byte // 2 : byte // 2 + 200].T
            np.testing.assert_array_equal(integers[position], there)
    assert len(starts) == 6


def test_where_all_fits_into_memory_it_is_a_mixer_of_segments(pack, open_records):
    folder, index = pack()
    tracks = tuple(islice(stream(folder, index, seed=3).start_at(0), index.segments))
    mixer = CropMixer([Pool(tracks=tracks)], stems=("drums", "bass", "other", "vocals"), samples=200, channels=2,
                      config=MixingConfig(), seed=3)  # fmt: skip
    records = open_records(folder, window_mb=100)
    for index in (0, 50):
        np.testing.assert_array_equal(records.batch(index, 4)[0], mixer.batch(index, 4)[0])
        np.testing.assert_array_equal(records.equaliser(index, 4), mixer.equaliser(index, 4))


@pytest.mark.parametrize("codec", ["pcm", "flac"])
def test_depends_on_seed_and_index_only(pack, open_records, spec, codec):
    folder, index = pack(spec=replace(spec, codec=codec))
    records = open_records(folder)
    batches = [records.batch(i, 8)[0] for i in range(12)]
    assert records._first(0, 11, 8) > index.segments / 2  # far enough to have left the first window
    resumed = open_records(folder, parallel=3, cycle=2)
    for i in (6, 7, 11, 2):  # resumed, in order, ahead and back
        np.testing.assert_array_equal(resumed.batch(i, 8)[0], batches[i])
    assert np.any(open_records(folder, seed=4).batch(5, 8)[0] != batches[5])
    assert np.any(batches[5] != batches[6])


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(pack, open_records, threads):
    folder, _ = pack()
    plain, threaded = open_records(folder), open_records(folder, parallel=threads)
    made = prefetched(lambda i: threaded.batch(i, 4), 3, 15, ahead=4, threads=threads)
    for index, (audio, known) in enumerate(made, start=3):
        expected = plain.batch(index, 4)
        np.testing.assert_array_equal(audio, expected[0])
        np.testing.assert_array_equal(known, expected[1])
    assert index == 14


@pytest.mark.parametrize("parallel", [1, 3])
def test_as_a_tf_data_set(pack, open_records, parallel):
    folder, _ = pack()
    plain, records = open_records(folder), open_records(folder, parallel=parallel)
    made = records.dataset(4, start=5, stop=12)
    assert [part.shape.as_list() for part in made.element_spec] == [[4, 4, 2, 200], [4, 4], [4, 4, 8]]
    for index, parts in enumerate(made.as_numpy_iterator(), start=5):
        for part, expected in zip(parts, (*plain.batch(index, 4), plain.equaliser(index, 4)), strict=True):
            np.testing.assert_array_equal(part, expected)
    assert index == 11


def test_a_window_moves_by_what_batches_take(pack, open_records):
    """After as many batches as hold an epoch's audio, the window begins one epoch further on."""
    records = open_records(pack()[0])
    held = records.folders[0].index
    batches = held.samples / (4 * 200)
    assert records._first(0, round(batches * 1000), 4) == pytest.approx(1000 * held.segments, rel=1e-3)


def test_excluded_songs_are_never_drawn(pack, open_records):
    folder, index = pack()
    records = open_records(folder, exclude=frozenset("abd"))
    drawn = {track.name for index in (0, 3, 7) for pool in _pools(records, index) for track in pool.tracks}
    assert drawn == {"c", "e"}
    with pytest.raises(DataError, match="all of its 5 songs are excluded or held out"):
        open_records(folder, exclude=index.names)


def _pools(records, index):
    """The pools that a batch is drawn from."""
    pools = []
    mixer, records._mixer = records._mixer, lambda found: pools.extend(found) or mixer(found)
    records.batch(index, 4)
    records._mixer = mixer
    return pools


def test_a_rare_stem_is_found_wherever_the_window_is(tmp_path, write_song, pack, open_records):
    for name in "abcdefgh":
        write_song(tmp_path / "some" / name, ("drums", "other"))
    write_song(tmp_path / "some" / "z", ("drums", "other", "vocals"))
    folder, _ = pack(root=tmp_path / "some")
    records = open_records(folder, stems=("drums", "vocals", "other"), config=replace(MixingConfig(), remix_probability=1))
    without = 0
    for i in range(0, 40, 4):
        audio, known = records.batch(i, 4)
        assert np.abs(audio[:, 1]).max(axis=(1, 2)).min() > 0
        without += not any("vocals" in track.stems for track in records._windows[0]._held)
        assert set(known[:, 1]) <= {0.0, 1.0}
    assert without > 1  # windows that had none
    fresh = open_records(folder, stems=("drums", "vocals", "other"), config=records.config)
    np.testing.assert_array_equal(audio, fresh.batch(i, 4)[0])
    with pytest.raises(DataError, match="no song in the data has the stem bass"):
        open_records(folder, stems=("drums", "bass", "other"))
    with pytest.raises(DataError, match="no song in the data has the stem vocals"):
        open_records(folder, stems=("drums", "vocals", "other"), exclude=frozenset("z"))


def test_accompaniment_is_all_that_is_not_asked_for(pack, open_records):
    audio, known = open_records(pack()[0], stems=("drums", "accompaniment"), config=PLAIN).batch(0, 3)
    four, _ = open_records(pack()[0], config=PLAIN).batch(0, 3)
    assert known.all()
    assert audio.shape == (3, 2, 2, 200)
    assert np.abs(audio[:, 1]).max() > np.abs(four[:, 1]).max() * 0.9


def test_sources_are_drawn_from_by_weight(tmp_path, write_song, pack, open_records, make_track):
    write_song(tmp_path / "one" / "quiet", level=0.01, samples=8000)
    write_song(tmp_path / "two" / "loud", level=0.9, samples=8000)
    one, two = pack("r1", root=tmp_path / "one")[0], pack("r2", root=tmp_path / "two")[0]
    records = open_records(one, two, config=PLAIN)
    loud = np.concatenate([np.abs(records.batch(i, 8)[0][:, 0]).max(axis=(1, 2)) > 0.1 for i in range(10)])
    assert 20 < loud.sum() < 60
    track = make_track("memory", **{stem: np.full((800, 2), 12_345) for stem in records.stems})
    beside = open_records(one, config=PLAIN, pools=[Pool(tracks=(track,), weight=1e9)])
    np.testing.assert_allclose(beside.batch(0, 2)[0], min(12_345 / 32767, 0.25), atol=1e-4)


# --- bad input -----------------------------------------------------------------------------------------------------------


def damage(path, change):
    content = bytearray(path.read_bytes())
    path.write_bytes(change(content))


def flip(content):
    content[len(content) // 2] ^= 1
    return content


def test_damaged_shard_is_named(pack, open_records):
    folder, index = pack()
    bad = folder / index.shards[2].file
    damage(bad, flip)
    records = open_records(folder, window_mb=100)
    for _ in range(2):  # each time that it is asked for
        with pytest.raises(
            DataError, match=rf"{bad.name}: damaged or of other records \(SHA-256 .*: copy it again or pack again"
        ):
            records.batch(0, 4)
    with pytest.raises(DataError, match=bad.name):
        list(check_hashes(str(folder), index.shards))
    with pytest.raises(tf.errors.OpError, match=bad.name):
        next(iter(records.dataset(4)))


def test_shard_cut_off_or_gone(pack, open_records):
    folder, index = pack()
    bad = folder / index.shards[1].file
    damage(bad, lambda content: content[:-7])
    with pytest.raises(DataError, match=rf"{bad.name}: \d+ bytes where the index says \d+, cut off"):
        open_records(folder)
    bad.unlink()
    with pytest.raises(DataError, match=rf"{bad.name}: the index names this shard, but it is missing"):
        open_records(folder)


def test_shard_that_goes_while_training(pack, open_records):
    folder, index = pack()
    records = open_records(folder)
    (folder / index.shards[0].file).unlink()
    with pytest.raises(DataError, match=rf"{index.shards[0].file}: the index names this shard, but it is missing"):
        list(map(records.batch, range(100), repeat(4)))


def test_record_of_another_program(pack, open_records):
    folder, index = pack()
    path = folder / index.shards[0].file
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"something")
    shard = replace(index.shards[0], sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=path.stat().st_size)
    replace(index, shards=(shard,)).write(folder / "index.json")
    with pytest.raises(DataError, match="a record cannot be read though all shards are as the index says"):
        open_records(folder).batch(0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fields: fields | {"records_version": 9}, "records of version 9, this program reads 1: pack them again"),
        (lambda fields: {}, "not an index of records"),
        (lambda fields: fields | {"shards": []}, "names no shards"),
        (lambda fields: fields | {"shards": [{"file": "../x"}]}, "not an index of records"),
        (lambda fields: fields | {"shards": [fields["shards"][0] | {"file": "../x"}]}, "use the plain name of a file"),
        (lambda fields: fields | {"spec": {"codec": "mp3"}}, "codec='mp3'"),
        (lambda fields: [fields], "not an index of records"),
    ],
)
def test_bad_index(pack, open_records, change, message):
    folder, _ = pack()
    path = folder / "index.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(DataError, match=message) as caught:
        open_records(folder)
    assert str(path) in str(caught.value)
    path.write_bytes(b"\xff{")
    with pytest.raises(DataError, match="not an index of records"):
        read_index(str(folder))


def test_no_records(tmp_path, open_records):
    with pytest.raises(DataError, match="gone: not a folder"):
        open_records(tmp_path / "gone")
    with pytest.raises(DataError, match=r"holds no records \(index\.json is missing\): make them with  tfsep pack"):
        open_records(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sample_rate_hz": 44_100},
            "records of 8000 Hz and 2 channels, the model takes 44100 Hz and 2: pack them with --rate 44100",
        ),
        ({"channels": 1}, "the model takes 8000 Hz and 1"),
        ({"samples": 800}, r"segments of 0.1 s are too short for crops of 0.10 s: pack with --segment 1"),
    ],
)
def test_records_for_another_model(pack, open_records, options, message):
    with pytest.raises(DataError, match=message):
        open_records(pack()[0], **options)


@pytest.mark.parametrize("options", [{"cycle": 0}, {"parallel": 0}, {"window_mb": 0}, {"window_mb": float("nan")}])
def test_arguments_out_of_range(pack, open_records, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        open_records(pack()[0], **options)


def test_addresses(monkeypatch, open_records):
    with pytest.raises(UsageError, match=r"s3://bucket/x: records are read from folders, http:// and https://"):
        open_records("s3://bucket/x")
    monkeypatch.setitem(sys.modules, "tensorflow_io", None)
    with pytest.raises(MissingExtraError, match=r"reading records from a web server .*tfsep\[scale\]"):
        open_records("http://127.0.0.1:9/x")
