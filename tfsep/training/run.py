"""A whole stage-1 run: data, trainer, validation, checkpoints, log, progress."""

import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import tfsep
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.bundle import Bundle
from tfsep.data.cache import CachedTrack, load_cached
from tfsep.data.folders import FolderSource, folder_names
from tfsep.data.mixing import CropMixer, Pool
from tfsep.errors import DataError, ModelError, UsageError
from tfsep.models.cost import generator_cost
from tfsep.models.presets import build_generator
from tfsep.training.checkpoint import AveragedWeights, load_checkpoint, save_checkpoint
from tfsep.training.config import TrainingConfig
from tfsep.training.loader import prefetched
from tfsep.training.trainer import SupervisedTrainer
from tfsep.training.validation import decibels, scored_stems, validation_crops

AVERAGE_EVERY = 4  # steps between updates of the averaged weights
VALIDATION_CROPS = 24  # of each song


@dataclass(frozen=True)
class DataFolder:
    """A folder of songs and how often it is drawn from, relative to the others."""

    path: Path
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str) -> "DataFolder":
        """Read `DIR` or `DIR@WEIGHT`. Raises: UsageError for a weight that is not a positive number."""
        path, at, weight = text.rpartition("@")
        if not at:
            return cls(Path(text))
        try:
            value = float(weight)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            raise UsageError(f"--data {text}: the weight after @ is {weight!r}; use a positive number, as in songs@2")
        return cls(Path(path), value)


class TrainingRun:
    """One run in one folder: `config.json`, `log.jsonl`, `logs/` (TensorBoard), `last.npz`, `best/` (a Bundle).

    Args:
        out: the run's folder; a checkpoint found in it is resumed.
        initial: a Bundle whose generator to start from.

    Raises: DataError, AudioError for unusable data; ModelError for a checkpoint of another configuration.
    """

    def __init__(
        self,
        config: TrainingConfig,
        *,
        data: Sequence[DataFolder],
        validation: Sequence[Path],
        out: Path,
        cache: Path,
        exclude: Sequence[str] = (),
        initial: Path | None = None,
    ):
        self.config, self.out, self.cache = config, out, cache
        self.console = Console()
        # Read first: bad data must not cost the time that building a model takes.
        self.held_out = [track for folder in validation for track in self._tracks(folder, frozenset())]
        if self.held_out and not any(scored_stems(track, config.generator.stems) for track in self.held_out):
            raise DataError(
                f"none of the {len(self.held_out)} validation songs can be scored: use songs with {', '.join(config.generator.stems)}"
            )
        self._check_excluded(exclude, [folder.path for folder in data])
        names = frozenset(exclude).union(*(_song_names(folder) for folder in validation))
        self.pools = [Pool(tracks=tuple(self._tracks(folder.path, names)), weight=folder.weight) for folder in data]
        self.data = data
        self._open_folder()
        keras.utils.set_random_seed(config.seed)
        keras.mixed_precision.set_global_policy(config.precision)
        self.generator = build_generator(config.generator, config.crop_frames)
        self.averaged = build_generator(config.generator, config.crop_frames)
        if initial is not None:
            self._start_from(initial)
        elif hasattr(self.generator, "normalise"):
            self._measure_features()
        self.optimizer = keras.optimizers.AdamW(
            config.learning_rate, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm
        )
        self.trainer = SupervisedTrainer(self.generator, config.generator, error=config.error)
        self.trainer.compile(self.optimizer)
        self.validator = SupervisedTrainer(self.averaged, config.generator)
        self.average = AveragedWeights(self.generator.variables, config.ema_decay)
        self.cost = asdict(generator_cost(config.generator))
        self.step, self.best, self.seconds_trained = 0, float("-inf"), 0.0
        self._resume()

    # --- data ---------------------------------------------------------------------------------------------------------

    def _tracks(self, folder: Path, exclude: frozenset[str]) -> list[CachedTrack]:
        spec = self.config.generator.spec
        tracks = FolderSource(root=folder, exclude=exclude).tracks()
        loaded = []
        with self._progress("reading") as progress:
            task = progress.add_task(f"reading {folder.name}", total=len(tracks))
            for track in tracks:
                loaded.append(load_cached(track, self.cache, sample_rate_hz=spec.sample_rate_hz, channels=spec.channels))
                progress.advance(task)
        return loaded

    def _check_excluded(self, exclude: Sequence[str], folders: Sequence[Path]) -> None:
        """Refuse a name that excludes nothing: a slip of the pen would train on what must not be trained on."""
        unknown = sorted(set(exclude).difference(*(_song_names(folder) for folder in folders)))
        if unknown:
            raise UsageError(f"--exclude {' '.join(unknown)}: no song of that name in the data; use names of song folders")

    def _mixer(self) -> CropMixer:
        config = self.config
        return CropMixer(
            self.pools,
            stems=config.generator.stems,
            samples=config.crop_samples,
            channels=config.generator.spec.channels,
            config=config.mixing,
            seed=config.seed,
        )

    def _measure_features(self) -> None:
        """Set the generator's normalisation by bin from the first batches."""
        from tfsep.dsp import stft_ops
        from tfsep.training.loss import magnitudes_and_targets

        mixer, total, squares, batches = self._mixer(), 0.0, 0.0, 8
        for index in range(batches):
            magnitude, _ = magnitudes_and_targets(mixer.batch(index, self.config.batch)[0], self.config.generator.spec)
            values = np.asarray(stft_ops.features(magnitude, self.config.generator.spec), np.float64)
            total = total + values.mean(axis=(0, 1, 3))
            squares = squares + (values**2).mean(axis=(0, 1, 3))
        mean = total / batches
        deviation = np.sqrt(np.maximum(squares / batches - mean**2, 0)) + 0.1
        self.generator.normalise.mean.assign(mean[:, None])
        self.generator.normalise.scale.assign(1 / deviation[:, None])

    # --- folder and checkpoints ---------------------------------------------------------------------------------------

    def _open_folder(self) -> None:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self.out, error) from None
        described = json.loads(json.dumps(self.config.to_json()))
        path = self.out / "config.json"
        if path.is_file():
            try:
                stored = json.loads(path.read_text(encoding="utf-8"))["config"]
            except (ValueError, KeyError, TypeError) as error:
                raise ModelError(f"{path}: not the record of a run ({error}): use another --out") from None
            # A run may be made longer or shorter; anything else would be another run.
            changed = sorted(k for k in described if k != "steps" and stored.get(k) != described[k])
            if changed and (self.out / "last.npz").is_file():
                raise ModelError(
                    f"{self.out}: holds a run with another {', '.join(changed)}: use its settings or another --out"
                )
        record = {
            "config": described,
            "version": tfsep.__version__,
            "data": [
                {"folder": folder.path.name, "weight": folder.weight, "songs": len(pool.tracks), "hash": pool_hash(pool),
                 "hours": round(sum(t.length for t in pool.tracks) / self.config.generator.spec.sample_rate_hz / 3600, 3),
                 "genres": sorted({t.genre for t in pool.tracks if t.genre})}
                for folder, pool in zip(self.data, self.pools, strict=True)
            ],
            "validation": [track.name for track in self.held_out],
            "machine": {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__,
                        "cpus": os.cpu_count()},
        }  # fmt: skip
        self.record = record
        with AtomicFile(path) as target:
            target.file.write(json.dumps(record, indent=2).encode())

    def _start_from(self, initial: Path) -> None:
        stored = Bundle.load(initial)
        wanted = self.config.generator
        if replace(stored.config, spec=replace(stored.config.spec, frames=wanted.spec.frames)) != wanted:
            raise ModelError(f"{initial}: its generator is another than the one asked for: train with its own configuration")
        for variable, value in zip(self.generator.variables, stored.generator.variables, strict=True):
            variable.assign(value)

    def _resume(self) -> None:
        path = self.out / "last.npz"
        if path.is_file():
            progress = load_checkpoint(path, self.generator, self.optimizer, self.average)
            self.step, self.best, self.seconds_trained = progress["step"], progress["best"], progress["seconds_trained"]
            self.console.print(f"resuming {self.out} at step {self.step}", markup=False)
        self._forget_log()

    def _forget_log(self) -> None:
        """Take out of `log.jsonl` what a killed run wrote after its checkpoint: those steps are done again."""
        path = self.out / "log.jsonl"
        if not path.is_file():
            return
        kept = []
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                done = json.loads(line)["step"] <= self.step
            except ValueError:  # the kill cut it off
                done = False
            if done:
                kept.append(line)
        with AtomicFile(path) as target:
            target.file.writelines(kept)

    def _save(self) -> None:
        progress = {"step": self.step, "best": self.best, "seconds_trained": self.seconds_trained}
        save_checkpoint(self.out / "last.npz", self.generator, self.optimizer, self.average, progress)

    # --- the run ------------------------------------------------------------------------------------------------------

    def _progress(self, kind: str) -> Progress:
        fields = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
        if kind == "training":
            fields.append(
                TextColumn("loss {task.fields[loss]:.4f}  SDR {task.fields[sdr]:.2f} dB  {task.fields[speed]:.1f} s/s")
            )
        return Progress(*fields, console=self.console, disable=not self.console.is_terminal)

    def train(self) -> float:
        """Train up to `config.steps`; return the best mean validation SDR in dB (-inf without validation songs)."""
        config = self.config
        mixer = self._mixer()
        step_function = tf.function(self.trainer.train_step, jit_compile=False, autograph=False)
        errors_function = tf.function(self.validator.song_errors, jit_compile=False, autograph=False)
        writer = tf.summary.create_file_writer(str(self.out / "logs"))
        batch_seconds = config.batch * config.crop_samples / config.generator.spec.sample_rate_hz
        losses, since, sdr = [], time.perf_counter(), float("nan")
        # Normalisation was measured on the first batches; training starts with them too, which is harmless.
        batches = prefetched(
            lambda index: (*mixer.batch(index, config.batch), mixer.equaliser(index, config.batch)), self.step, config.steps
        )
        with self._progress("training") as bar, writer.as_default(), open(self.out / "log.jsonl", "a", encoding="utf-8") as log:
            task = bar.add_task("training", total=config.steps, completed=self.step, loss=float("nan"), sdr=sdr, speed=0.0)
            for batch in batches:
                self.optimizer.learning_rate.assign(config.learning_rate_at(self.step))
                losses.append(float(step_function(batch)["loss"]))
                if not np.isfinite(losses[-1]):
                    raise self._diverged(f"the loss is {losses[-1]}")
                self.step += 1
                self.seconds_trained += batch_seconds
                if self.step % AVERAGE_EVERY == 0:
                    self.average.update(self.generator.variables)
                last = self.step == config.steps
                validate = self.step % config.validate_every == 0 or last
                save = validate or self.step % config.checkpoint_every == 0
                if save and not all(np.isfinite(np.asarray(variable)).all() for variable in self.generator.variables):
                    raise self._diverged("weights are not finite")  # which the loss shows one step later, after the save
                if validate or self.step % 50 == 0:
                    speed = len(losses) * batch_seconds / (time.perf_counter() - since)
                    entry = {"step": self.step, "loss": float(np.mean(losses)), "seconds_per_second": speed,
                             "hours": self.seconds_trained / 3600, "learning_rate": config.learning_rate_at(self.step - 1)}  # fmt: skip
                    if validate and self.held_out:
                        entry["sdr"] = self._validate(errors_function)
                        sdr = float(np.mean([value for song in entry["sdr"].values() for value in song.values()]))
                        entry["mean_sdr"] = sdr
                    if validate:
                        self._keep_best(sdr)
                    log.write(json.dumps(entry) + "\n")
                    log.flush()
                    self._summarise(entry)
                    bar.update(task, completed=self.step, loss=entry["loss"], sdr=sdr, speed=speed)
                    if not self.console.is_terminal:
                        self.console.print(
                            f"step {self.step}/{config.steps} loss {entry['loss']:.4f} sdr {sdr:.2f} {speed:.1f} s/s"
                        )
                    losses, since = [], time.perf_counter()
                if save:
                    self._save()
        return self.best

    def _diverged(self, what: str) -> DataError:
        path = self.out / "last.npz"
        kept = f"the last good state is {path}" if path.is_file() else "nothing was saved yet"
        return DataError(
            f"{self.out}: step {self.step}: {what}; {kept}: start again with a lower --learning-rate in another --out, "
            "or check the data"
        )

    def _summarise(self, entry: dict) -> None:
        for name in ("loss", "learning_rate", "seconds_per_second", "mean_sdr"):
            if name in entry:
                tf.summary.scalar(name, entry[name], step=entry["step"])
        for song, values in entry.get("sdr", {}).items():
            for stem, value in values.items():
                tf.summary.scalar(f"sdr/{song}/{stem}", value, step=entry["step"])

    def _validate(self, errors_function) -> dict[str, dict[str, float]]:
        """Return SDR in dB by song and stem, of the averaged weights."""
        for variable, value in zip(self.averaged.variables, self.average.values, strict=True):
            variable.assign(value)
        config, result = self.config, {}
        for track in self.held_out:
            crops = validation_crops(track, config.generator.stems, samples=config.crop_samples, count=VALIDATION_CROPS)
            scored = scored_stems(track, config.generator.stems)
            parts = [errors_function(crops[i : i + config.batch]) for i in range(0, len(crops), config.batch)]
            energy = np.sum([np.asarray(part[0]).sum(axis=0) for part in parts], axis=0)
            error = np.sum([np.asarray(part[1]).sum(axis=0) for part in parts], axis=0)
            result[track.name] = {
                stem: decibels(energy[i], error[i]) for i, stem in enumerate(config.generator.stems) if stem in scored
            }
        return result

    def _keep_best(self, sdr: float) -> None:
        """Write `best/` if there is nothing better; without validation songs, the newest."""
        if self.held_out and not sdr > self.best:
            return
        self.best = sdr if self.held_out else self.best
        training = {
            "step": self.step,
            "hours_of_audio": round(self.seconds_trained / 3600, 2),
            **({"validation_sdr": sdr} if self.held_out else {}),
            "cost": self.cost,
            **self.record,
        }
        Bundle.write(self.out / "best", self.config.generator, self.average.values, training=training)


def _song_names(folder: Path) -> frozenset[str]:
    """Return what the song folders below a folder are called."""
    return frozenset().union(*(folder_names(song) for song in FolderSource(root=folder).folders()))


def pool_hash(pool: Pool) -> str:
    """Return one hash for all files that a pool was read from."""
    return hashlib.sha256("".join(track.key for track in pool.tracks).encode()).hexdigest()[:16]
