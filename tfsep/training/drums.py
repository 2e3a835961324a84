"""Training a drum transcriber: random crops of stems, the average of its weights, thresholds from songs set apart."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from tfsep.contract_drums import ONSETS, VELOCITIES, DrumContract
from tfsep.dsp.peaks import sigmoid
from tfsep.errors import DataError, TrainingError
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts
from tfsep.training.drum_bundle import DrumBundle, DrumNetwork
from tfsep.training.drum_data import LearntStem, targets, varied
from tfsep.training.drum_scores import Counts, best_thresholds, counts_at

CHECKPOINT = "checkpoint.npz"
BEST = "best"


@dataclass(frozen=True, kw_only=True)
class DrumTrainingConfig:
    """What training does.

    Attributes:
        rounds: of `steps`; after each the songs set apart are scored and a checkpoint is written.
        separated_share: of the crops, that come from separated stems where there are any.
        apart_share: of the songs that are set apart, to choose the round and to fit the thresholds.
        rarest_weight: by which a frame with a hit of the rarest class counts more than one without, at most.

    Raises: ValueError from a field out of range.
    """

    rounds: int = 12
    steps: int = 300
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    averaging: float = 0.995
    separated_share: float = 0.4
    apart_share: float = 0.05
    rarest_weight: float = 8.0
    velocity_weight: float = 3.0
    network: DrumNetwork = field(default_factory=DrumNetwork)
    seed: int = 0

    def __post_init__(self):
        for name in ("rounds", "steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        for name in ("weight_decay", "averaging", "separated_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 0 to less than 1")
        for name in ("learning_rate", "apart_share"):
            if not 0 < getattr(self, name) < 0.5:
                raise ValueError(f"{name}={getattr(self, name)}: use more than 0 and less than 0.5")
        if self.rarest_weight < 1 or self.velocity_weight < 0:
            raise ValueError(
                f"rarest_weight={self.rarest_weight}, velocity_weight={self.velocity_weight}: use at least 1, and at least 0"
            )
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed={self.seed}: use 0 to {2**32 - 1}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        network = {name: list(size) if isinstance(size, tuple) else size for name, size in asdict(self.network).items()}
        return asdict(self) | {"network": network}


@dataclass(frozen=True)
class DrumScores:
    """Counts of each class on the songs set apart: of clean stems, and of separated ones, empty where there are none."""

    clean: tuple[Counts, ...]
    separated: tuple[Counts, ...]

    @property
    def mean_f1(self) -> float:
        """Mean F1 over kinds of stem and the classes that occur in them."""
        return float(np.mean([counts.f1 for counts in (*self.clean, *self.separated) if counts.true]))


def set_apart(stems: Sequence[LearntStem], share: float, seed: int) -> tuple[list[LearntStem], list[LearntStem]]:
    """Return the stems of most songs, and those of about a `share` of the songs, one at least.

    Raises: DataError for one song, or if no song that is set apart has a hit.
    """
    names = sorted({stem.name for stem in stems})
    if len(names) < 2:
        raise DataError(f"{len(names)} songs to learn from: add some, since a part of them is set apart")
    count = max(1, round(share * len(names)))
    apart = set(np.random.default_rng(seed).permutation(names)[:count])
    few = [stem for stem in stems if stem.name in apart]
    if not any(len(stem.hits.times_s) for stem in few):
        raise DataError(
            f"no hits in {', '.join(sorted(apart))}, set apart to score rounds by: use another --seed, or more songs"
        )
    return [stem for stem in stems if stem.name not in apart], few


class CropSource:
    """Random crops of stems: from anywhere, songs alike, varied; of what was separated `separated_share`."""

    def __init__(self, stems: Sequence[LearntStem], contract: DrumContract, config: DrumTrainingConfig):
        self._contract, self._config = contract, config
        self._kinds = [[stem for stem in stems if stem.separated is separated] for separated in (False, True)]

    def batch(self, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return inputs and targets by the output's name, see `targets`."""
        crops = [self._crop(rng) for _ in range(self._config.batch)]
        heard, onsets, velocities = (np.stack(parts) for parts in zip(*crops, strict=True))
        return heard[..., np.newaxis], {ONSETS: onsets, VELOCITIES: velocities}

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        clean, separated = self._kinds
        stems = separated if separated and (not clean or rng.random() < self._config.separated_share) else clean
        stem, frames = stems[rng.integers(len(stems))], self._contract.spec.frames
        first = int(rng.integers(-(frames // 4), max(1, len(stem.mel) - 3 * frames // 4)))  # edges of songs are heard as well
        mel = np.zeros((frames, self._contract.mel_bands), np.float16)
        inside = stem.mel[max(0, first) : first + frames]
        mel[max(0, -first) :][: len(inside)] = inside
        return varied(mel, rng, self._contract), *targets(stem.hits, first, frames, self._contract)


def train_drum_transcriber(
    config: DrumTrainingConfig,
    contract: DrumContract,
    stems: Sequence[LearntStem],
    out: Path,
    *,
    record: dict[str, Any],
    tell: Callable[[str], None],
) -> tuple[DrumBundle, DrumScores]:
    """Train, or go on with training that was stopped; the best round so far is in `out/best` after each.

    Args:
        contract: its thresholds and training are set here.
        stems: to learn from; those of some songs are set apart, for choosing the round and fitting the thresholds.
        out: folder that exists; holds `checkpoint.npz` and `best`.
        record: JSON values, kept with the transcriber.
        tell: shown a line for each round.
    Returns: the transcriber of the best round, and its scores on the songs set apart.
    Raises: DataError for fewer than two songs, or none with a hit to score rounds by; TrainingError if the loss is not finite or
        for a checkpoint of another configuration or other songs; ModelError for one of another network.
    """
    learnt, judged = set_apart(stems, config.apart_share, config.seed)
    crops = CropSource(learnt, contract, config)
    keras.utils.set_random_seed(config.seed)
    transcriber = config.network.build(contract)
    _normalise(transcriber, crops, config)
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.rounds * config.steps, alpha=0.02)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.weight_decay, clipnorm=1.0)
    losses = {ONSETS: OnsetLoss(_weights(learnt, contract, config)), VELOCITIES: velocity_loss}
    transcriber.compile(optimizer, losses, loss_weights={ONSETS: 1.0, VELOCITIES: config.velocity_weight}, jit_compile=False)
    optimizer.build(transcriber.trainable_variables)
    average = AveragedWeights(transcriber.weights, config.averaging)
    parts = {"transcriber": transcriber.weights, "optimizer": optimizer.variables}
    progress: dict[str, Any] = {"round": 0, "best": -1.0, "config": config.to_json(), "stems": _told_apart(stems)}
    if (out / CHECKPOINT).exists():
        progress = _resume(out / CHECKPOINT, parts, average, progress)
        tell(f"going on after round {progress['round']}")
    judge = config.network.build(contract)
    for number in range(progress["round"], config.rounds):
        loss = _round(transcriber, crops, average, np.random.default_rng((config.seed, number)), config.steps)
        if not np.isfinite(loss):
            raise TrainingError(f"round {number + 1}: the loss is {loss}: use a lower learning rate, or check the data")
        judge.set_weights(average.values)
        scores, thresholds = judged_scores(judge, judged, contract)
        tell(f"round {number + 1}/{config.rounds}: loss {loss:.4f}; set apart: {_line(scores, contract)}")
        if scores.mean_f1 > progress["best"]:
            progress["best"] = scores.mean_f1
            training = {
                "config": config.to_json(), "round": number + 1, "songs": len({stem.name for stem in learnt}),
                "separated_songs": sum(stem.separated for stem in learnt), "songs_set_apart": len({stem.name for stem in judged}),
                **record,
            }  # fmt: skip
            DrumBundle(replace(contract, thresholds=thresholds, training=training), config.network, judge).write(out / BEST)
        progress["round"] = number + 1
        save_parts(out / CHECKPOINT, parts, average, progress)
    bundle = DrumBundle.load(out / BEST)
    return bundle, judged_scores(bundle.transcriber, judged, contract)[0]


@keras.saving.register_keras_serializable(package="tfsep")
class OnsetLoss(keras.losses.Loss):
    """Binary cross-entropy of logits; frames with a hit count more, by a weight for each class `(classes,)`."""

    def __init__(self, weights: np.ndarray):
        super().__init__(name="onset_loss")
        self.weights = np.asarray(weights, np.float32)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each crop and frame, `(batch, frames)`."""
        softplus = ops.softplus(-ops.abs(y_pred))
        likely = ops.relu(y_pred) - y_pred * y_true + softplus
        return ops.mean(likely * (1 + (self.weights - 1) * y_true), axis=-1)


def velocity_loss(y_true: Any, y_pred: Any) -> Any:
    """Return squared errors of velocities, `(batch, frames)`, 0 where there is no hit (`y_true` below 0)."""
    return ops.sum(ops.where(y_true < 0, 0.0, ops.square(y_pred - y_true)), axis=-1)


def _weights(stems: Sequence[LearntStem], contract: DrumContract, config: DrumTrainingConfig) -> np.ndarray:
    """Return what a hit of each class counts: more for rare ones, by the square root of how rare they are."""
    counts = sum(np.bincount(stem.hits.classes, minlength=len(contract.classes)) for stem in stems)
    missing = [name for name, count in zip(contract.classes, counts, strict=True) if not count]
    if missing:
        raise DataError(f"no hits of {', '.join(missing)} in any of {len(stems)} stems: add songs that have some")
    return np.clip(2 * np.sqrt(counts.max() / counts), 1, config.rarest_weight).astype(np.float32)


def _normalise(transcriber: keras.Model, crops: CropSource, config: DrumTrainingConfig) -> None:
    """Set mean and scale of each band from some crops."""
    rng = np.random.default_rng(config.seed)
    values = np.concatenate([crops.batch(rng)[0] for _ in range(8)]).astype(np.float64)
    layer = transcriber.get_layer("normalise")
    layer.mean.assign(values.mean(axis=(0, 1, 3))[:, np.newaxis])
    layer.scale.assign(1 / (values.std(axis=(0, 1, 3))[:, np.newaxis] + 0.1))


def _round(
    transcriber: keras.Model, crops: CropSource, average: AveragedWeights, rng: np.random.Generator, steps: int
) -> float:
    """Take steps; return the mean loss."""
    total = 0.0
    transcriber.reset_metrics()
    for _ in range(steps):
        total = transcriber.train_on_batch(*crops.batch(rng))  # a running mean
        average.update(transcriber.weights)
    return float(np.atleast_1d(total)[0])


def _told_apart(stems: Sequence[LearntStem]) -> str:
    """Return a hash of which stems are learnt from: their songs, their hits, and whether they were separated."""
    rows = sorted([stem.name, stem.separated, len(stem.mel), stem.hits.times_s.tolist()] for stem in stems)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _resume(path: Path, parts: dict[str, Sequence], average: AveragedWeights, begun: dict[str, Any]) -> dict[str, Any]:
    """Take up a checkpoint; return its progress. Raises: TrainingError if it is not of what `begun` says."""
    progress = begun | load_parts(path, parts, average)  # checkpoints did not always say of which stems they are
    if progress["config"] != begun["config"]:
        raise TrainingError(f"{path}: was made with another configuration: use that one, or another --out")
    if progress["stems"] != begun["stems"]:
        raise TrainingError(f"{path}: was made with other songs: give --data and --separated as before, or another --out")
    return progress


def activations_of(transcriber: keras.Model, mel: np.ndarray, contract: DrumContract) -> np.ndarray:
    """Return how likely a hit begins in each frame of a stem, float32 `(frames, classes)`, in chunks as `DrumContract` says."""
    frames, context = contract.spec.frames, contract.context_frames
    step = frames - 2 * context
    starts = list(range(0, max(1, len(mel) - 2 * context), step))
    chunks = np.zeros((len(starts), *contract.input_shape[1:]), np.float32)
    for chunk, start in zip(chunks, starts, strict=True):
        part = mel[start : start + frames]
        chunk[: len(part), :, 0] = part
    logits = np.asarray(transcriber(chunks, training=False)[ONSETS])
    result = np.concatenate(
        [logits[0][:context], *(chunk[context : frames - context] for chunk in logits), logits[-1][-context:]]
    )
    return sigmoid(result[: len(mel)])


def judged_scores(
    transcriber: keras.Model, stems: Sequence[LearntStem], contract: DrumContract
) -> tuple[DrumScores, tuple[float, ...]]:
    """Return scores on clean and on separated stems, each at the thresholds that are best for both together, and these."""
    activations = [activations_of(transcriber, stem.mel, contract) for stem in stems]
    thresholds = best_thresholds(activations, [stem.hits for stem in stems], contract)
    kinds = []
    for separated in (False, True):
        chosen = [(each, stem.hits) for each, stem in zip(activations, stems, strict=True) if stem.separated is separated]
        kinds.append(counts_at(thresholds, chosen, contract) if chosen else ())
    return DrumScores(*kinds), thresholds


def _line(scores: DrumScores, contract: DrumContract) -> str:
    parts = []
    for kind, counts in (("clean", scores.clean), ("separated", scores.separated)):
        if counts:
            listed = ", ".join(
                f"{name} {each.f1:.3f}" for name, each in zip(contract.classes, counts, strict=True) if each.true
            )
            parts.append(f"{kind} F1 {listed}")
    return "; ".join(parts)
