import math

import pytest

from tfsep.creative.drums.hits import CLASSES, Hit, in_order


def test_hits_are_ordered_by_time_and_class():
    hits = [Hit(0.5, "tom", 1.0), Hit(0.25, "snare", 0.5), Hit(0.25, "kick", 0.1)]
    assert [(hit.time_s, hit.drum) for hit in in_order(hits)] == [(0.25, "kick"), (0.25, "snare"), (0.5, "tom")]


def test_there_are_seven_classes():
    assert CLASSES == ("kick", "snare", "closed_hat", "open_hat", "cymbal", "tom", "percussion")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0.0, "gong", 0.5), "drum='gong': use one of kick"),
        ((-0.1, "kick", 0.5), "time_s=-0.1"),
        ((math.nan, "kick", 0.5), "time_s=nan"),
        ((0.0, "kick", 0.0), "velocity=0.0"),
        ((0.0, "kick", 1.1), "velocity=1.1"),
    ],
)
def test_what_cannot_be_a_hit_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Hit(*values)
