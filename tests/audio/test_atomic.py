import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from tfsep.audio import StemFileWriter, open_writer
from tfsep.audio.atomic import AtomicFile, part_path
from tfsep.errors import AudioError

KINDS = ["song.wav", "song.flac", "song.mp3", "song.stem.mp4"]


def start(path):
    """Open a writer of any kind and return it with a function that appends half a second of noise."""
    noise = np.random.default_rng(2).normal(0, 0.1, (22_050, 2)).astype(np.float32)
    if path.name.endswith(".stem.mp4"):
        writer = StemFileWriter(path, sample_rate_hz=44_100)
        return writer, lambda: writer.write(noise, [noise] * 4)
    writer = open_writer(path, sample_rate_hz=44_100, channels=2)
    return writer, lambda: writer.write(noise)


class FullDisk:
    """A file that takes `room` bytes and then reports a full disk, as the kernel does."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("name", KINDS)
def test_the_name_appears_only_at_the_end(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    writer, append = start(path)
    with writer:
        append()
        assert path.read_bytes() == b"old"
        assert [entry.name for entry in sorted(tmp_path.iterdir())] == [f".{name}.{os.getpid()}.part", name]
    assert path.stat().st_size > 1000
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="closed"):
        append()
    writer.close()  # twice is harmless


@pytest.mark.parametrize("name", KINDS)
def test_an_exception_leaves_what_was_there(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    writer, append = start(path)

    def interrupted():
        with writer:
            append()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("room", [0, 20, 20_000, 40_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, name, room):
    monkeypatch.setattr("tfsep.audio.atomic.open", lambda *args: FullDisk(open(*args), room), raising=False)  # noqa: SIM115

    def write():
        writer, append = start(tmp_path / name)
        with writer:
            for _ in range(4):
                append()

    with pytest.raises(AudioError, match=rf"{name}: cannot be written, the disk is full: free space"):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_disk_that_fills_at_the_last_flush(tmp_path, monkeypatch, name):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer, append = start(tmp_path / name)
    append()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(AudioError, match="the disk is full"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_the_kernels_own_full_disk(tmp_path, monkeypatch):
    def open_full(path, mode):
        return open("/dev/full", mode, buffering=0)

    monkeypatch.setattr("tfsep.audio.atomic.open", open_full, raising=False)
    with pytest.raises(AudioError, match="the disk is full"):
        open_writer(tmp_path / "song.wav", sample_rate_hz=44_100, channels=2)


def test_a_kill_leaves_no_half_file_and_its_rest_is_cleared_away(tmp_path):
    path = tmp_path / "song.wav"
    code = (
        "import os, signal, sys, numpy as np; from tfsep.audio import open_writer\n"
        "writer = open_writer(sys.argv[1], sample_rate_hz=44100, channels=2)\n"
        "writer.write(np.zeros((100000, 2), np.float32)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, path])
    assert killed.wait() != 0
    assert [entry.name for entry in tmp_path.iterdir()] == [f".song.wav.{killed.pid}.part"]
    running = tmp_path / f".song.wav.{os.getppid()}.part"
    running.write_bytes(b"of a process that runs")
    writer, append = start(path)
    with writer:
        append()
    assert sorted(tmp_path.iterdir()) == [running, path]


def test_places_where_no_file_can_be_made(tmp_path):
    with pytest.raises(AudioError, match="does not exist: make it first"):
        AtomicFile(tmp_path / "missing" / "song.wav")
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match="is a file, not a folder"):
        AtomicFile(tmp_path / "file" / "song.wav")
    with pytest.raises(AudioError, match="is a folder"):
        AtomicFile(tmp_path)
    with pytest.raises(AudioError, match="name too long"):
        AtomicFile(tmp_path / ("x" * 300))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_without_permission(tmp_path, monkeypatch, number):
    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tfsep.audio.atomic.open", refuse, raising=False)
    with pytest.raises(AudioError, match=rf"no permission to write into .*{tmp_path.name}: choose a folder"):
        open_writer(tmp_path / "song.wav", sample_rate_hz=44_100, channels=2)


def test_as_a_context_manager(tmp_path):
    with AtomicFile(tmp_path / "a") as atomic:
        atomic.file.write(b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"
    with pytest.raises(ZeroDivisionError), AtomicFile(tmp_path / "b") as atomic:
        raise ZeroDivisionError
    assert not (tmp_path / "b").exists()
    assert not part_path(tmp_path / "b").exists()


@pytest.mark.parametrize("name", KINDS)
def test_an_interruption_of_the_last_step_leaves_nothing(tmp_path, monkeypatch, name):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    writer, append = start(tmp_path / name)
    append()
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        writer.close()
    assert list(tmp_path.iterdir()) == []
