"""What searches have found, by genre: `<genre>.json`, which `tfsep train --config` reads, and beside it what it is.

The registry is a folder, `tuning/presets` in the package; a search writes one of its own, and what is good is copied over.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.errors import ModelError
from tfsep.training.config import TrainingConfig

from .results import MULTIPLY_ADDS, PARAMETERS, SDR, SHARE, STEPS, SearchResult, TrialResult
from .settings import SearchSettings
from .space import Chosen, training_config

PACKAGED = Path(__file__).with_name("presets")
_ABOUT = ".about.json"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One entry.

    Attributes:
        path: of the configuration.
        about: what was measured in the search: `genre`, `sdr`, `multiply_adds`, `parameters`, `trial` and so on.
    """

    path: Path
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Such as `electronic`, or `electronic-front-2` for another model of its front."""
        return self.path.stem


def write_presets(folder: Path, settings: SearchSettings, result: SearchResult) -> list[Path]:
    """Write the winner as `<genre>.json` and each model of the front as `<genre>-front-<n>.json`, the cheapest first.

    Returns: the paths of the configurations, the winner's first. Raises: AudioError if they cannot be written.
    """
    if not result.completed:
        return []
    chosen = {settings.genre: result.completed[0]}
    chosen |= {f"{settings.genre}-front-{number}": trial for number, trial in enumerate(result.front, 1)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from None
    for old in sorted(folder.glob(f"{settings.genre}-front-*.json")):
        old.unlink()  # of an earlier part of the search; there may have been more of them
    paths = []
    for name, trial in chosen.items():
        paths.append(folder / f"{name}.json")
        _write(paths[-1], preset_config(settings, trial).to_json())
        _write(folder / f"{name}{_ABOUT}", _about(settings, result, trial))
    return paths


def preset_config(settings: SearchSettings, trial: TrialResult) -> TrainingConfig:
    """Return the configuration of a trial, as long as the search's base is, rather than the trial."""
    return training_config(Chosen(trial.values), settings.space, settings.base)


def read_presets(folder: Path = PACKAGED) -> list[Preset]:
    """Return a registry's entries, sorted by name. Raises: ModelError for a damaged one."""
    presets = []
    for about in sorted(folder.glob(f"*{_ABOUT}")):
        path = about.with_name(about.name.removesuffix(_ABOUT) + ".json")
        try:
            presets.append(Preset(path=path, about=json.loads(about.read_text(encoding="utf-8"))))
            TrainingConfig.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{path}: not a preset ({error}): delete it and {about.name}, or write them again") from None
    return presets


def _about(settings: SearchSettings, result: SearchResult, trial: TrialResult) -> dict[str, Any]:
    return {
        "genre": settings.genre,
        **{name: trial.metrics[name] for name in (SDR, MULTIPLY_ADDS, PARAMETERS, STEPS, SHARE)},
        "trial": trial.name,
        "trials": len(result.trials),
        "tuner": settings.tuner,
        "seed": settings.seed,
        "hyperparameters": trial.values,
    }


def _write(path: Path, values: Mapping[str, Any]) -> None:
    with AtomicFile(path) as target:
        target.file.write(json.dumps(values, indent=1).encode() + b"\n")
