"""A stage 2 that is small enough for tests, also in other processes and on other backends.

Run as a program: `adversarial_toy.py '{"out": FILE, "cases": {NAME: ARGUMENTS OF run}, "accelerators": COUNT}'` writes weights and logs
of all cases to an `.npz` file.
"""

import json
import os
import sys
from contextlib import nullcontext

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from tfsep.models.config import GeneratorConfig
from tfsep.models.discriminators import build_discriminator
from tfsep.models.presets import build_generator
from tfsep.spec import SpectrogramSpec
from tfsep.training.adversarial import ROLES, AdversarialBatch, AdversarialTrainer, build_optimizers
from tfsep.training.adversarial_config import AdversarialConfig
from tfsep.training.backend_steps import compiled_step
from tfsep.training.trainer import SupervisedTrainer

FRAMES = 8
PAIRED = 4  # examples with targets in a batch
SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=128, hop_samples=64, channels=1, frames=FRAMES, feature_gain=300.0)
SAMPLES = (FRAMES - 1) * SPEC.hop_samples + SPEC.window_samples
GENERATORS = {
    "two": GeneratorConfig(
        spec=SPEC, stems=("drums", "other"), bands=((16, 2), (48, 6)), widths=(4,), blocks=(1,), dense_bottleneck=4
    ),
    "four": GeneratorConfig(spec=SPEC, bands=((16, 2), (48, 6)), widths=(4,), blocks=(1,), dense_bottleneck=0),
    "dssgan": GeneratorConfig(kind="dssgan", spec=SPEC, stems=("drums", "accompaniment"), widths=(2, 3)),
}
CRITICS = {
    "dcgan": {"widths": (3,), "narrow_widths": (4,), "dense": 3},
    "multiband": {"bands": ((0.25, 2), (0.75, 4)), "views": ((2, 2),), "widths": (3, 4)},
}
CONFIGS = {
    "wgan-gp": {
        "loss": "wgan-gp",
        "discriminator": "dcgan",
        "critic_steps": 2,
        "additivity_weight": 1e-3,
        "feature_matching_weight": 0.0,
        "clip_norm": 0.0,
    },
    "hinge": {"loss": "hinge", "discriminator": "multiband"},
    "lsgan": {"loss": "lsgan", "discriminator": "multiband"},
}


def config_of(loss: str, **fields) -> AdversarialConfig:
    """A loss of `CONFIGS` with weights so large that each term shows in a step or two."""
    common = {
        "unpaired_batch": 4,
        "ramp_steps": 0,
        "adversarial_weight": 0.3,
        "critic_learning_rate": 1e-3,
    }
    return AdversarialConfig(**(common | CONFIGS[loss] | fields))


def batch_of(config: AdversarialConfig, stems: int, index: int) -> AdversarialBatch:
    """A batch of noise, by index."""
    rng = np.random.default_rng(index)

    def noise(*shape):
        return rng.normal(0, 0.2, shape).astype(np.float32)

    unpaired = config.unpaired_examples, 1, SAMPLES
    supervised = (
        noise(PAIRED, stems, 1, SAMPLES),
        np.ones((PAIRED, stems), np.float32),
        10 * noise(PAIRED, stems, 8),
    )
    return AdversarialBatch(supervised, noise(*unpaired), noise(*unpaired), noise(*unpaired))


def share_of(batch, index: int, count: int):
    """The part of a batch that one of several processes gets."""
    return keras.tree.map_structure(lambda x: x[index * len(x) // count : (index + 1) * len(x) // count], batch)


def set_weights(networks) -> None:
    """Give networks weights that do not depend on backend or process."""
    rng = np.random.default_rng(7)
    for network in networks:
        for variable in network.trainable_variables:
            deviation = 2.5 * max(1, int(np.prod(variable.shape[:-1]))) ** -0.5
            variable.assign(rng.normal(0, deviation, variable.shape).astype(np.float32))


def make_trainer(config: AdversarialConfig, generator: str = "two") -> AdversarialTrainer:
    """Build and compile a trainer with fixed weights."""
    generator_config = GENERATORS[generator]
    network = build_generator(generator_config, FRAMES)
    shape = {"frames": FRAMES, "bins": SPEC.model_bins, "channels": 1}
    critics = [build_discriminator(config.discriminator, **shape, name=role, **CRITICS[config.discriminator]) for role in ROLES]
    trainer = AdversarialTrainer(network, generator_config, config, tuple(critics))
    trainer.compile(*build_optimizers(config, 1e-3))
    set_weights((network, *trainer.critics))
    return trainer


def make_supervised(generator: str = "two") -> SupervisedTrainer:
    """Build and compile stage 1 with fixed weights and a clipped joint gradient."""
    network = build_generator(GENERATORS[generator], FRAMES)
    trainer = SupervisedTrainer(network, GENERATORS[generator], error="rms")
    trainer.compile(keras.optimizers.AdamW(1e-2, weight_decay=1e-4, global_clipnorm=0.1))
    set_weights((network,))
    return trainer


def data_for_fit(batches):
    """Make `batches` what `fit` takes: on TensorFlow a data set of fixed shapes, on JAX they are that already."""
    if keras.backend.backend() == "jax":
        return batches
    import tensorflow as tf

    batches = list(batches)
    signature = keras.tree.map_structure(lambda array: tf.TensorSpec(array.shape, tf.float32), batches[0])
    return tf.data.Dataset.from_generator(lambda: batches, output_signature=signature)


def run(
    *,
    stage: int,
    loss: str = "hinge",
    generator: str = "two",
    steps: int = 2,
    fields: dict | None = None,
    policy: str = "float32",
    way: str = "compiled",
    worker: int = 0,
    workers: int = 1,
) -> dict:
    """Train some steps; return weights by number, and the logs of the last step or, by `fit`, of all.

    Args:
        way: "compiled", "eager" or "fit".
    """
    config, stems = config_of(loss, **(fields or {})), len(GENERATORS[generator].stems)
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(policy)
    trainer = make_trainer(config, generator) if stage == 2 else make_supervised(generator)
    batches = (share_of(batch_of(config, stems, index), worker, workers) for index in range(steps))
    batches = (batch if stage == 2 else batch.supervised for batch in batches)
    if way == "fit":
        history = trainer.fit(data_for_fit(batches), steps_per_epoch=steps, verbose=0).history
        logs = {name: values[0] for name, values in history.items()}
    else:
        step = compiled_step(trainer) if way == "compiled" else trainer.update
        for batch in batches:
            logs = step(batch)
    keras.mixed_precision.set_global_policy(before)
    weights = {f"weight/{i:03d}": np.asarray(variable) for i, variable in enumerate(trainer.trainable_variables)}
    return weights | {f"log/{name}": np.asarray(value) for name, value in logs.items()}


def main(options: dict) -> None:
    """Do runs in this process: as one of several workers if `TF_CONFIG` says so, or on several pretended accelerators."""
    scope, place = nullcontext(), {}
    if "TF_CONFIG" in os.environ:
        import tensorflow as tf

        scope = tf.distribute.MultiWorkerMirroredStrategy().scope()
        task = json.loads(os.environ["TF_CONFIG"])
        place = {"worker": task["task"]["index"], "workers": len(task["cluster"]["worker"])}
    elif options.get("accelerators", 1) > 1:
        import tensorflow as tf

        count = options["accelerators"]
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        scope = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)]).scope()
    with scope:
        results = {name: run(**case, **place) for name, case in options["cases"].items()}
    np.savez(options["out"], **{f"{name}:{key}": value for name, result in results.items() for key, value in result.items()})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
