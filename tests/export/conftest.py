"""Small bundles with random weights."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from tfsep.bundle import Bundle
from tfsep.contract_genre import GenreContract
from tfsep.models.config import GeneratorConfig
from tfsep.models.genre_classifier import build_genre_classifier
from tfsep.models.presets import PRESETS, build_generator
from tfsep.spec import SpectrogramSpec
from tfsep.training.genre_bundle import GenreBundle

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
CONFIGS = {
    "bandsplit": GeneratorConfig(spec=SPEC, bands=((32, 2), (96, 6)), widths=(4, 8), blocks=(1, 1), dense_bottleneck=4),
    "complex": GeneratorConfig(
        spec=SPEC, head="complex", bands=((32, 2), (96, 6)), widths=(4, 8), blocks=(1, 1), dense_bottleneck=4
    ),
    "bandstack complex": GeneratorConfig(
        kind="bandstack", head="complex", spec=SPEC, subbands=4, widths=(4, 8), blocks=(1, 1), dense_bottleneck=4
    ),
    "live": GeneratorConfig(
        kind="live",
        spec=replace(SPEC, hop_samples=32, synthesis_samples=64, frames=16),
        bands=((32, 2), (96, 6)),
        widths=(4, 8),
        blocks=(1, 1),
        dense_bottleneck=4,
    ),
    "dssgan": replace(PRESETS["dssgan"], spec=replace(SPEC, channels=1), widths=(4, 8)),
}


def make_bundle(folder, config) -> Bundle:
    rng = np.random.default_rng(0)
    weights = [
        rng.normal(0, 1 / np.sqrt(np.prod(v.shape[:-1])), v.shape) if len(v.shape) > 1 else rng.uniform(0, 0.3, v.shape)
        for v in build_generator(config).variables
    ]
    Bundle.write(folder, config, weights, training={"step": 4}, name="small")
    return Bundle.load(folder)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory) -> dict[str, Bundle]:
    return {name: make_bundle(tmp_path_factory.mktemp(name), config) for name, config in CONFIGS.items()}


@pytest.fixture(scope="session")
def bundle(bundles) -> Bundle:
    return bundles["bandsplit"]


@pytest.fixture(scope="session")
def genre_bundle() -> GenreBundle:
    keras.utils.set_random_seed(0)
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=128, channels=1, frames=32, feature_gain=1000.0)
    contract = GenreContract(families=("electronic", "rock", "jazz"), spec=spec, mel_bands=16, low_hz=50.0, high_hz=3800.0)
    return GenreBundle(contract, (4, 8), build_genre_classifier(contract, (4, 8)))
