"""A toy that is quickly learnt: two stems in separate bands, 8 kHz mono."""

import socket
from contextlib import ExitStack
from pathlib import Path

import keras
import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.mixing import MixingConfig
from tfsep.models.config import GeneratorConfig
from tfsep.spec import SpectrogramSpec
from tfsep.training.config import TrainingConfig
from tfsep.training.data import DataFolder
from tfsep.training.run import TrainingRun

RATE_HZ = 8000


@pytest.fixture(autouse=True)
def _keep_precision():
    policy = keras.mixed_precision.global_policy()
    yield
    keras.mixed_precision.set_global_policy(policy)


@pytest.fixture(scope="session")
def free_addresses():
    """Return a function from a number to that many addresses on this machine that nothing listens on."""

    def find(count: int) -> list[str]:
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]

    return find


@pytest.fixture(scope="session")
def small_spec() -> SpectrogramSpec:
    return SpectrogramSpec(sample_rate_hz=RATE_HZ, window_samples=256, hop_samples=64, channels=1, frames=8, feature_gain=300.0)


@pytest.fixture(scope="session")
def small_config(small_spec) -> TrainingConfig:
    generator = GeneratorConfig(
        spec=small_spec,
        stems=("drums", "other"),
        bands=((32, 2), (96, 6)),
        widths=(4, 8),
        blocks=(1, 1),
        dense_bottleneck=4,
    )
    return TrainingConfig(
        generator=generator,
        mixing=MixingConfig(speed_probability=0.0),
        steps=6,
        batch=2,
        crop_frames=8,
        learning_rate=0.01,
        warmup_steps=2,
        decay_fraction=0.5,
        precision="float32",
        validate_every=6,
        checkpoint_every=3,
        seed=5,
    )


def band_noise(rng: np.random.Generator, low_hz: float, high_hz: float, samples: int) -> np.ndarray:
    """Return float32 `(samples, 1)` noise between two frequencies."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    frequencies = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    spectrum[(frequencies < low_hz) | (frequencies > high_hz)] = 0
    sound = np.fft.irfft(spectrum, samples)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)[:, None]


@pytest.fixture(scope="session")
def toy(tmp_path_factory) -> Path:
    """A folder with the songs `data/a`, `data/b` and `held/c`, two seconds each."""
    root = tmp_path_factory.mktemp("toy")
    for number, name in enumerate(("data/a", "data/b", "held/c")):
        rng = np.random.default_rng(number)
        folder = root / name
        folder.mkdir(parents=True)
        for stem, band_hz in (("drums", (100, 1500)), ("other", (2200, 3900))):
            Audio(band_noise(rng, *band_hz, 2 * RATE_HZ), RATE_HZ).write(folder / f"{stem}.wav", subtype="float32")
    return root


@pytest.fixture
def make_run(toy, small_config):
    """Return a function that opens a run on the toy."""

    def make(out: Path, config: TrainingConfig = small_config, *, validation=("held",), **options) -> TrainingRun:
        options = {"data": [DataFolder(str(toy / "data"))], "cache": toy / "cache"} | options
        return TrainingRun(config, validation=[toy / name for name in validation], out=out, **options)

    return make
