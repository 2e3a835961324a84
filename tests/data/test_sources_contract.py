"""What every kind of source promises. A new kind adds one line to the registry and one function to `MAKERS`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio, StemFileWriter
from tfsep.data.cache import fingerprint
from tfsep.data.catalogue.catalogue import Catalogue, FiledFile, FiledSong
from tfsep.data.catalogue.fingerprints import Fingerprint
from tfsep.data.catalogue.source import DEFAULT_NAME
from tfsep.data.loading import load_tracks
from tfsep.data.mixing import CropMixer, MixingConfig, Pool
from tfsep.data.registry import KINDS, open_source, source_names
from tfsep.errors import DataError

STEMS = ("bass", "drums", "other", "vocals")
UNPAIRED = {"samples": "drums", "drums": "drums", "no-drums": "accompaniment", "mixtures": "mixture"}
# Of the three recordings that each maker writes, half a second each.
RATES_HZ, CHANNELS, SAMPLES = (8000, 12_000, 16_000), (2, 1, 2), (4000, 6000, 8000)


def sound(number: int, stem: str) -> np.ndarray:
    """A tone for each stem, `(samples, channels)`; of `other` silence, as in a song in which nothing else plays."""
    time_s = np.arange(SAMPLES[number])[:, None] / RATES_HZ[number]
    pitch_hz = 0 if stem == "other" else 200 + 37 * sum(stem.encode()) % 500
    return np.repeat(0.2 * np.sin(2 * np.pi * pitch_hz * time_s), CHANNELS[number], axis=1).astype(np.float32)


def write(path: Path, number: int, stem: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Audio(sound(number, stem), RATES_HZ[number]).write(path)
    return path


def write_stems(path: Path, number: int) -> Path:
    """A stem file, in the order of MUSDB18."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stems = [sound(number, stem) for stem in ("drums", "bass", "other", "vocals")]
    with StemFileWriter(path, sample_rate_hz=RATES_HZ[number], codec="alac") as writer:
        writer.write(sum(stems), stems)
    return path


def folders(root: Path, number: int) -> Path:
    files = [write(root / "abc"[number] / f"{stem}.wav", number, stem) for stem in STEMS]
    return files[0]


def musdb18(split: str, names: tuple[str, str, str]) -> Callable[[Path, int], Path]:
    def streams(root: Path, number: int) -> Path:
        return write_stems(root / split / f"{names[number]}.stem.mp4", number)

    return streams


def multitracks(root: Path, number: int) -> Path:
    files = {"01_Kick": "drums", "02_Snare Top": "drums", "BassDI": "bass", "Gtr L": "other", "LeadVox": "vocals"}
    written = [write(root / "abc"[number] / f"{name}.wav", number, stem) for name, stem in files.items()]
    return written[0]


def catalogue(root: Path, number: int) -> Path:
    song = root / "songs" / f"contribution {number}" / "abc"[number]
    written = [write(song / f"{stem}.wav", number, stem) for stem in STEMS]
    filed = FiledSong(
        contribution=song.parent.name, name=song.name, title="", artist="", genre="", source="", credit="", licence="CC0-1.0",
        contributor="", contact="", rights="", added="", folder=song, sample_rate_hz=RATES_HZ[number], duration_s=0.5, gain_db=0.0,
        files=tuple(
            FiledFile(part=path.stem, name=path.name, sent_as=path.name, sent_sha256="", sha256="", silent=path.stem == "other")
            for path in written
        ),
    )  # fmt: skip
    nothing = Fingerprint(hashes=np.zeros(0, np.int32), frames=np.zeros(0, np.int32))
    with Catalogue(root / DEFAULT_NAME, create=True) as opened, opened.transaction():
        opened.file([(filed, nothing)], code_version="0")
    return written[0]


MAKERS = {
    "folders": folders,
    "musdb18-train": musdb18("train", ("A - a", "B - b", "C - c")),
    "musdb18-valid": musdb18("train", ("Actions - One Minute Smile", "Leaf - Summerghost", "Young Griffo - Pennies")),
    "musdb18-test": musdb18("test", ("A - a", "B - b", "C - c")),
    "stem-files": lambda root, number: write_stems(root / f"{'abc'[number]}.stem.mp4", number),
    "multitracks": multitracks,
    "catalogue": catalogue,
    "samples": lambda root, number: write(root / f"{'abc'[number]} loop.wav", number, "drums"),
    "drums": lambda root, number: write(root / f"{'abc'[number]}.wav", number, "drums"),
    "no-drums": lambda root, number: write(root / f"{'abc'[number]}.wav", number, "vocals"),
    "mixtures": lambda root, number: write(root / f"{'abc'[number]}.wav", number, "vocals"),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    if request.param.startswith("musdb18"):
        if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
            pytest.skip("musdb cannot be imported without ffmpeg and ffprobe: apt-get install ffmpeg")
        pytest.importorskip("musdb")
    return request.param


@pytest.fixture
def made(kind, tmp_path):
    """A source of three recordings of different rates and channels: its text, and a file of each recording."""
    root = tmp_path / "data"
    return f"{kind}:{root}", [MAKERS[kind](root, number) for number in range(3)]


def test_every_kind_is_tested():
    assert sorted(MAKERS) == sorted(KINDS)


def test_lists_tracks(kind, made):
    source = open_source(made[0])
    tracks = source.tracks()
    names = [track.name for track in tracks]
    assert len(names) == 3
    assert names == sorted(set(names)) == [track.name for track in open_source(made[0]).tracks()]
    assert source.paired == (kind not in UNPAIRED)
    for track, file in zip(tracks, made[1], strict=True):
        assert track.stems == (STEMS if source.paired else (UNPAIRED[kind],))
        assert track.paths == tuple(sorted(set(track.paths)))
        assert file in track.paths
        assert all(path.is_file() for path in track.paths)
        assert track.genre is None


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 2), (5000, 1)])
def test_reads_any_rate_and_channels_alike(kind, made, rate_hz, channels):
    lengths = set()
    for track in open_source(made[0]).tracks():
        stems = track.read(rate_hz, channels)
        assert tuple(sorted(stems)) == track.stems
        for samples in stems.values():
            assert samples.dtype == np.float32
            assert samples.shape[1] == channels
            assert np.isfinite(samples).all()
            lengths.add(len(samples))
        if "other" in stems:
            np.testing.assert_array_equal(stems["other"], 0)
        assert np.abs(stems["vocals" if "vocals" in stems else track.stems[0]]).max() > 0.1
    seconds = 12.0 if kind == "samples" else 0.5
    assert lengths == {round(seconds * rate_hz)}


def test_one_sound_at_all_rates(kind, made):
    """The three recordings hold the same tones, each at a rate of its own."""
    first, *others = [track.read(8000, 1) for track in open_source(made[0]).tracks()]
    for other in others:
        for stem, samples in other.items():
            np.testing.assert_allclose(samples[1000:3000], first[stem][1000:3000], atol=2e-3)


def test_excludes(made):
    source = open_source(made[0])
    everything = [track.name for track in source.tracks()]
    for number, file in enumerate(made[1]):
        name = next(
            name for name in (file.name, file.name.removesuffix(".stem.mp4"), file.parent.name) if name in source_names(made[0])
        )
        left = [track.name for track in open_source(made[0], exclude=frozenset({name})).tracks()]
        assert left == everything[:number] + everything[number + 1 :]
    with pytest.raises(DataError, match="excluded or held out"):
        open_source(made[0], exclude=source_names(made[0])).tracks()


def test_what_one_source_holds_another_can_do_without(kind, made, tmp_path):
    """As with validation songs, which no training data may hold: these names take out that one recording."""
    everything = [track.name for track in open_source(made[0]).tracks()]
    MAKERS[kind](tmp_path / "held", 1)
    names = source_names(f"{kind}:{tmp_path / 'held'}")
    assert [track.name for track in open_source(made[0], exclude=names).tracks()] == [everything[0], everything[2]]


def test_folders_that_are_not_there_or_empty(kind, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for name in ("gone", "file", "empty"):
        source = open_source(f"{kind}:{tmp_path / name}")
        with pytest.raises(DataError, match=str(tmp_path / name)) as raised:
            source.tracks()
        assert "\n" not in str(raised.value)


def test_a_corrupt_file_is_skipped_and_named_once(made, tmp_path):
    made[1][1].write_bytes(b"RIFF\0\0")
    told, progress = [], []
    loaded = load_tracks(
        open_source(made[0]),
        tmp_path / "cache",
        sample_rate_hz=8000,
        channels=2,
        on_progress=lambda *state: progress.append(state),
        on_skip=told.append,
    )
    assert len(loaded.tracks) == 2
    assert tuple(told) == loaded.skipped
    assert len(told) == 1
    assert str(made[1][1]) in told[0]
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_cached_tracks_are_what_is_read_and_can_be_mixed(kind, made, tmp_path):
    source = open_source(made[0])
    loaded = load_tracks(source, tmp_path / "cache", sample_rate_hz=8000, channels=1).tracks
    again = load_tracks(source, tmp_path / "cache", sample_rate_hz=8000, channels=1).tracks
    assert [track.key for track in loaded] == [track.key for track in again]
    assert len({track.key for track in loaded}) == 3
    for track, cached in zip(source.tracks(), loaded, strict=True):
        assert (cached.name, cached.stems, cached.genre) == (track.name, track.stems, track.genre)
        for stem, samples in track.read(8000, 1).items():
            np.testing.assert_allclose(cached.read(stem, track.stems, 0, len(samples)), samples, atol=0.51 / 32767)
    stems = STEMS if source.paired else (UNPAIRED[kind],)
    mixer = CropMixer([Pool(tracks=loaded)], stems=stems, samples=1000, channels=1, config=MixingConfig(), seed=0)
    audio, known = mixer.batch(0, 4)
    assert np.isfinite(audio).all()
    assert known.all()


def test_a_changed_file_is_another_track(made):
    before = [fingerprint(track, 8000, 2) for track in open_source(made[0]).tracks()]
    made[1][2].write_bytes(b"RIFF\0\0")
    after = [fingerprint(track, 8000, 2) for track in open_source(made[0]).tracks()]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False]
