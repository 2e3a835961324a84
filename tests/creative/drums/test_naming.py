from pathlib import Path

import pytest

from tfsep.contract_drums import CLASSES
from tfsep.creative.drums.naming import drum_of

NAMES = {
    "kick": ["Kick 01.wav", "BD_3.wav", "kicks/dry.wav"],
    "snare": ["snare.wav", "claps and snares/SNR-2.flac", "Snare rim.wav"],
    "closed_hat": [
        "hat.wav", "HiHat_Closed.wav", "closed hats/1.wav", "open and closed hats/hat closed.wav", "hats/closed/1.wav",
        "hats/closed/hat.wav",
    ],
    "open_hat": ["OpenHat.wav", "Open Hats/01.wav", "open hats/hat 2.wav", "hats/open/1.wav", "closed hats/open hat.wav"],
    "cymbal": ["crash.wav", "ride bell.wav"],
    "tom": ["Toms/floor.wav"],
    "percussion": [
        "clap.wav", "finger snap.wav", "Rim 01.wav", "snares/rimshot.wav", "side stick.wav", "Shaker.wav", "Maracas.wav", "cabasa.wav",
        "tambourine.wav", "hats/shaker.wav", "claps/01.wav", "cowbell.wav", "snares/conga.wav", "01.wav",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("drum", "name"), [(drum, name) for drum, names in NAMES.items() for name in names])
def test_names_tell_the_transcribers_classes(drum, name):
    assert drum_of(Path("kit", name), Path("kit"), lambda: 0.1) == drum


def test_every_class_has_names():
    assert tuple(NAMES) == CLASSES


def test_a_hat_that_does_not_say_is_open_if_it_rings():
    assert drum_of(Path("kit/hat.wav"), Path("kit"), lambda: 0.6) == "open_hat"
    assert drum_of(Path("kit/closed/hat.wav"), Path("kit"), lambda: 0.6) == "open_hat"  # it may be of anything
    assert drum_of(Path("kit/closed hats/hat.wav"), Path("kit"), lambda: 0.6) == "closed_hat"
