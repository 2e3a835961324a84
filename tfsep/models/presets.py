"""Generators by name: architectures (`kind`) and whole presets."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tfsep.errors import UsageError
from tfsep.models.config import LIVE, GeneratorConfig
from tfsep.spec import SpectrogramSpec

if TYPE_CHECKING:
    import keras

PRESETS: dict[str, GeneratorConfig] = {
    "default": GeneratorConfig(),
    # DSSGAN as it was in 2018: 8,192 Hz mono, FFT 512, hop 256, 64 frames. The gain undoes the scaling of our spectra (a Hann
    # window of 512 sums to 256), so that the features are log1p of the plain STFT magnitude.
    "dssgan": GeneratorConfig(
        kind="dssgan",
        spec=SpectrogramSpec(
            sample_rate_hz=8192, window_samples=512, hop_samples=256, channels=1, frames=64, feature_gain=128.0
        ),
        stems=("drums", "accompaniment"),
        widths=(16, 32, 64, 128, 256),
    ),
    # For separation as the sound comes in: 959 samples of delay, 21.7 ms. 15 times a power of two suits phones' transforms.
    "live": GeneratorConfig(
        kind=LIVE,
        spec=SpectrogramSpec(window_samples=1920, hop_samples=480, synthesis_samples=960),
        bands=((96, 1), (224, 7), (640, 20)),
        widths=(32, 48, 64, 96),
    ),
    # Small enough for tests and for a first look at a new data set.
    "tiny": GeneratorConfig(widths=(8, 16), blocks=(1, 1)),
}


def preset(name: str, *, stems: tuple[str, ...] | None = None) -> GeneratorConfig:
    """Return the configuration of a preset, with other stems if given. Raises: UsageError for an unknown name."""
    if name not in PRESETS:
        raise UsageError(f"preset {name!r} is unknown: use {', '.join(PRESETS)}")
    return replace(PRESETS[name], stems=stems) if stems else PRESETS[name]


def build_generator(config: GeneratorConfig, frames: int | None = None) -> "keras.Model":
    """Build a generator with fresh weights.

    Args:
        frames: of one chunk, when another number than the spec's is wanted (training crops); weights do not depend on it.
    """
    from tfsep.models.bandsplit import BandSplitUNet
    from tfsep.models.bandstack import BandStackUNet
    from tfsep.models.dssgan import DssganUNet
    from tfsep.models.live import CausalUNet

    kinds = {"bandsplit": BandSplitUNet, "bandstack": BandStackUNet, "dssgan": DssganUNet, LIVE: CausalUNet}
    if config.kind not in kinds:
        raise UsageError(f"generator kind {config.kind!r} is unknown: use {', '.join(kinds)}")
    generator = kinds[config.kind](config)
    spec = config.spec
    generator.build((None, frames or spec.frames, spec.model_bins, config.input_channels))
    return generator
