"""Which estimates are compared with which references."""

import pytest

from tfsep.evaluation.targets import Target, residual_label, targets_of, unscored_stems

FOUR = ("drums", "bass", "other", "vocals")


def as_dict(targets: tuple[Target, ...]):
    return {target.label: (target.references, target.estimates) for target in targets}


def test_four_stems_meet_four_stems():
    expected = {stem: ((stem,), (stem,)) for stem in FOUR}
    assert as_dict(targets_of(FOUR, FOUR, complete=True)) == expected
    assert as_dict(targets_of(FOUR, FOUR, complete=False)) == expected


def test_a_stem_without_a_file_is_looked_for_in_other():
    targets = as_dict(targets_of(FOUR, ("drums", "other", "vocals"), complete=True))
    assert targets["other"] == (("other",), ("other", "bass"))
    assert "bass" not in targets


def test_a_stem_without_a_file_is_not_in_other_where_the_mixture_holds_more():
    targets = as_dict(targets_of(FOUR, ("drums", "other", "vocals"), complete=False))
    assert targets["other"] == (("other",), ("other",))


@pytest.mark.parametrize("rest", ["rest", "accompaniment", "instrumental", "other"])
def test_two_stems_meet_the_sum_of_the_others(rest):
    targets = as_dict(targets_of(("drums", rest), FOUR, complete=True))
    assert targets == {"drums": (("drums",), ("drums",)), "rest": (("bass", "other", "vocals"), (rest,))}


def test_two_stems_where_bass_lies_in_other():
    targets = as_dict(targets_of(("drums", "rest"), ("drums", "other", "vocals"), complete=True))
    assert targets["rest"] == (("other", "vocals"), ("rest",))


def test_two_stems_where_something_is_missing_altogether():
    targets = as_dict(targets_of(("drums", "rest"), ("drums", "other", "vocals"), complete=False))
    assert targets == {"drums": (("drums",), ("drums",))}


def test_three_stems():
    targets = as_dict(targets_of(("vocals", "drums", "other"), FOUR, complete=True))
    assert targets["bass+other"] == (("bass", "other"), ("other",))


def test_a_stem_that_no_song_has_belongs_to_other():
    targets = as_dict(targets_of((*FOUR, "piano"), ("drums", "other", "vocals"), complete=True))
    assert targets["other"] == (("other",), ("other", "piano", "bass"))


def test_song_without_other():
    assert set(as_dict(targets_of(FOUR, ("drums", "vocals"), complete=True))) == {"drums", "vocals"}


def test_labels_and_unscored_stems():
    assert residual_label(("vocals", "accompaniment")) == "drums+bass+other"
    assert unscored_stems(("drums", "piano")) == ("piano",)
    assert unscored_stems((*FOUR, "piano")) == ()
