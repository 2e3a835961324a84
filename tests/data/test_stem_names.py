import pytest

from tfsep.data.stem_names import NameRules, stem_by_words, words
from tfsep.errors import DataError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01_LeadVox-2 (DI)", ["01", "lead", "vox", "2", "di"]),
        ("ElecGtr1DT", ["elec", "gtr", "1", "dt"]),
        ("BVs & OHsLeft", ["bvs", "&", "ohs", "left"]),
        ("Kick+Snare and Hat", ["kick", "&", "snare", "&", "hat"]),
        ("Überflieger", ["überflieger"]),
        ("...", []),
    ],
)
def test_words(name, expected):
    assert words(name) == expected


# Names as they stand in sessions and on NI Stems.
NAMES = {
    "drums": "Kick, KickIn, 02_Kick Out, Snare_Top, SnareDown, SNR, HiHat, hh, Hats, Overheads, OH, OHL, Tom 1, FloorTom, Crash, "
    "Ride, Percussion, Drums, DrumsRoom, Drum Loop, Bass Drum, BD, TR808 Snare, Claps, Shaker, Tambourine, Congas, Breaks, Beats",
    "bass": "Bass, BassDI, Bass Gtr, Synth Bass, 808, Sub, SubBass, Double Bass, Acid Bassline, Upright",
    "vocals": "Vox, Vocals, LeadVox, Lead Vocal DT, BV, BVs 3, Backing Vox, Choir, Rap, Bass Vocal, Vocoder, Female Lead, Tenor 2",
    "other": "Other, Synth, Synths, Melody, Lead, Pads, Keys, Gtr 1, ElecGtr1, Acoustic Guitar, Piano, Strings, Harp, FX, Chords, "
    "Bass Clarinet, Alto Sax, Tenor Saxophone, Steel Drums, Arp, Atmos, Bell",
    "ignore": "Mixture, Mixdown, Full Mix, Rough Mix, MASTER, Song Mastered, Click, Metronome",
}


@pytest.mark.parametrize(("stem", "name"), [(stem, name) for stem, names in NAMES.items() for name in names.split(", ")])
def test_stem_by_words(stem, name):
    assert stem_by_words(words(name)) == stem


@pytest.mark.parametrize(
    "name", ["", "17", "Room", "Instrumental", "Sharp", "Kickstarter", "Tomorrow", "Embassy", "Drums & Bass", "Bass and Synth"]
)
def test_no_guess(name):
    assert stem_by_words(words(name)) is None


def test_joined_names_of_one_stem():
    assert stem_by_words(words("Kick & Snare")) == "drums"
    assert stem_by_words(words("Vox + Verb")) == "vocals"


def test_rules(tmp_path):
    path = tmp_path / "rules.json"
    assert NameRules.read(path).stem("anything") is None
    path.write_text('{"^fx/": "ignore", "fx|room": "drums", "Room": "other"}')
    rules = NameRules.read(path)
    assert [rules.stem(name) for name in ("FX/boom.wav", "a/FX.wav", "ROOM.wav", "kick.wav")] == [
        "ignore",
        "drums",
        "drums",
        None,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[1]", "use an object"),
        (b'{"(": "drums"}', r"'\(' is not a regular expression"),
        (b'{"a": "mixture"}', "given the stem 'mixture': use drums, bass, other, vocals or \"ignore\""),
        (b'{"a": 5}', "given the stem 5"),
        (b'{"a": "The Drums"}', "given the stem 'The Drums'"),
    ],
)
def test_bad_rules(tmp_path, content, message):
    path = tmp_path / "rules.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        NameRules.read(path)
    assert str(path) in str(raised.value)


def test_rules_that_are_a_folder(tmp_path):
    (tmp_path / "rules.json").mkdir()
    with pytest.raises(DataError, match=r"rules\.json: cannot be read"):
        NameRules.read(tmp_path / "rules.json")
