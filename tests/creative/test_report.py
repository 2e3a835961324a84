import os
import re
from urllib.parse import unquote

import numpy as np
import pytest

from tfsep.audio import open_writer
from tfsep.creative.drums.hits import Hit
from tfsep.creative.excerpt import loudest_start_s, read_excerpt
from tfsep.creative.report import check_report, facts, hits_on_stem, players, spectrograms, write_page
from tfsep.errors import AudioError, UsageError

RATE_HZ = 8000


@pytest.fixture
def song(tmp_path):
    """Return a function that writes float32 `(samples, 1)` as a wav file."""

    def write(name: str, samples: np.ndarray):
        path = tmp_path / name
        with open_writer(path, sample_rate_hz=RATE_HZ, channels=1, subtype="float32") as writer:
            writer.write(samples.astype(np.float32))
        return path

    return write


def quiet_then_loud(seconds: int, loud: slice) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.01, (seconds * RATE_HZ, 1))
    noise[loud.start * RATE_HZ : loud.stop * RATE_HZ] *= 10
    return noise


def test_the_loudest_seconds_are_found_and_read(song):
    samples = quiet_then_loud(20, slice(11, 15))
    path = song("song.wav", samples)
    assert loudest_start_s(path, 4.0) == 11
    cut, rate_hz = read_excerpt(path, 11.0, 4.0)
    np.testing.assert_array_equal(cut, samples[11 * RATE_HZ : 15 * RATE_HZ].astype(np.float32))
    assert rate_hz == RATE_HZ
    assert loudest_start_s(path, 30.0) == 0  # the song is shorter
    assert len(read_excerpt(path, 25.0, 2.0)[0]) == 0


def test_players_find_files_whatever_their_names(tmp_path, song):
    odd = song('a "b" & #1 ü.wav', np.zeros((10, 1)))
    html = players({"<mix>": odd}, tmp_path / "pages" / "report.html")
    source = re.search(r'src="([^"]*)"', html)[1]
    assert "&lt;mix&gt;" in html
    assert (tmp_path / "pages" / unquote(source)).resolve(strict=False) == odd.resolve()


def test_names_that_are_not_utf_8(tmp_path, song):
    odd = song(os.fsdecode(b"caf\xe9.wav"), np.zeros((10, 1)))
    html = players({odd.stem: odd}, tmp_path / "report.html")
    assert 'src="caf%E9.wav"' in html
    write_page(tmp_path / "report.html", odd.stem, odd.name, [("Listen", html)])
    assert "caf?" in (tmp_path / "report.html").read_text("utf-8")


def test_hits_are_counted_in_the_seconds_that_are_drawn(song):
    pytest.importorskip("matplotlib")
    stem = song("drums.wav", quiet_then_loud(20, slice(10, 18)))
    hits = [Hit(1.0, "kick", 0.5), Hit(10.5, "snare", 1.0), Hit(17.9, "closed_hat", 0.2), Hit(18.1, "kick", 1.0)]
    html = hits_on_stem(stem, hits)
    assert "2 of 4 hits" in html
    assert html.count("data:image/png;base64,") == 2  # a light and a dark one


def test_spectrograms_of_silence_and_of_sound(song):
    pytest.importorskip("matplotlib")
    files = {"before": song("a.wav", quiet_then_loud(3, slice(1, 2))), "after": song("b.wav", np.zeros((3 * RATE_HZ, 1)))}
    assert spectrograms(files).count("<figcaption>") == 2
    assert spectrograms({"silent": files["after"]}).count("<figcaption>") == 1
    before = song("long.wav", quiet_then_loud(20, slice(11, 19)))
    assert spectrograms({"before": before, "ends too early": files["after"]}) == ""


def test_sounds_of_two_rates_share_one_axis(tmp_path, song):
    pytest.importorskip("matplotlib")
    narrow, wide = song("narrow.wav", quiet_then_loud(3, slice(0, 3))), tmp_path / "wide.wav"
    with open_writer(wide, sample_rate_hz=2 * RATE_HZ, channels=2, subtype="float32") as writer:
        writer.write(np.zeros((6 * RATE_HZ, 2), np.float32))
    assert spectrograms({"narrow": narrow, "wide": wide}).count("<figcaption>") == 2


def test_a_page_is_written_whole(tmp_path):
    path = tmp_path / "report.html"
    write_page(path, "A & B", "lead <1>", [("Facts", facts({"deck": "<a>"})), ("Empty", "")])
    html = path.read_text("utf-8")
    assert [part in html for part in ("A &amp; B", "lead &lt;1&gt;", "&lt;a&gt;", "Empty")] == [True, True, True, False]
    with pytest.raises(AudioError, match=r"report\.html"):
        write_page(tmp_path / "none" / "report.html", "A", "", [])


def test_a_page_that_is_there_stays(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "report.html"
    check_report(path, "drums", overwrite=False)
    path.write_text("old")
    with pytest.raises(UsageError, match=r"report\.html: is there already: use --overwrite"):
        check_report(path, "drums", overwrite=False)
    check_report(path, "drums", overwrite=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_report(tmp_path / "folder", "drums", overwrite=True)
