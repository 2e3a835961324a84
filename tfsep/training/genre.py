"""Training a genre classifier: excerpts, a few epochs, calibration on songs set apart."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np

from tfsep.contract_genre import LOGITS, GenreContract
from tfsep.data.genres import FAMILIES
from tfsep.errors import DataError, TrainingError
from tfsep.models.genre_classifier import WIDTHS, build_genre_classifier
from tfsep.training.genre_bundle import GenreBundle
from tfsep.training.genre_data import Excerpts, GenreSong, divided
from tfsep.training.genre_scores import GenreScores, best_temperature, genre_scores, negative_log_likelihood, softmax

MOST_HIDDEN = (0.2, 0.15)  # of an excerpt's frames and of its bands


@dataclass(frozen=True, kw_only=True)
class GenreTrainingConfig:
    """What training does.

    Attributes:
        excerpts_per_song: made once, and heard in each epoch.
        calibration_share: of the songs that are set apart, to choose the epoch and to fit the temperature.

    Raises: ValueError from a field out of range.
    """

    epochs: int = 40
    excerpts_per_song: int = 8
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    dropout: float = 0.3
    label_smoothing: float = 0.05
    widths: tuple[int, ...] = WIDTHS
    calibration_share: float = 0.15
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "excerpts_per_song", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        for name in ("dropout", "label_smoothing", "weight_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 0 to less than 1")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate={self.learning_rate}: use more than 0 and less than 1")
        if not 0 < self.calibration_share < 0.5:
            raise ValueError(f"calibration_share={self.calibration_share}: use more than 0 and less than 0.5")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: use 0 to {2**32 - 1}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"widths": list(self.widths)}


class _Batches(keras.utils.PyDataset):
    """Shuffled batches; float16 in memory, since log-mel spectra need no more.

    In each excerpt a stretch of time and one of the bands are hidden (SpecAugment, Park et al. 2019, arXiv 1904.08779), others
    each time.
    """

    def __init__(self, heard: np.ndarray, labels: np.ndarray, weights: np.ndarray, batch: int, rng: np.random.Generator):
        super().__init__()
        self._heard, self._labels, self._weights, self._batch, self._rng = heard, labels, weights, batch, rng
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self._labels) // self._batch)

    def __getitem__(self, index):
        rows = np.sort(self._order[index * self._batch : (index + 1) * self._batch])
        heard = self._heard[rows].astype(np.float32)
        for each in heard:
            for axis, share in enumerate(MOST_HIDDEN):
                width = int(self._rng.integers(0, int(share * each.shape[axis]) + 1))
                start = int(self._rng.integers(0, each.shape[axis] - width + 1))
                np.moveaxis(each, axis, 0)[start : start + width] = each.mean()
        return heard, self._labels[rows], self._weights[rows]

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._labels))


def train_genre_classifier(
    config: GenreTrainingConfig,
    contract: GenreContract,
    songs: Sequence[GenreSong],
    *,
    record: dict[str, Any],
    tell: Callable[[str], None],
) -> tuple[GenreBundle, dict[str, GenreScores]]:
    """Train and calibrate.

    Every family counts as much as any other, however many songs it has: probabilities are those of a listener who expects all
    families alike.

    Args:
        contract: its families, temperature and training are set here.
        songs: to learn from; some of them are set apart for choosing and calibrating.
        record: JSON values, kept with the classifier.
        tell: shown a line for each epoch.
    Returns: the classifier, and its scores on the songs set apart.
    Raises: DataError if fewer than two families have songs, or one has too few to set any apart; TrainingError if the loss
        is not finite.
    """
    families = tuple(family for family in FAMILIES if any(song.family == family for song in songs))
    if len(families) < 2:
        raise DataError(f"the songs are all of the family {families}: add songs of others of {', '.join(FAMILIES)}")
    learnt, judged = divided(songs, config.calibration_share, config.seed)
    for family in families:
        if not all(any(song.family == family for song in part) for part in (learnt, judged)):
            count = sum(song.family == family for song in songs)
            raise DataError(
                f"family {family}: its {count} songs are too few to set {config.calibration_share:.0%} apart, or of one artist: "
                "add songs, or leave the family out"
            )
    contract = replace(contract, families=families)
    keras.utils.set_random_seed(config.seed)
    rng, excerpts = np.random.default_rng(config.seed), Excerpts(contract)
    batches = _batches(config, contract, learnt, rng)
    classifier = build_genre_classifier(contract, config.widths, dropout=config.dropout)
    _normalise(classifier, batches)
    heard = [excerpts.of_song(song) for song in judged]
    temperature = _fit(config, classifier, batches, heard, _labels(judged, families), tell)
    training = {
        "config": config.to_json(), "songs": {family: sum(song.family == family for song in learnt) for family in families},
        "calibration_songs": len(judged), **record,
    }  # fmt: skip
    bundle = GenreBundle(replace(contract, temperature=temperature, training=training), tuple(config.widths), classifier)
    return bundle, {"calibration": score_songs(bundle, judged)}


def score_songs(bundle: GenreBundle, songs: Sequence[GenreSong]) -> GenreScores:
    """Score a classifier on songs of families that it knows. Raises: DataError if there is none that has sound."""
    contract = bundle.contract
    unknown = sorted({song.family for song in songs} - set(contract.families))
    if unknown:
        raise DataError(
            f"songs of the families {', '.join(unknown)}, the classifier was trained on {', '.join(contract.families)}"
        )
    excerpts = Excerpts(contract)
    logits, there = _song_logits(bundle.classifier, [excerpts.of_song(song) for song in songs])
    if not there.any():
        raise DataError(f"all {len(songs)} songs are silent: use others")
    labels = _labels(songs, contract.families)[there]
    probabilities = softmax(logits, contract.temperature)
    return genre_scores(probabilities, labels, contract.families, silent=int((~there).sum()))


def _labels(songs: Sequence[GenreSong], families: Sequence[str]) -> np.ndarray:
    return np.array([families.index(song.family) for song in songs])


def _batches(
    config: GenreTrainingConfig, contract: GenreContract, songs: Sequence[GenreSong], rng: np.random.Generator
) -> _Batches:
    excerpts = Excerpts(contract)
    heard = [excerpts.varied(song, rng, config.excerpts_per_song).astype(np.float16) for song in songs]
    labels = np.repeat(_labels(songs, contract.families), [len(each) for each in heard])
    counts = np.bincount(labels, minlength=len(contract.families))
    if not counts.all():
        raise DataError(f"all songs of the family {contract.families[int(np.argmin(counts))]} are silent: use others")
    weights = (len(labels) / len(counts) / counts)[labels].astype(np.float32)
    one_hot = np.eye(len(counts), dtype=np.float32)[labels]
    return _Batches(np.concatenate(heard), one_hot, weights, config.batch, rng)


def _normalise(classifier: keras.Model, batches: _Batches) -> None:
    """Set mean and scale of each band from some of the excerpts."""
    values = np.concatenate([batches[index][0] for index in range(min(30, len(batches)))]).astype(np.float64)
    mean, deviation = values.mean(axis=(0, 1, 3)), values.std(axis=(0, 1, 3))
    layer = classifier.get_layer("normalise")
    layer.mean.assign(mean[:, np.newaxis])
    layer.scale.assign(1 / (deviation[:, np.newaxis] + 0.1))


def _fit(
    config: GenreTrainingConfig,
    classifier: keras.Model,
    batches: _Batches,
    heard: list[np.ndarray],
    labels: np.ndarray,
    tell: Callable[[str], None],
) -> float:
    """Train; leave the weights of the epoch that is best on the songs set apart in the classifier; return its temperature."""
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.epochs * len(batches), alpha=0.01)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    classifier.compile(keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay), {LOGITS: loss}, jit_compile=False)
    best, chosen, temperature = float("inf"), [], 1.0
    for epoch in range(config.epochs):
        fitted = classifier.fit(batches, verbose=0)
        train_loss = fitted.history["loss"][0]
        if not np.isfinite(train_loss):
            raise TrainingError(f"epoch {epoch + 1}: the loss is {train_loss}: use a lower learning rate, or check the data")
        logits, there = _song_logits(classifier, heard)
        value = best_temperature(logits, labels[there])
        log_loss = negative_log_likelihood(softmax(logits, value), labels[there])
        accuracy = float((logits.argmax(axis=1) == labels[there]).mean())
        tell(
            f"epoch {epoch + 1}/{config.epochs}: loss {train_loss:.3f}; set apart: {accuracy:.1%} right, log loss {log_loss:.3f}"
        )
        if log_loss < best:
            best, temperature, chosen = log_loss, value, classifier.get_weights()
    classifier.set_weights(chosen)
    return temperature


def _song_logits(classifier: keras.Model, heard: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean logits of each song that has sound, and which songs those are."""
    there = np.array([len(each) > 0 for each in heard], bool)
    flat = np.concatenate(heard)
    logits = np.asarray(classifier.predict(flat, batch_size=64, verbose=0)[LOGITS]) if len(flat) else flat
    ends = np.cumsum([len(each) for each in heard])
    return np.array([part.mean(axis=0) for part in np.split(logits, ends[:-1]) if len(part)]), there
