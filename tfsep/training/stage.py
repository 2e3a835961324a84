"""What a run trains with: stage 1, supervised. (Stage 2 is `tfsep.training.stage2`.)"""

from typing import Any, Protocol

import keras

from tfsep.data.mixing import CropMixer
from tfsep.models.config import GeneratorConfig
from tfsep.training.backend_steps import PortableTrainer
from tfsep.training.config import TrainingConfig
from tfsep.training.data import RunData
from tfsep.training.trainer import SupervisedTrainer


class Stage(Protocol):
    """A trainer with its data.

    Attributes:
        trainer: compiled; its step takes what `batch` returns, and returns scalars by name, one of which is `loss`.
        seconds_per_step: of audio that a step learns from.
        optimizers, networks: by name, everything besides the generator that a checkpoint must hold.
    """

    trainer: PortableTrainer
    seconds_per_step: float
    optimizers: dict[str, keras.optimizers.Optimizer]
    networks: dict[str, keras.Model]

    def batch(self, index: int) -> Any:
        """Return the batch of a step; it depends on the seed and the index alone."""
        ...

    def prepare(self, step: int) -> None:
        """Set the learning rates of a step."""
        ...


def make_mixer(config: TrainingConfig, data: RunData, *, stems: tuple[str, ...] | None = None, **changes: Any) -> CropMixer:
    """Return what draws a run's crops. Args: stems: others than the generator's; changes: other arguments of the mixer."""
    arguments = {"samples": config.crop_samples, "channels": config.generator.spec.channels, "config": config.mixing,
                 "seed": config.seed} | changes  # fmt: skip
    return CropMixer(data.pools, stems=stems or config.generator.stems, **arguments)


class SupervisedStage:
    """Stage 1; a `Stage`."""

    def __init__(self, config: TrainingConfig, generator: keras.Model, data: RunData):
        self._config = config
        self._mixer = make_mixer(config, data)
        self._optimizer = keras.optimizers.AdamW(
            config.learning_rate, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm
        )
        self.trainer = SupervisedTrainer(generator, config.generator, error=config.error)
        self.trainer.compile(self._optimizer)
        self.seconds_per_step = config.batch * seconds_per_crop(config.generator, config.crop_samples)
        self.optimizers, self.networks = {"generator": self._optimizer}, {}

    def batch(self, index: int) -> tuple:
        """Return audio, known stems and equalisers, see `CropMixer`."""
        return (*self._mixer.batch(index, self._config.batch), self._mixer.equaliser(index, self._config.batch))

    def prepare(self, step: int) -> None:
        """Set the learning rate."""
        self._optimizer.learning_rate.assign(self._config.learning_rate_at(step))


def seconds_per_crop(generator: GeneratorConfig, samples: int) -> float:
    """Return how long a crop is."""
    return samples / generator.spec.sample_rate_hz
