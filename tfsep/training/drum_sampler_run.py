"""A whole training run of the drum sampler: hits made as it goes, checkpoints, and the scales of the codes at the end."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

import tfsep
from tfsep.contract_drum_sampler import DrumSamplerContract
from tfsep.data.drum_shots import HELD_OUT_KITS
from tfsep.errors import TrainingError
from tfsep.models.drum_sampler import Sampler, build_critic
from tfsep.training.backend_steps import compiled_step
from tfsep.training.checkpoint import AveragedWeights, load_parts, save_parts
from tfsep.training.drum_hits import CHUNK_HITS, Chunk, HitPool, chunks
from tfsep.training.drum_sampler import DrumSamplerConfig, DrumSamplerTrainer, HitBatch
from tfsep.training.drum_sampler_bundle import DrumSamplerBundle
from tfsep.training.folder import RunFolder, RunLog

LOG_EVERY, AVERAGE_EVERY, AVERAGE_DECAY = 100, 5, 0.995
FIRST_CHUNKS = 20  # in the pool before the first step
RESUMED_CHUNKS = 60  # made again when a run goes on: all of a pool would take minutes
SCALE_BATCHES = 120  # of clean hits, from which the scales of codes are taken
RIDGE = 1e-3  # added to the covariance of codes, whose directions that tell nothing have none


def train_drum_sampler(
    config: DrumSamplerConfig,
    material: Path,
    out: Path,
    *,
    workers: int,
    tell: Callable[[str], None],
) -> DrumSamplerBundle:
    """Train, or go on with the run in `out`; write `out/best`.

    Args:
        material: a folder with manifest.csv; the kits `HELD_OUT_KITS` are left out.
        workers: processes that make hits.
        tell: shown a line now and then.
    Raises: DataError for unusable material, TrainingError if the loss or a weight is not finite, ModelError for a run of another
        configuration.
    """
    contract = DrumSamplerContract(part="encoder")
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy(config.precision)
    sampler, critic = Sampler(contract), build_critic(contract)
    trainer = DrumSamplerTrainer(sampler, critic, config, contract.floor_db)
    trainer.compile()
    run = _Run(config, contract, sampler, trainer, out, tell)
    run.resume()
    run.first_chunk = max(0, run.chunks_taken(run.step) - RESUMED_CHUNKS)
    with (
        chunks(contract, material, seed=config.seed, first=run.first_chunk, workers=workers) as stream,
        RunLog(run.folder) as log,
    ):
        pool = HitPool(contract, config.pool // CHUNK_HITS * CHUNK_HITS)
        run.train(pool, stream, log)
        run.set_scales(pool)
    training = {
        "config": config.to_json(), "hits": run.chunks_taken(config.steps) * CHUNK_HITS, "held_out_kits": list(HELD_OUT_KITS),
        "seconds": round(run.seconds), "version": tfsep.__version__,
    }  # fmt: skip
    bundle = DrumSamplerBundle(run.in_float32())
    bundle.write(out / "best", training)
    return bundle


class _Run:
    """What a run changes as it goes."""

    def __init__(
        self,
        config: DrumSamplerConfig,
        contract: DrumSamplerContract,
        sampler: Sampler,
        trainer: DrumSamplerTrainer,
        out: Path,
        tell: Callable[[str], None],
    ):
        self.config, self.contract, self.sampler, self.trainer, self.tell = config, contract, sampler, trainer, tell
        self.folder = RunFolder(
            out,
            {"config": config.to_json(), "version": tfsep.__version__},
            may_differ=("checkpoint_every", "steps", "adversarial_from"),
        )
        self.average = AveragedWeights(trainer.sampler_variables, AVERAGE_DECAY)
        self.step, self.seconds, self.first_chunk = 0, 0.0, 0

    def resume(self) -> None:
        """Take up the checkpoint of the folder, if it holds one."""
        if self.folder.state.is_file():
            progress = load_parts(self.folder.state, self.trainer.parts, self.average)
            self.step, self.seconds = progress["step"], progress["seconds"]
            self.folder.forget_log(self.step)
            self.tell(f"goes on at step {self.step}")

    def chunks_taken(self, step: int) -> int:
        """Return how many chunks the pool has taken before a step."""
        return FIRST_CHUNKS + step // self.config.steps_per_chunk

    def train(self, pool: HitPool, stream: Iterator[Chunk], log: RunLog) -> None:
        """Do the steps that are left."""
        config, trainer, began_s = self.config, self.trainer, time.monotonic() - self.seconds
        trainer.judged = self._is_judged()
        do_step = compiled_step(trainer)
        self._fill(pool, stream)
        while self.step < config.steps:
            if trainer.judged != self._is_judged():
                trainer.judged = True
                do_step = compiled_step(trainer)
            self._fill(pool, stream)
            logs = do_step(self._batch(pool))
            self.step += 1
            if self.step % AVERAGE_EVERY == 0:
                self.average.update(trainer.sampler_variables)
            if self.step % LOG_EVERY == 0:
                self.seconds = time.monotonic() - began_s
                self._log(log, {name: float(value) for name, value in logs.items()})
            if self.step % config.checkpoint_every == 0 or self.step == config.steps:
                self._check_finite(float(logs["loss"]))
                progress = {"step": self.step, "seconds": self.seconds}
                save_parts(self.folder.state, trainer.parts, self.average, progress)

    def _fill(self, pool: HitPool, stream: Iterator[Chunk]) -> None:
        while pool.taken < (self.chunks_taken(self.step) - self.first_chunk) * CHUNK_HITS:
            pool.take(next(stream))

    def _is_judged(self) -> bool:
        config = self.config
        return self.step >= config.adversarial_from and config.adversarial_weight + config.feature_matching_weight > 0

    def _batch(self, pool: HitPool) -> HitBatch:
        rng = np.random.default_rng((self.config.seed, 1, self.step))
        heard, clean, drums = pool.batch(self.config.batch, rng, damaged=self.config.damaged)
        noise = rng.standard_normal((2, self.config.batch, self.contract.code), np.float32)
        return HitBatch(heard, clean, drums, *noise)

    def _check_finite(self, loss: float) -> None:
        if not np.isfinite(loss):
            raise TrainingError(f"step {self.step}: the loss is {loss}: use a lower learning rate")
        for name, variables in self.trainer.parts.items():  # the last step may have spoilt them after its loss was taken
            if not all(np.isfinite(np.asarray(variable)).all() for variable in variables):
                raise TrainingError(f"step {self.step}: {name} is no longer finite: use a lower learning rate")

    def _log(self, log: RunLog, terms: dict[str, float]) -> None:
        self._check_finite(terms["loss"])
        log.write({"step": self.step, "seconds": round(self.seconds, 1)} | terms)
        self.tell(f"step {self.step}/{self.config.steps}: " + ", ".join(f"{name} {value:.3f}" for name, value in terms.items()))
        self.trainer.reset_metrics()

    def set_scales(self, pool: HitPool) -> None:
        """Put the averaged weights in place, and take mean and covariance of each drum's codes from clean hits."""
        for variable, value in zip(self.trainer.sampler_variables, self.average.values, strict=True):
            variable.assign(value)
        rng = np.random.default_rng((self.config.seed, 2))
        codes, drums = [], []
        for _ in range(SCALE_BATCHES):
            heard, _, of = pool.batch(CHUNK_HITS, rng, damaged=0.0)
            codes.append(np.asarray(self.sampler.encoder(heard, training=False)["mean"]))
            drums.append(of.argmax(axis=1))
        codes, drums = np.concatenate(codes).astype(np.float64), np.concatenate(drums)
        means = [codes[drums == drum].mean(axis=0) for drum in range(len(self.contract.drums))]
        identity = np.eye(self.contract.code)
        factors = [
            np.linalg.cholesky(np.cov(codes[drums == drum], rowvar=False) + RIDGE * identity) for drum in range(len(means))
        ]
        self.sampler.scales.set([m.astype(np.float32) for m in means], [f.astype(np.float32) for f in factors])

    def in_float32(self) -> Sampler:
        """Return the sampler computing in float32, whatever precision was trained in."""
        keras.mixed_precision.set_global_policy("float32")
        whole = Sampler(self.contract)
        whole.set_weights(self.sampler.get_weights())
        return whole
