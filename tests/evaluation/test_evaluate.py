"""`evaluate` as a whole, on songs whose scores are known."""

import json
from functools import partial

import numpy as np
import pytest

from tfsep.errors import DataError, ModelError, UsageError
from tfsep.evaluation import Evaluation, evaluate, summarise
from tfsep.evaluation.summary import bootstrap_interval, genre_means, to_json


def energy(sound):
    return np.sum(sound.astype(np.float64) ** 2)


def gain_sdr_db(reference, mixture, gain):
    """SDR of `gain * mixture`, worked out from the whole signals."""
    return 10 * np.log10(energy(reference) / energy(reference - gain * mixture.astype(np.float64)))


@pytest.fixture
def gains():
    return {"drums": 0.5, "bass": 0.2, "other": 0.1, "vocals": 0.2}


def test_scores_are_those_of_the_whole_song(write_song, stems, gain_separator, gains):
    folder = write_song("song", stems, genre="funk")
    result = evaluate([gain_separator(gains)], [folder]).evaluation
    mixture = sum(stems.values())
    (song,) = result.songs
    assert (song.name, song.genre, song.duration_s, song.channels) == ("song", "funk", 20.0, 2)
    assert result.estimators == ("GainSeparator", "HPSS", "scaled mixture", "mixture")
    for stem, gain in gains.items():
        assert song.scores["GainSeparator"][stem].sdr_db == pytest.approx(gain_sdr_db(stems[stem], mixture, gain), abs=1e-3)
        assert song.scores["mixture"][stem].sdr_db == pytest.approx(gain_sdr_db(stems[stem], mixture, 1.0), abs=1e-3)
        # a gain changes nothing for SI-SDR, so that this separator is as good as the mixture
        assert song.scores["GainSeparator"][stem].si_sdr_db == pytest.approx(song.scores["mixture"][stem].si_sdr_db, abs=1e-3)
    assert set(song.scores["HPSS"]) == {"drums"}
    assert result.stems() == ("drums", "bass", "vocals", "other")


def test_estimates_meet_their_references_in_time(write_song, stems, oracle_separator):
    folder = write_song("song", stems)
    noise = 0.01
    (song,) = evaluate([oracle_separator(stems, noise)], [folder]).evaluation.songs
    for stem, sound in stems.items():
        expected = 10 * np.log10(np.mean(sound.astype(float) ** 2) / noise**2)
        assert song.scores["OracleSeparator"][stem].sdr_db == pytest.approx(expected, abs=0.05)


def test_estimate_of_a_missing_stem_counts_for_other(write_song, stems, oracle_separator):
    files = {"drums": stems["drums"], "other": stems["other"] + stems["bass"], "vocals": stems["vocals"]}
    folder = write_song("song", files)
    (song,) = evaluate([oracle_separator(stems, 1e-4)], [folder]).evaluation.songs
    assert song.contents == {"other": "other+bass"}
    assert song.scores["OracleSeparator"]["other"].sdr_db > 50
    assert "bass" not in song.scores["OracleSeparator"]
    assert any("other+bass" in note for note in song.notes)


def test_estimate_of_a_missing_stem_does_not_count_where_the_mixture_holds_it(write_song, stems, oracle_separator):
    files = {stem: stems[stem] for stem in ("drums", "other", "vocals")}
    folder = write_song("song", files, mixture=sum(stems.values()))
    (song,) = evaluate([oracle_separator(stems, 1e-4)], [folder]).evaluation.songs
    assert song.contents == {}
    assert song.scores["OracleSeparator"]["other"].sdr_db > 45
    assert any("bass is not scored" in note for note in song.notes)


def test_two_stems_are_compared_with_drums_and_the_sum_of_the_others(write_song, stems, gain_separator):
    folder = write_song("song", stems)
    (song,) = evaluate([gain_separator({"drums": 0.5, "accompaniment": 0.5})], [folder]).evaluation.songs
    mixture = sum(stems.values())
    scores = song.scores["GainSeparator"]
    assert set(scores) == {"drums", "rest"}
    assert scores["rest"].sdr_db == pytest.approx(gain_sdr_db(mixture - stems["drums"], mixture, 0.5), abs=1e-3)
    assert set(song.scores["mixture"]) == {"drums", "rest"}


def test_silent_reference_is_no_score_and_said(write_song, stems, gain_separator, gains):
    folder = write_song("song", stems | {"vocals": np.zeros_like(stems["vocals"])})
    outcome = evaluate([gain_separator(gains)], [folder])
    (song,) = outcome.evaluation.songs
    assert song.scores["GainSeparator"]["vocals"].sdr_db is None
    assert any("silent" in note and "vocals" in note for note in song.notes)
    assert all(row.stem != "vocals" for row in summarise(outcome.evaluation))


def test_without_a_model_the_baselines_are_scored(write_song, stems):
    result = evaluate([], [write_song("song", stems)]).evaluation
    assert result.estimators == ("HPSS", "scaled mixture", "mixture")
    assert set(result.songs[0].scores["mixture"]) == {"drums", "bass", "other", "vocals"}


def test_broken_songs_do_not_stop_the_others(write_song, stems, gain_separator, gains, tmp_path):
    for name in ("a", "b", "c"):
        write_song(name, stems)
    (tmp_path / "data" / "b" / "bass.wav").write_bytes(b"RIFF")
    told = []
    outcome = evaluate([gain_separator(gains)], [tmp_path / "data"], on_progress=lambda *progress: told.append(progress))
    assert [song.name for song in outcome.evaluation.songs] == ["a", "c"]
    (failure,) = outcome.evaluation.failures
    assert "bass.wav" in failure.error
    assert "\n" not in failure.error
    done = [progress[0] for progress in told]
    assert done == sorted(done)
    assert told[-1] == (3.0, 3, "c")


def test_processes_find_the_same(write_song, stems, tmp_path):
    write_song("a", {stem: sound[:16_000] for stem, sound in stems.items()})
    write_song("b", {stem: sound[:12_000] for stem, sound in stems.items()})
    folder = write_song("c", {stem: sound[:8_000] for stem, sound in stems.items()})
    (folder / "drums.wav").write_bytes(b"")
    alone, together = (evaluate([], [tmp_path / "data"], jobs=jobs) for jobs in (1, 2))
    assert together.evaluation.songs == alone.evaluation.songs
    assert together.evaluation.failures == alone.evaluation.failures
    assert [picture.excerpt for picture in together.pictures] == [picture.excerpt for picture in alone.pictures]


def test_model_that_loses_samples_is_an_error(write_song, stems, gain_separator, gains):
    folder = write_song("song", stems)
    result = evaluate([gain_separator(gains, lost_samples=3)], [folder]).evaluation
    assert "gave back 159,997 of the 160,000 samples" in result.failures[0].error


def test_json_round_trip_and_summary(write_song, stems, gain_separator, gains):
    for name, genre in (("a", "funk"), ("b", "jazz")):
        write_song(name, stems, genre=genre)
    data = write_song("c", stems).parent
    result = evaluate([gain_separator(gains)], [data], command="tfsep evaluate").evaluation
    fields = json.loads(json.dumps(to_json(result), allow_nan=False))
    assert Evaluation.from_json(fields) == result
    (row,) = [row for row in fields["summary"] if (row["estimator"], row["stem"]) == ("GainSeparator", "bass")]
    song = result.songs[0]
    gain_db = song.scores["GainSeparator"]["bass"].sdr_db - song.scores["mixture"]["bass"].sdr_db
    assert row["metrics"]["sdr_db"]["songs"] == 3
    assert row["metrics"]["sdr_db"]["gain"] == pytest.approx(gain_db)
    assert fields["genres"]["jazz"]["songs"] == 1
    means = genre_means(result)
    assert means["funk"][1]["mixture"]["drums"] == pytest.approx(song.scores["mixture"]["drums"].sdr_db)


def test_reading_something_else_is_refused(tmp_path):
    path = tmp_path / "scores.json"
    with pytest.raises(DataError, match="no such file"):
        Evaluation.read(path)
    for text in ("{", "[]", '{"format": "tfsep-evaluation", "version": 1}'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"scores.json: not an evaluation"):
            Evaluation.read(path)


def test_bootstrap_interval_of_normal_values(rng):
    values = rng.normal(3.0, 2.0, 400)
    low, high = bootstrap_interval(values)
    half = 1.96 * 2.0 / 20  # of the mean's normal interval
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)
    assert bootstrap_interval([1.0]) is None
    assert bootstrap_interval([2.0, 2.0]) == (2.0, 2.0)


def test_models_of_one_name_are_told_apart(write_song, stems, gain_separator, gains):
    folder = write_song("song", {stem: sound[:8000] for stem, sound in stems.items()})
    result = evaluate([gain_separator(gains), gain_separator(gains)], [folder]).evaluation
    assert [model.label for model in result.models] == ["GainSeparator", "GainSeparator (2)"]


def test_arguments_are_checked(write_song, stems, gain_separator, gains):
    run = partial(evaluate, data=[write_song("song", stems)])
    with pytest.raises(UsageError, match="jobs=0"):
        run([], jobs=0)
    with pytest.raises(UsageError, match="jobs=2: models in memory"):
        run([gain_separator(gains)], jobs=2)
    with pytest.raises(UsageError, match="GainSeparator: estimates piano, guitar"):
        run([gain_separator({"piano": 0.5, "guitar": 0.5})])
    with pytest.raises(UsageError, match="no data"):
        evaluate([], [])


def test_model_that_does_not_exist(write_song, stems, tmp_path):
    with pytest.raises((ModelError, UsageError), match=r"nowhere\.tflite"):
        evaluate([tmp_path / "nowhere.tflite"], [write_song("song", stems)])


def test_bsseval_beside_the_others(write_song, stems, gain_separator):
    from tfsep.errors import TfsepError
    from tfsep.evaluation.metrics import check_museval

    try:
        check_museval()
    except TfsepError as error:
        pytest.skip(str(error))
    short = {stem: sound[:20_000, :1] for stem, sound in stems.items()}
    outcome = evaluate([gain_separator({"drums": 0.5, "rest": 0.5})], [write_song("song", short)], with_bsseval=True)
    scores = outcome.evaluation.songs[0].scores
    drums, accompaniment = energy(short["drums"]), energy(sum(short.values()) - short["drums"])
    for label in ("GainSeparator", "mixture"):
        # scaling changes neither ratio; the filters explain a little of the interference
        assert scores[label]["drums"].bsseval.sir_db == pytest.approx(10 * np.log10(drums / accompaniment), abs=1.5)
        assert scores[label]["drums"].bsseval.sar_db > 60
    assert scores["HPSS"]["drums"].bsseval.sar_db < 30
    assert Evaluation.from_json(json.loads(json.dumps(to_json(outcome.evaluation)))) == outcome.evaluation


def test_hits_of_drums_beside_the_others(write_song, rng, gain_separator, oracle_separator):
    pytest.importorskip("librosa")
    pytest.importorskip("mir_eval")
    times_s = np.arange(1, 9) * 0.5
    stems = {name: np.zeros((5 * 44_100, 1), np.float32) for name in ("drums", "bass", "other", "vocals")}
    decay = np.exp(-np.arange(4000) / 500)[:, None]
    for time_s in times_s:
        start = int(time_s * 44_100)
        stems["drums"][start : start + 4000] += 0.3 * decay * rng.standard_normal((4000, 1))
    stems["other"] += 0.2 * np.sin(2 * np.pi * 440 * np.arange(5 * 44_100) / 44_100)[:, None]
    folder = write_song("song", stems, rate=44_100)
    muffled = gain_separator({"drums": 0.5, "other": 0.5})
    found = evaluate([oracle_separator(stems), muffled], [folder], with_hits=True).evaluation
    scores = found.songs[0].scores
    assert scores["OracleSeparator"]["drums"].hits.onset_f1 == 1
    assert scores["OracleSeparator"]["drums"].hits.lsd_highs_db == pytest.approx(0, abs=1e-3)
    assert 0 < scores["mixture"]["drums"].hits.lsd_highs_db < scores["GainSeparator"]["drums"].hits.lsd_highs_db < 6.1
    assert scores["OracleSeparator"]["other"].hits is None
    assert Evaluation.from_json(json.loads(json.dumps(to_json(found), allow_nan=False))) == found
    (folder / "song.json").write_text(json.dumps({"hits": [{"time_s": time_s} for time_s in times_s[:4]]}))
    told = evaluate([oracle_separator(stems)], [folder], with_hits=True).evaluation
    # all four are found, beside four that song.json does not know: precision 1/2, recall 1
    assert told.songs[0].scores["OracleSeparator"]["drums"].hits.onset_f1 == pytest.approx(2 / 3)
    (row,) = [row for row in summarise(told) if (row.estimator, row.stem) == ("OracleSeparator", "drums")]
    assert row.hits["onset_f1"].mean == pytest.approx(2 / 3)
