"""What a search is: everything that its trials depend on, kept in `search.json` and compared when it is resumed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.errors import ModelError
from tfsep.training.config import TrainingConfig

from .constraints import Limits
from .space import Space

SETTINGS_FILE = "search.json"
TUNERS = ("hyperband", "bayesian", "random")
GENERAL = "general"  # the name of a search over songs of all genres
MAY_DIFFER = ("trials", "budget_s", "trial_s", "cache", "patience_s")  # between a search and its resumption


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The settings of a search.

    Attributes:
        genre: a family, or `general`.
        base: what is not searched, and how long the winner is trained; its steps are not those of a trial.
        data: `[KIND:]DIR[@WEIGHT]`, as `tfsep train --data` takes them.
        validation: folders of songs.
        unpaired: for stage 2, by role.
        initial: a model folder that trials start from, for stage 2.
        steps: of a trial at the base's batch; with another batch there are more or fewer, so that each hears as much audio.
        trial_s: seconds after which a trial is ended; what it has reached by then counts.
        trials: how many are started at most, without those that the limits turn down.
        budget_s: seconds of the whole search, over all of its resumptions.
        price_db: what a doubling of the multiply-adds must bring in SDR to be worth it, in the score that steers the tuner.
        patience_s: after which a silent worker, or a chief, is taken for lost.

    Raises: ValueError from a field out of range.
    """

    genre: str = GENERAL
    tuner: str = "hyperband"
    space: Space = field(default_factory=Space)
    limits: Limits = field(default_factory=Limits)
    base: TrainingConfig = field(default_factory=TrainingConfig)
    data: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    unpaired: dict[str, list[str]] = field(default_factory=dict)
    initial: str | None = None
    cache: str = ""
    steps: int = 400
    trial_s: float | None = None
    trials: int = 100
    budget_s: float | None = None
    price_db: float = 0.25
    seed: int = 1
    patience_s: float = 60.0

    def __post_init__(self):
        if self.tuner not in TUNERS:
            raise ValueError(f"tuner={self.tuner!r}: use {', '.join(TUNERS)}")
        for name in ("steps", "trials"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use 1 or more")
        for name in ("trial_s", "budget_s", "patience_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name}={value}: use a number above 0")
        if not 0 <= self.price_db < float("inf"):
            raise ValueError(f"price_db={self.price_db}: use 0 or more")
        if not 0 < self.seed < 2**31:  # KerasTuner takes 0 for none
            raise ValueError(f"seed={self.seed}: use 1 to {2**31 - 1}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        parts = {"space": self.space.to_json(), "limits": self.limits.to_json(), "base": self.base.to_json()}
        return asdict(self) | parts

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "SearchSettings":
        """Build settings from `to_json`'s fields. Raises: ValueError, TypeError for unknown fields or values out of range."""
        values = dict(fields)
        values["space"] = Space.from_json(values["space"])
        values["limits"] = Limits(**values["limits"])
        values["base"] = TrainingConfig.from_json(values["base"])
        for name in ("data", "validation"):
            values[name] = tuple(values[name])
        return cls(**values)


def read_settings(out: Path) -> SearchSettings:
    """Return the settings of the search in a folder. Raises: ModelError if there is none, or none that this program reads."""
    path = out / SETTINGS_FILE
    try:
        return SearchSettings.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ModelError(f"{out}: no search in it: name the --out of a search that was started") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path}: not the settings of a search ({error}): use another --out") from None


def keep_settings(out: Path, settings: SearchSettings) -> bool:
    """Write the settings of a new search, or compare with those of one that is to be resumed.

    Returns: whether there was a search already.
    Raises: ModelError if it is another one; AudioError if the folder cannot be written.
    """
    resumed = (out / SETTINGS_FILE).is_file()
    if resumed:
        changed = changes(read_settings(out), settings)
        if changed:
            raise ModelError(f"{out}: holds a search with another {', '.join(changed)}: use its settings or another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(out, error) from None
    with AtomicFile(out / SETTINGS_FILE) as target:
        target.file.write(json.dumps(settings.to_json(), indent=1).encode())
    return resumed


def changes(stored: SearchSettings, wanted: SearchSettings, *, may_differ: Sequence[str] = MAY_DIFFER) -> list[str]:
    """Return the names of settings that two searches do not have in common, and must."""
    before, after = stored.to_json(), json.loads(json.dumps(wanted.to_json()))
    before = json.loads(json.dumps(before))
    return sorted(name for name in before if name not in may_differ and before[name] != after[name])
