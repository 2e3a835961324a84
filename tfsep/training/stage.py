"""What a run trains with: stage 1, supervised. (Stage 2 is `tfsep.training.stage2`.)"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import keras

from tfsep.data.mixing import ALL, CropMixer
from tfsep.training.backend_steps import PortableTrainer
from tfsep.training.config import TrainingConfig
from tfsep.training.data import RunData
from tfsep.training.distribution import Distribution
from tfsep.training.trainer import SupervisedTrainer

if TYPE_CHECKING:  # it takes TensorFlow, which is not there on Keras' JAX backend
    from tfsep.data.records.dataset import RecordDataset


class Stage(Protocol):
    """A trainer with its data.

    Attributes:
        trainer: compiled; its step takes what `batch` returns, and returns scalars by name, one of which is `loss`.
        seconds_per_step: of audio that a step learns from.
        parts: by name, the variables that a step changes, for checkpoints.
    """

    trainer: PortableTrainer
    seconds_per_step: float
    parts: dict[str, list[keras.Variable]]

    def batch(self, index: int) -> Any:
        """Return this process's share of the batch of a step; the batch depends on the seed and the index alone."""
        ...

    def prepare(self, step: int) -> None:
        """Get ready for a step: set its learning rates."""
        ...

    def check(self, terms: Mapping[str, float], step: int) -> None:
        """Look at the mean terms of a logging interval that ended with `step`. Raises: TrainingError if going on is of no use."""
        ...


def make_mixer(config: TrainingConfig, data: RunData) -> "CropMixer | RecordDataset":
    """Return what draws a run's crops of multitracks, where there are records from those as well."""
    spec = config.generator.spec
    common = {"stems": config.generator.stems, "samples": config.crop_samples, "channels": spec.channels,
              "config": config.mixing, "seed": config.seed}  # fmt: skip
    if not data.records:
        return CropMixer(data.pools, **common)
    from tfsep.data.records.dataset import RecordDataset

    return RecordDataset(data.records, pools=data.pools, exclude=data.exclude, sample_rate_hz=spec.sample_rate_hz, **common)


class SupervisedStage:
    """Stage 1; a `Stage`. Made within the scope of `distribution`."""

    def __init__(self, config: TrainingConfig, generator: keras.Model, data: RunData, distribution: Distribution):
        self._config, self._share = config, distribution.share(config.batch)
        self._mixer = make_mixer(config, data)
        self._optimizer = keras.optimizers.AdamW(
            config.learning_rate, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm or None
        )
        self.trainer = SupervisedTrainer(generator, config.generator, error=config.error)
        self.trainer.compile(self._optimizer)
        self.seconds_per_step = config.batch * seconds_per_crop(config)
        self.parts = {"generator": generator.variables, "optimizer": self._optimizer.variables}

    def batch(self, index: int) -> tuple:
        """Return audio, known stems and equalisers, see `CropMixer`."""
        return supervised_batch(self._mixer, index, self._config.batch, self._share)

    def prepare(self, step: int) -> None:
        """Set the learning rate."""
        self._optimizer.learning_rate.assign(self._config.learning_rate_at(step))

    def check(self, terms: Mapping[str, float], step: int) -> None:
        """Find nothing: a loss that is not finite is noticed at its step."""


def supervised_batch(mixer: "CropMixer | RecordDataset", index: int, size: int, share: slice = ALL) -> tuple:
    """Return what `SupervisedTrainer` takes."""
    return (*mixer.batch(index, size, share), mixer.equaliser(index, size, share))


def seconds_per_crop(config: TrainingConfig) -> float:
    """Return how long a crop is."""
    return config.crop_samples / config.generator.spec.sample_rate_hz
