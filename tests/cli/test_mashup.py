from pathlib import Path
from types import SimpleNamespace

import pytest

import tfsep.cli
from tfsep.cli.mashup import _settings
from tfsep.creative.mashup import MashupSettings
from tfsep.errors import AudioError


@pytest.fixture
def mashup(tmp_path, monkeypatch, capfd):
    """Return a function that runs `tfsep mashup` in tmp_path and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("mashup",))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = tfsep.cli.main(["mashup", *arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], MashupSettings()),
        (["--drums", "A", "--rest", "B"], MashupSettings()),
        (["--vocals", "b", "--rest", "a"], MashupSettings(drums="A", bass="A", other="A", vocals="B")),
        (["--drums", "A", "--bass", "B", "--other", "None", "--vocals", "B"], MashupSettings(other="none")),
        (["--stretch", "a", "--key-shift", "-2", "--bars", "16"], MashupSettings(stretch="A", key_shift=-2, bars=16)),
        (["--key-shift", "auto", "--bpm", "124.5"], MashupSettings(key_shift="auto", bpm=124.5)),
        (["--start-a", "9", "--start-b", "17", "--tempo-b", "87"], MashupSettings(start_a=9, start_b=17, tempo_b=87)),
    ],
)
def test_options(monkeypatch, arguments, expected):
    monkeypatch.setattr(tfsep.cli, "COMMANDS", ("mashup",))
    assert _settings(tfsep.cli.build_parser().parse_args(["mashup", "a.wav", "b.wav", *arguments])) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--drums", "A"], "bass, other, vocals: say which deck they come from"),
        (["--rest", "A"], "no stem comes from deck B"),
        (["--key-shift", "x"], "--key-shift x: use auto or -2 to 2"),
        (["--key-shift", "5"], "--key-shift 5: use auto or -2 to 2"),
        (["--format", "ogg"], "--format ogg: use one of wav, flac, mp3"),
        (["--plot", "p.pdf"], "--plot p.pdf: name it something.png"),
        (["--plot", "none/p.png"], "--plot none/p.png: there is no folder none: make it first"),
    ],
)
def test_what_cannot_be_followed(mashup, make_wav, arguments, message):
    make_wav("a.wav")
    make_wav("b.wav")
    code, _, err = mashup("a.wav", "b.wav", *arguments)
    assert code == 2
    assert message in err


def test_a_report_that_is_there_stays(mashup, make_wav, tmp_path):
    pytest.importorskip("matplotlib")
    make_wav("a.wav")
    make_wav("b.wav")
    (tmp_path / "mashups" / "a_x_b").mkdir(parents=True)
    (tmp_path / "mashups" / "a_x_b" / "report.html").write_text("old")
    code, _, err = mashup("a.wav", "b.wav", "--report")
    assert code == 2
    assert "report.html: is there already: use --overwrite" in err


def test_a_missing_song(mashup, make_wav):
    make_wav("a.wav")
    code, _, err = mashup("a.wav", "b.wav")
    assert code == 1
    assert "b.wav: there is no such file" in err


def test_what_was_made_is_told_before_it_is_drawn(mashup, monkeypatch):
    deck = SimpleNamespace(name="A", path=Path("a.wav"), beats=SimpleNamespace(bpm=120.0), key=None)
    played = SimpleNamespace(deck=deck, start_bar=0, beats=SimpleNamespace(bars=4), speed=1.0, semitones=0)
    made = SimpleNamespace(
        decks=(played,),
        alignment=SimpleNamespace(bars=4),
        bpm=120.0,
        duration_s=8.0,
        limited_db=0.0,
        notes=("a.wav: odd",),
        files={"mix": Path("mashups/a_x_b/mix.wav")},
    )

    def fail(path, result):
        raise AudioError(f"{path}: the disk is full")

    monkeypatch.setattr("tfsep.creative.mashup.mash_up", lambda *args, **options: made)
    monkeypatch.setattr("tfsep.creative.mashup.plot.write_plot", fail)
    code, out, err = mashup("a.wav", "b.wav", "--plot", "p.png")
    assert code == 1
    assert "4 bars, 8.0 s at 120.0 BPM, in mashups/a_x_b" in out
    assert err.index("a.wav: odd") < err.index("p.png: the disk is full")


def test_silence_with_the_shipped_model(mashup, make_wav, tmp_path):
    make_wav("a.wav")
    make_wav("b.wav")
    code, _, err = mashup("a.wav", "b.wav", "--out", "out")
    assert code == 1
    assert "a.wav: is silent: choose another song for deck A" in err
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.wav", "b.wav"]


@pytest.fixture
def make_wav(tmp_path):
    """Return a function that writes two seconds of silence."""
    import numpy as np

    from tfsep.audio import Audio

    return lambda name: Audio(np.zeros((16_000, 1), np.float32), 8000).write(tmp_path / name)
