"""Songs on disk, and packed."""

from pathlib import Path

import pytest

from tfsep.data.folders import FolderSource
from tfsep.data.mixing import MixingConfig
from tfsep.data.records.dataset import RecordDataset, RecordSource
from tfsep.data.records.spec import RecordSpec
from tfsep.data.records.writing import write_records

RATE_HZ = 8000
SPEC = RecordSpec(sample_rate_hz=RATE_HZ, channels=2, codec="pcm", segment_s=0.1, shard_mb=0.02, group_mb=0.06)


@pytest.fixture
def songs(tmp_path, write_song) -> Path:
    """Five songs of half a second, four stems of noise."""
    for number, name in enumerate("abcde"):
        write_song(tmp_path / "songs" / name, level=0.1 * (number + 1), samples=4000 + 100 * number)
    return tmp_path / "songs"


@pytest.fixture
def pack(songs, tmp_path):
    """Return a function that packs the songs and returns the folder and its index."""

    def write(out: str = "records", *, spec: RecordSpec = SPEC, root: Path = songs, **options):
        return tmp_path / out, write_records(FolderSource(root=root).tracks(), tmp_path / out, spec=spec, **options)

    return write


@pytest.fixture
def open_records():
    """Return a function that opens folders of records as a data set of crops of 200 samples."""

    def build(*folders, **options) -> RecordDataset:
        arguments = {
            "stems": ("drums", "bass", "other", "vocals"),
            "samples": 200,
            "sample_rate_hz": RATE_HZ,
            "channels": 2,
            "config": MixingConfig(),
            "seed": 3,
            "window_mb": 0.1,
            "cycle": 2,
        } | options
        return RecordDataset([RecordSource(folder) for folder in folders], **arguments)

    return build


@pytest.fixture
def spec() -> RecordSpec:
    """How `pack` packs, unless told otherwise: about 1 group a song, 3 shards a group, 4 segments a shard."""
    return SPEC
