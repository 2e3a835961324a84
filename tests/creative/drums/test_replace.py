import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.creative.drums import replace
from tfsep.creative.drums.fit import Placed, choke_times_s
from tfsep.creative.drums.hits import Hit
from tfsep.creative.drums.replace import ReplacementCount, chooser, replace_hits
from tfsep.creative.drums.song_kit import HeldStem, SongKit, ended, song_kit
from tfsep.errors import DataError, UsageError

RATE_HZ = 44_100


def kick():
    time_s = np.arange(14_000) / RATE_HZ
    return np.sin(2 * np.pi * (55 * time_s + 3 * (1 - np.exp(-40 * time_s)))) * np.exp(-time_s / 0.08)


def hat():
    noise = np.random.default_rng(5).standard_normal(5000)
    return 0.3 * np.diff(noise, prepend=0) * np.exp(-np.arange(5000) / 1200)


def song(seconds=4, bleed=0.01):
    """Return a clean stem, a spoilt one, and its hits: kicks and hats that overlap, each at another level."""
    rng = np.random.default_rng(1)
    clean = np.zeros((round(seconds * RATE_HZ), 2), np.float32)
    hits = []
    for number in range(int(seconds / 0.25)):
        drum, sound = ("kick", kick()) if number % 2 == 0 else ("closed_hat", hat())
        time_s, level = 0.1 + 0.2371 * number, rng.uniform(0.4, 1)
        start = round(time_s * RATE_HZ)
        piece = level * sound[: len(clean) - start, None] * np.array([1.0, 0.6])
        clean[start : start + len(piece)] += piece.astype(np.float32)
        if len(piece):
            hits.append(Hit(time_s, drum, float(level)))
    return clean, clean + bleed * rng.standard_normal(clean.shape).astype(np.float32), hits


def sdr_db(clean, found):
    return 10 * np.log10(np.sum(clean**2) / np.sum((clean - found) ** 2))


def played(stem, hits, what="nearest", amount=1.0, count=None):
    held = HeldStem(stem, RATE_HZ)
    choose, _ = chooser(what, RATE_HZ)
    blocks = list(replace_hits(held, hits, song_kit(held, hits, choose), amount, count=count))
    return np.concatenate(blocks)


def mean_of_hits(drum, alike):
    return ended(alike.mean, alike.alone)


def test_what_repeats_comes_out_cleaner():
    clean, spoilt, hits = song()
    held, count = HeldStem(spoilt, RATE_HZ), ReplacementCount()
    kit = song_kit(held, hits, mean_of_hits)
    found = np.concatenate(list(replace_hits(held, hits, kit, 1.0, count=count)))
    assert sdr_db(clean, found) > sdr_db(clean, spoilt) + 3
    assert count.replaced == len(hits)
    assert {drum: len(samples) for drum, samples in kit.samples.items()} == {"kick": 1, "closed_hat": 1}


def test_a_clean_stem_is_played_as_it_was():
    clean, _, hits = song()
    assert sdr_db(clean, played(clean, hits)) > 20


def test_amount_0_leaves_the_stem_as_it_is():
    _, spoilt, hits = song()
    np.testing.assert_array_equal(played(spoilt, hits, amount=0.0), spoilt)


def test_amounts_cross_fade():
    _, spoilt, hits = song()
    half, whole = (played(spoilt, hits, amount=amount) for amount in (0.5, 1.0))
    np.testing.assert_allclose(half, (spoilt + whole) / 2, atol=1e-6)


def test_without_hits_the_stem_is_untouched():
    _, spoilt, _ = song(1.5)
    np.testing.assert_array_equal(played(spoilt, []), spoilt)


def test_a_hit_that_the_sample_does_not_explain_is_kept():
    _, spoilt, hits = song()
    kit = song_kit(
        HeldStem(spoilt, RATE_HZ), hits, lambda drum, alike: alike.mean if drum == "kick" else hat()[::-1].astype(np.float32)
    )
    count = ReplacementCount()
    out = np.concatenate(list(replace_hits(HeldStem(spoilt, RATE_HZ), hits, kit, 1.0, count=count)))
    assert count.badly_fitted == sum(hit.drum == "closed_hat" for hit in hits)
    start = round(hits[1].time_s * RATE_HZ)
    np.testing.assert_allclose(out[start : start + 2000], spoilt[start : start + 2000], atol=1e-6)


def test_blocks_are_short_and_the_stem_keeps_its_length():
    _, spoilt, hits = song(2.5)
    held = HeldStem(spoilt, RATE_HZ)
    blocks = list(replace_hits(held, hits, song_kit(held, hits, mean_of_hits), 1.0))
    assert max(map(len, blocks)) <= replace.BLOCK_S * RATE_HZ
    assert sum(map(len, blocks)) == len(spoilt)


def in_blocks(monkeypatch, block_s, placed):
    """Return what comes out of 2 s of silence with hits, drum: (place in s, start in s, length in s, explained), that ring at 1."""
    placed_at = {
        drum: (round(start_s * RATE_HZ), round(length_s * RATE_HZ)) for drum, (_, start_s, length_s, _) in placed.items()
    }

    def place(stem, hit, kit, choked_at_s):
        start, length = placed_at[hit.drum]
        return Placed(hit, start, np.repeat([[1.0, 0.0]], length, axis=0), np.zeros((2, 1)))

    def fit_gains(sound, first, known, rate_hz):
        for each in known:
            each.gains[:], each.explained = 1, placed[each.hit.drum][3]

    monkeypatch.setattr(replace, "place", place)
    monkeypatch.setattr(replace, "fit_gains", fit_gains)
    monkeypatch.setattr(replace, "BLOCK_S", block_s)
    hits = [Hit(time_s, drum, 1.0) for drum, (time_s, *_) in placed.items()]
    stem = HeldStem(np.zeros((2 * RATE_HZ, 1), np.float32), RATE_HZ)
    return np.concatenate(list(replace_hits(stem, hits, SongKit({}), 1.0)))[:, 0]


@pytest.mark.parametrize("block_s", [0.01, 0.25, 1.0])
@pytest.mark.parametrize(
    "placed",
    [
        # a short hat is kept for a bad fit, under a cymbal, beyond the seam at 1 s at which it has ended
        {"cymbal": (0.2, 0.2, 1.5, 1.0), "closed_hat": (0.94, 0.94, 0.03, 0.0)},
        # the later hit is placed before the seam, the earlier one behind it
        {"snare": (1.001, 1.005, 0.2, 1.0), "tom": (1.002, 0.998, 0.2, 1.0)},
    ],
)
def test_what_comes_out_does_not_depend_on_the_blocks(monkeypatch, placed, block_s):
    whole = in_blocks(monkeypatch, 10.0, placed)
    assert whole.max() >= 1
    np.testing.assert_array_equal(in_blocks(monkeypatch, block_s, placed), whole)


def test_a_drum_without_a_sample_is_left_and_said(tmp_path):
    _, spoilt, hits = song()
    Audio(kick()[:, None].astype(np.float32), RATE_HZ).write(tmp_path / "kick.wav", "float32")
    choose, notes = chooser(str(tmp_path), RATE_HZ)
    held, count = HeldStem(spoilt, RATE_HZ), ReplacementCount()
    kit = song_kit(held, hits, choose)
    np.concatenate(list(replace_hits(held, hits, kit, 1.0, count=count)))
    assert set(kit.samples) == {"kick"}
    assert count.without_sample == sum(hit.drum == "closed_hat" for hit in hits)
    assert len(notes) == 1
    assert "closed_hat" in notes[0]


@pytest.mark.parametrize("amount", [-0.1, 1.01, float("nan")])
def test_an_amount_out_of_range_is_named(amount):
    _, spoilt, hits = song(1)
    held = HeldStem(spoilt, RATE_HZ)
    with pytest.raises(UsageError, match="--amount"):
        replace_hits(held, hits, song_kit(held, [], mean_of_hits), amount)


def test_a_kit_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        chooser(str(tmp_path / "nowhere"), RATE_HZ)


def test_hats_choke_each_other_and_cymbals_ring():
    hits = [Hit(0.1, "open_hat", 1.0), Hit(0.2, "cymbal", 1.0), Hit(0.3, "closed_hat", 1.0), Hit(0.4, "cymbal", 1.0)]
    assert choke_times_s(hits) == [0.3, None, None, None]
