"""Stage 2 of a run: adversarial, with recordings that have no multitrack; a `tfsep.training.stage.Stage`."""

import zlib
from collections.abc import Mapping
from dataclasses import replace

import keras

from tfsep.data.mixing import CropMixer
from tfsep.errors import UsageError
from tfsep.training.adversarial import AdversarialBatch, AdversarialTrainer, build_critics, build_optimizers
from tfsep.training.adversarial_watch import CriticWatch
from tfsep.training.config import TrainingConfig
from tfsep.training.data import RunData
from tfsep.training.distribution import Distribution
from tfsep.training.stage import make_mixer, seconds_per_crop, supervised_batch

UNPAIRED_ROLES = ("mixtures", "targets", "rests")


class AdversarialStage:
    """Stage 2; a `Stage`, made within the scope of `distribution`. The generator should have stage 1's weights.

    Unpaired recordings are cut, turned up or down, swapped left to right and resampled as multitracks are, never remixed.

    Args:
        config: with `adversarial` set.
        data: the multitracks.
        unpaired: recordings for each of `UNPAIRED_ROLES`.

    Raises: UsageError if a role has no recordings; DataError if they are of another kind.
    """

    def __init__(
        self,
        config: TrainingConfig,
        generator: keras.Model,
        data: RunData,
        unpaired: Mapping[str, RunData],
        distribution: Distribution,
    ):
        missing = [role for role in UNPAIRED_ROLES if role not in unpaired]
        if missing or config.adversarial is None:
            raise UsageError(f"adversarial training has no unpaired {', '.join(missing)}: name folders of them")
        self._config, adversarial = config, config.adversarial
        self._shares = distribution.share(config.batch), distribution.share(adversarial.unpaired_examples)
        self._mixer = make_mixer(config, data)
        stems = dict(zip(UNPAIRED_ROLES, ("mixture", adversarial.target, "accompaniment"), strict=True))
        self._unpaired = {role: _cutter(config, unpaired[role], role, stem) for role, stem in stems.items()}
        self.trainer = AdversarialTrainer(
            generator,
            config.generator,
            adversarial,
            build_critics(adversarial, config.generator, config.crop_frames),
            error=config.error,
        )
        self.trainer.compile(*build_optimizers(adversarial, config.learning_rate))
        self._watch = CriticWatch(adversarial)
        crops = config.batch + adversarial.unpaired_examples  # mixtures; the recordings that critics hear are not counted
        self.seconds_per_step = crops * seconds_per_crop(config)
        self.parts = self.trainer.parts

    def batch(self, index: int) -> AdversarialBatch:
        """Return crops of multitracks, and of each kind of unpaired recordings those for all updates of the critics."""
        count, (paired, unpaired) = self._config.adversarial.unpaired_examples, self._shares
        recordings = [self._unpaired[role].batch(index, count, unpaired)[0][:, 0] for role in UNPAIRED_ROLES]
        return AdversarialBatch(supervised_batch(self._mixer, index, self._config.batch, paired), *recordings)

    def prepare(self, step: int) -> None:
        """Set the generator's learning rate, and begin the means of the terms anew."""
        self.trainer.generator_optimizer.learning_rate.assign(self._config.learning_rate_at(step))
        self.trainer.reset_metrics()

    def check(self, terms: Mapping[str, float], step: int) -> None:
        """Look at a logging interval's mean terms. Raises: TrainingError if a critic is of no use any more."""
        self._watch.check(terms, step)


def _cutter(config: TrainingConfig, data: RunData, role: str, stem: str) -> CropMixer:
    """Return what draws crops of one role's recordings, by random numbers of its own."""
    return CropMixer(
        data.pools,
        stems=(stem,),
        samples=config.crop_samples,
        channels=config.generator.spec.channels,
        config=replace(config.mixing, remix_probability=0.0),
        seed=zlib.crc32(f"{config.seed} {role}".encode()),
    )
