"""Songs of one genre family."""

import json

import numpy as np
import pytest
from tfsep_tuning.material import find_material
from tfsep_tuning.settings import GENERAL

from tfsep.audio import Audio
from tfsep.errors import DataError, UsageError
from tfsep.training.data import DataFolder


@pytest.fixture
def songs(tmp_path):
    """`data` with a house, a techno and a jazz song, `other` with a jazz song, `held` with a trance and a rock song."""
    for name, genre in (
        ("data/a", "house"),
        ("data/deep/b", "techno"),
        ("data/c", "jazz"),
        ("other/d", "jazz"),
        ("held/e", "trance"),
        ("held/f", "rock"),
    ):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for stem in ("drums", "other"):
            Audio(np.zeros((80, 1), np.float32), 8000).write(folder / f"{stem}.wav")
        (folder / "song.json").write_text(json.dumps({"genre": genre}))
    return tmp_path


def test_a_family(songs):
    found = find_material([f"{songs}/data@2", f"{songs}/other"], [songs / "held"], "electronic")
    assert found.data == (DataFolder(f"{songs}/data", 2.0),)
    assert found.exclude == ("c",)
    assert found.validation == (songs / "held" / "e",)
    found = find_material([f"{songs}/data", f"{songs}/other"], [songs / "held", songs / "data"], "jazz")
    assert [folder.source for folder in found.data] == [f"{songs}/data", f"{songs}/other"]
    assert found.exclude == ("a", "b")
    assert found.validation == (songs / "data" / "c",)


def test_a_name_in_two_families_is_refused(songs):
    (songs / "other" / "d").rename(songs / "other" / "a")
    (songs / "data" / "deep" / "b").rename(songs / "other" / "b")
    for genre in ("electronic", "jazz"):
        with pytest.raises(DataError, match=f"a is the name of a song of the family {genre} and of one of another: rename"):
            find_material([f"{songs}/data", f"{songs}/other"], [songs / "held"], genre)


def test_all_songs(songs):
    found = find_material([f"{songs}/data"], [songs / "held"], GENERAL)
    assert (found.exclude, found.validation) == ((), (songs / "held",))


def test_genres_without_data(songs):
    with pytest.raises(DataError, match=r"--data .*data: no song of the family latin: say it in each song\.json"):
        find_material([f"{songs}/data"], [songs / "held"], "latin")
    with pytest.raises(DataError, match=r"--validation .*held: no song of the family jazz, so that nothing could be scored"):
        find_material([f"{songs}/data"], [songs / "held"], "jazz")
    with pytest.raises(UsageError, match="--genre polka: use electronic, rock, pop, hip_hop, jazz, latin, or general"):
        find_material([f"{songs}/data"], [songs / "held"], "polka")
    with pytest.raises(UsageError, match="records are not sorted by genre"):
        find_material(["records:somewhere"], [songs / "held"], "jazz")
    with pytest.raises(DataError, match="not a folder"):
        find_material([f"{songs}/data"], [songs / "nowhere"], GENERAL)
