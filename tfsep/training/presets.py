"""How each preset of a generator is trained, in both stages: what differs from the defaults of `TrainingConfig`."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tfsep.models.config import GeneratorConfig
from tfsep.models.presets import preset
from tfsep.training.adversarial_config import adversarial_preset
from tfsep.training.config import TrainingConfig

# DSSGAN as it was in 2018, after Stoller, Ewert and Dixon (arXiv 1711.00048): plain Adam at one rate in both stages, large
# batches, no augmentation by filters or resampling.
_REFERENCE = {"batch": 48, "learning_rate": 5e-5, "warmup_steps": 0, "decay_fraction": 0.0, "weight_decay": 0.0,
              "clip_norm": 0.0, "precision": "float32"}  # fmt: skip
STAGE1: MappingProxyType[str, dict[str, Any]] = MappingProxyType({
    "dssgan": _REFERENCE | {"crop_frames": 64},
    "live": {"crop_frames": 192},  # 2.1 s, so that its means of the past are full in most of a crop
})  # fmt: skip
STAGE2: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {"modern": {"batch": 8, "learning_rate": 1e-4}, "dssgan": _REFERENCE}
)


def stage1(name: str, *, stems: tuple[str, ...] | None = None) -> TrainingConfig:
    """Return how a preset is trained on multitracks, with other stems if given. Raises: UsageError for an unknown name."""
    config = TrainingConfig(generator=preset(name, stems=stems), **STAGE1.get(name, {}))
    if name == "dssgan":
        return replace(config, mixing=replace(config.mixing, speed_probability=0.0, equaliser_probability=0.0))
    return config


def stage1_of(generator: GeneratorConfig) -> TrainingConfig:
    """Return how a generator of a known kind is trained on multitracks."""
    return replace(stage1(generator.kind if generator.kind in STAGE1 else "default"), generator=generator)


def stage2(config: TrainingConfig, name: str) -> TrainingConfig:
    """Return a run's stage 2 by an adversarial preset, with its learning rate and batch. Raises: UsageError for an unknown name."""
    return replace(config, adversarial=adversarial_preset(name), **STAGE2[name])
