import multiprocessing
import os
import signal
import sys

import pytest

from tfsep.audio import Audio
from tfsep.separation.batch import run_batch
from tfsep.separation.job import SeparationJob
from tfsep.separation.songs import Song

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


class Listener:
    """Does something when the first block of any song is done."""

    def __init__(self, at_first_block):
        self.at_first_block, self.begun, self.ended = at_first_block, [], []

    def loaded(self, separator):
        assert separator.stems == ("drums", "other")

    def started(self, song):
        self.begun.append(song.name)

    def progressed(self, song, done_s, total_s):
        act, self.at_first_block = self.at_first_block, lambda: None
        act()

    def finished(self, result):
        self.ended.append(result.song.name)


@pytest.fixture
def songs(noise, tmp_path):
    for k in range(3):
        Audio(noise(40_000), 8000).write(tmp_path / f"song{k}.wav")
    return [Song(tmp_path / f"song{k}.wav", f"song{k}") for k in range(3)]


def test_a_process_that_is_killed_takes_one_song_with_it(model, songs, tmp_path):
    listener = Listener(lambda: os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL))
    job = SeparationJob(out=tmp_path / "stems", model=str(model))
    results = run_batch(songs, job, 2, listener)
    assert [result.song for result in results] == songs
    assert sorted(listener.begun) == sorted(listener.ended) == ["song0", "song1", "song2"]
    failed = [result for result in results if result.status == "failed"]
    assert [result.status for result in results].count("done") == 2
    assert "its process was killed, perhaps for want of memory: use fewer --jobs" in failed[0].problem
    whole = [path.name for path in (tmp_path / "stems").rglob("*.wav")]
    assert len(whole) == 4


def test_interrupt_ends_all_processes_and_leaves_no_half_file(model, songs, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(songs, SeparationJob(out=tmp_path / "stems", model=str(model)), 2, Listener(interrupt))
    assert multiprocessing.active_children() == []
    left = [path for path in (tmp_path / "stems").rglob("*") if path.is_file()]
    assert all(path.suffix == ".wav" for path in left)
    for folder in {path.parent for path in left}:
        assert len(list(folder.iterdir())) == 2
