"""Excerpts, and the report as a page."""

import base64
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tfsep.errors import AudioError, MissingExtraError
from tfsep.evaluation import evaluate, write_report
from tfsep.evaluation.excerpts import LOWEST_HZ, ROWS, ExcerptFinder
from tfsep.evaluation.report import render_report

VOID = {"meta", "img", "source", "br"}


class Page(HTMLParser):
    """Checks that tags are closed in order; collects text and links."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.text, self.images = [], [], "", 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.images += tag == "img"
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def finder():
    return ExcerptFinder(song="song", estimator="model", stem="drums", sample_rate_hz=8000)


@pytest.fixture
def outcome(write_song, stems, gain_separator):
    pytest.importorskip("matplotlib")
    pytest.importorskip("scipy")
    write_song("a <song>", stems, genre="funk")
    folder = write_song("b", {stem: stems[stem] for stem in ("drums", "other", "vocals")}).parent
    broken = write_song("c", stems)
    (broken / "drums.wav").write_bytes(b"")
    separator = gain_separator({"drums": 0.5, "bass": 0.2, "other": 0.1, "vocals": 0.2})
    return evaluate([separator], [folder], command="tfsep evaluate --data 'x & y'")


@pytest.mark.parametrize("block_samples", [999, 200_000])
def test_best_and_worst_excerpts_are_found(rng, finder, block_samples):
    reference = rng.normal(0, 0.1, (8000 * 25, 2)).astype(np.float32)
    reference[48_000:96_000] = 0  # the second excerpt does not count
    level = np.repeat([0.05, 1.0, 0.01, 0.2, 0.1], 48_000)[: len(reference), None]
    noise = rng.normal(0, 0.1, reference.shape) * level
    estimate = (reference + noise).astype(np.float32)
    for start in range(0, len(reference), block_samples):
        part = slice(start, start + block_samples)
        finder.add(reference[part], reference[part], estimate[part])
    best, worst = finder.finish()
    assert (best.excerpt.kind, best.excerpt.start_s, best.excerpt.duration_s) == ("best", 12.0, 6.0)
    assert (worst.excerpt.kind, worst.excerpt.start_s) == ("worst", 18.0)  # the last second is no excerpt of its own
    assert best.excerpt.sdr_db == pytest.approx(40.0, abs=0.2)
    assert worst.excerpt.sdr_db == pytest.approx(20 * np.log10(1 / 0.2), abs=0.2)


def test_short_song_is_one_excerpt(rng, finder):
    sound = rng.normal(0, 0.1, (4000, 1)).astype(np.float32)
    finder.add(sound, sound, sound)
    (picture,) = finder.finish()
    assert picture.excerpt.duration_s == 0.5


def test_silence_is_no_excerpt(finder):
    silence = np.zeros((100_000, 1), np.float32)
    finder.add(silence, silence, silence)
    assert finder.finish() == []


def test_picture_shows_a_tone_in_its_row(finder):
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 8000))[:, None].astype(np.float32)
    finder.add(tone, tone, 0.01 * tone)
    (picture,) = finder.finish()
    row = ROWS * np.log(1000 / LOWEST_HZ) / np.log(4000 / LOWEST_HZ)
    assert abs(np.argmax(picture.mixture[:, 20]) - row) <= 1
    assert picture.mixture.max() == 255
    # 40 dB of 80 dB below
    assert picture.estimate[:, 20].max() == pytest.approx(127, abs=2)


def test_report_is_one_page_that_needs_nothing_else(outcome, tmp_path):
    path = tmp_path / "report.html"
    write_report(path, outcome.evaluation, outcome.pictures)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.links
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert page.images == 4 + 3 * len(outcome.pictures)
    assert len(page.links) == 2 * page.images  # for light and for dark pages
    for link in page.links:
        assert base64.b64decode(link.partition(",")[2]).startswith(b"\x89PNG")
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_report_says_what_was_found(outcome):
    page = Page(render_report(outcome.evaluation))
    song = outcome.evaluation.songs[0]
    for said in (
        "a <song>",
        "funk",
        "other+bass",
        "no file for bass",
        "tfsep evaluate --data 'x & y'",
        "1 song failed",
        "drums.wav",
        f"{song.scores['GainSeparator']['drums'].sdr_db:.2f}".replace("-", "−"),
        f"{song.scores['HPSS']['drums'].sdr_db:.2f}".replace("-", "−"),
    ):
        assert said in page.text


def test_report_of_nothing(outcome):
    nothing = replace(outcome.evaluation, songs=(), bsseval=True, hits=True)
    assert "No song was scored" in Page(render_report(nothing)).text


def test_failed_report_leaves_the_old_one(outcome, tmp_path):
    with pytest.raises(AudioError, match="does not exist"):
        write_report(tmp_path / "no" / "report.html", outcome.evaluation)
    assert not (tmp_path / "no").exists()


def test_without_matplotlib_the_extra_is_named(outcome, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"tfsep\[evaluate\]"):
        render_report(outcome.evaluation)
