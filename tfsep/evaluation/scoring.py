"""Scores one song: each estimator separates it once, as a stream."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.errors import ModelError
from tfsep.evaluation.dataset import STEMS, Song, SongAudio, SongSums, read_song, sum_song
from tfsep.evaluation.drums import HitScore, score_hits
from tfsep.evaluation.estimators import MIXTURE_LABEL, SCALED_LABEL, Hpss, StreamingSeparator
from tfsep.evaluation.excerpts import ExcerptFinder, Picture
from tfsep.evaluation.metrics import BssEvalScore, ScoreAccumulator, bsseval
from tfsep.evaluation.result import SongResult, StemScore
from tfsep.evaluation.targets import Target, targets_of

Progress = Callable[[float], None]  # takes the share of the song that has been done since the last call


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured beyond SDR and SI-SDR, whole songs in memory: BSSEval v4 of all stems, hits and highs of drums."""

    bsseval: bool = False
    hits: bool = False


@dataclass(frozen=True, kw_only=True)
class Signals:
    """A whole song in memory, for what cannot be summed block by block: float32 `(samples, channels)` each."""

    mixture: np.ndarray
    stems: dict[str, np.ndarray]


def score_song(
    folder: Path,
    estimators: Mapping[str, StreamingSeparator],
    *,
    measures: Measures = Measures(),
    progress: Progress | None = None,
) -> tuple[SongResult, list[Picture]]:
    """Score every estimator, and the mixture itself, on one song.

    Args:
        folder: of the song.
        estimators: by label; the first one's best and worst excerpts are kept, and without a model the mixture is scored on
            all stems of the song.
        measures: for which the whole song is held in memory.
        progress: told of the share of the work that was done, 1 in all.
    Returns: the scores, and spectrograms of the excerpts.
    Raises: AudioError, DataError for a broken song, ModelError if a model fails on it.
    """
    song = read_song(folder)
    sums = sum_song(song)
    tell = progress or (lambda share: None)
    share = 1 / (len(estimators) + 1)
    tell(share)
    groups = {
        label: targets_of(estimator.stems, tuple(song.stems), complete=sums.complete) for label, estimator in estimators.items()
    }
    signals = _whole_song(song) if measures.bsseval or measures.hits else None
    extras = _Extras(song, sums, measures, signals) if signals else None
    scores, pictures = {}, []
    for index, (label, estimator) in enumerate(estimators.items()):
        run = _Run(song, sums, label, estimator, groups[label], extras, find_excerpts=index == 0)
        scores[label] = run.score(lambda done: tell(done * share))
        pictures += run.pictures
    scores |= _baseline_scores(song, sums, estimators, groups, extras)
    return _result(song, sums, scores, pictures), pictures


def _result(song: Song, sums: SongSums, scores: dict[str, dict[str, StemScore]], pictures: Sequence[Picture]) -> SongResult:
    notes = [*song.notes, *sums.warnings]
    contents = {}
    if song.missing:
        listed = ", ".join(song.missing)
        if sums.complete and "other" in song.stems:
            contents["other"] = "+".join(("other", *song.missing))
            notes.append(
                f"no file for {listed}: what there is of it lies in other, so the estimates of other and {listed} are summed "
                f"and scored as {contents['other']}"
            )
        elif sums.complete:
            notes.append(f"no file for {listed}: not scored")
        else:
            notes.append(
                f"no file for {listed}, and the mixture holds more than the stems that are there ({sums.residual_db:.1f} dB of "
                f"it): {listed} is not scored, and the other stems are scored by themselves"
            )
    silent = [stem for stem, score in scores[MIXTURE_LABEL].items() if score.sdr_db is None]
    if silent:
        notes.append(f"silent throughout, so without a score: {', '.join(silent)}")
    return SongResult(
        name=song.name,
        folder=str(song.folder),
        duration_s=sums.samples / sums.sample_rate_hz,
        sample_rate_hz=sums.sample_rate_hz,
        channels=sums.channels,
        genre=song.genre,
        contents=contents,
        notes=tuple(notes),
        scores=scores,
        excerpts=tuple(picture.excerpt for picture in pictures),
    )


def _baseline_scores(
    song: Song,
    sums: SongSums,
    estimators: Mapping[str, StreamingSeparator],
    groups: Mapping[str, tuple[Target, ...]],
    extras: "_Extras | None",
) -> dict[str, dict[str, StemScore]]:
    """Score the mixture, as it is and scaled, on whatever models are scored on; on all stems if there is no model."""
    of_models = [targets for label, targets in groups.items() if not isinstance(estimators[label], Hpss)]
    of_models = of_models or [targets_of(STEMS, tuple(song.stems), complete=sums.complete)]
    mixture: dict[str, ScoreAccumulator] = {}
    found: dict[str, _Extra] = {}
    for targets in (*of_models, *groups.values()):
        if any(target.label not in mixture for target in targets):
            mixture |= {target.label: _mixture_sums(song, sums, target) for target in targets}
            if extras:
                found |= extras.score(targets, {target.label: extras.mixture for target in targets})
    scaled = {label: scores.with_best_gain() for label, scores in mixture.items()}
    return {SCALED_LABEL: _stem_scores(scaled, {}), MIXTURE_LABEL: _stem_scores(mixture, found)}


def _mixture_sums(song: Song, sums: SongSums, target: Target) -> ScoreAccumulator:
    """Return the sums for the mixture as an estimate of `target`, out of the products of all signals."""
    chosen = np.array([name in target.references for name in song.stems], float)
    products = sums.products
    return ScoreAccumulator.from_sums(
        sums.samples * sums.channels,
        float(chosen @ products[:-1, :-1] @ chosen),
        float(products[-1, -1]),
        float(chosen @ products[:-1, -1]),
    )


@dataclass(frozen=True, kw_only=True)
class _Extra:
    """What `Measures` found of one stem."""

    bsseval: BssEvalScore | None = None
    hits: HitScore | None = None


def _stem_scores(scores: Mapping[str, ScoreAccumulator], extras: Mapping[str, _Extra]) -> dict[str, StemScore]:
    nothing = _Extra()
    return {
        label: StemScore(sdr_db=score.sdr_db, si_sdr_db=score.si_sdr_db, **vars(extras.get(label, nothing)))
        for label, score in scores.items()
    }


def _whole_song(song: Song) -> Signals:
    mixtures, stems = [], {name: [] for name in song.stems}
    with SongAudio(song) as audio:
        for mixture, blocks in audio.blocks():
            mixtures.append(mixture)
            for name, block in blocks.items():
                stems[name].append(block)
    return Signals(mixture=np.concatenate(mixtures), stems={name: np.concatenate(blocks) for name, blocks in stems.items()})


class _Extras:
    """Scores whole stems of one song by what `Measures` asks for."""

    def __init__(self, song: Song, sums: SongSums, measures: Measures, signals: Signals) -> None:
        self._measures, self._signals, self._sample_rate_hz = measures, signals, sums.sample_rate_hz
        self._hits_s = None if song.hits_s is None else np.array(song.hits_s)

    @property
    def mixture(self) -> np.ndarray:
        return self._signals.mixture

    def score(self, targets: Sequence[Target], estimates: Mapping[str, np.ndarray]) -> dict[str, _Extra]:
        """Score `estimates` by label."""
        bss = self._bsseval(targets, estimates) if self._measures.bsseval and targets else {}
        return {
            target.label: _Extra(bsseval=bss.get(target.label), hits=self._hits(target, estimates[target.label]))
            for target in targets
        }

    def _hits(self, target: Target, estimate: np.ndarray) -> HitScore | None:
        if not self._measures.hits or target.references != ("drums",):
            return None
        return score_hits(self._signals.stems["drums"], estimate, self._sample_rate_hz, self._hits_s)

    def _bsseval(self, targets: Sequence[Target], estimates: Mapping[str, np.ndarray]) -> dict[str, BssEvalScore | None]:
        """Score all stems together; stems of the song that no target takes are interference."""
        stems = self._signals.stems
        references = [sum(stems[name] for name in target.references) for target in targets]
        taken = {name for target in targets for name in target.references}
        left = [stem for name, stem in stems.items() if name not in taken]
        given = [estimates[target.label] for target in targets]
        if left:
            references.append(sum(left))
            given.append(np.zeros_like(references[-1]))
        scores = bsseval(np.stack(references), np.stack(given), self._sample_rate_hz)
        return {target.label: score for target, score in zip(targets, scores[: len(targets)], strict=True)}


class _Run:
    """One estimator on one song. `pictures` are there after `score`."""

    def __init__(
        self,
        song: Song,
        sums: SongSums,
        label: str,
        estimator: StreamingSeparator,
        targets: Sequence[Target],
        extras: _Extras | None,
        *,
        find_excerpts: bool,
    ) -> None:
        self._song, self._sums, self._label, self._estimator = song, sums, label, estimator
        self._targets, self._extras, self._find_excerpts = targets, extras, find_excerpts
        self._read: deque[np.ndarray] = (
            deque()
        )  # (stems + 1, samples, channels): what the estimator has taken, not yet given back
        self._held = 0
        self.pictures: list[Picture] = []

    def score(self, progress: Progress) -> dict[str, StemScore]:
        if not self._targets:
            progress(1.0)
            return {}
        sums = self._sums
        scores = {target.label: ScoreAccumulator() for target in self._targets}
        kept: dict[str, list[np.ndarray]] = {target.label: [] for target in self._targets}
        finder = self._finder()
        done = 0
        with SongAudio(self._song) as audio:
            blocks = self._mixture_blocks(audio)
            for block in self._estimator.stream(blocks, sample_rate_hz=sums.sample_rate_hz, channels=sums.channels):
                for target, mixture, reference, estimate in self._compared(block.stems):
                    scores[target.label].add(reference, estimate)
                    if finder and target is self._excerpt_target:
                        finder.add(mixture, reference, estimate)
                    if self._extras:
                        kept[target.label].append(estimate)
                count = len(next(iter(block.stems.values())))
                done += count
                progress(count / sums.samples)
        if done != sums.samples:
            raise ModelError(f"{self._label}: gave back {done:,} of the {sums.samples:,} samples of {self._song.folder}")
        self.pictures = finder.finish() if finder else []
        if not self._extras:
            return _stem_scores(scores, {})
        estimates = {label: np.concatenate(blocks) for label, blocks in kept.items()}
        return _stem_scores(scores, self._extras.score(self._targets, estimates))

    def _compared(self, stems: Mapping[str, np.ndarray]) -> Iterator[tuple[Target, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield mixture, reference and estimate of each target for one block of estimates."""
        taken = self._take(len(next(iter(stems.values()))))
        names = list(self._song.stems)
        for target in self._targets:
            reference = sum(taken[names.index(name)] for name in target.references)
            yield target, taken[-1], reference, sum(stems[name] for name in target.estimates)

    @property
    def _excerpt_target(self) -> Target:
        """Drums, or the first target of an estimator without."""
        return next((target for target in self._targets if target.label == "drums"), self._targets[0])

    def _finder(self) -> ExcerptFinder | None:
        if not self._find_excerpts:
            return None
        return ExcerptFinder(
            song=self._song.name,
            estimator=self._label,
            stem=self._excerpt_target.label,
            sample_rate_hz=self._sums.sample_rate_hz,
        )

    def _mixture_blocks(self, audio: SongAudio) -> Iterator[np.ndarray]:
        for mixture, stems in audio.blocks():
            self._read.append(np.stack([*stems.values(), mixture]))
            self._held += len(mixture)
            yield mixture

    def _take(self, count: int) -> np.ndarray:
        """Return the next `count` samples of the stems and the mixture, `(stems + 1, count, channels)`."""
        if count > self._held:
            raise ModelError(f"{self._label}: gave back more samples than it took of {self._song.folder}")
        pieces, missing = [], count
        while missing:
            block = self._read.popleft()
            if block.shape[1] > missing:
                self._read.appendleft(block[:, missing:])
                block = block[:, :missing]
            pieces.append(block)
            missing -= block.shape[1]
        self._held -= count
        if not pieces:
            return np.zeros((len(self._song.stems) + 1, 0, self._sums.channels), np.float32)
        return np.concatenate(pieces, axis=1)
