"""What a search has found: its trials as they lie on disk, and the front of SDR against cost."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsep.errors import ModelError

# The names of a trial's results. The tuner minimises the last, the cost's penalty less the SDR; KerasTuner fixes its name.
SDR, MULTIPLY_ADDS, PARAMETERS, STEPS, SHARE, SECONDS = "sdr", "multiply_adds", "parameters", "steps", "share", "seconds"
COST_PENALTY, SCORE = "cost_penalty", "multi_objective"
COMPLETED, FAILED, RUNNING = "COMPLETED", "FAILED", "RUNNING"
_TUNERS_OWN = "tuner/"  # begins the names of values that Hyperband adds


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial.

    Attributes:
        status: `COMPLETED`, `FAILED` or `RUNNING`; a search that was cut off leaves trials that run, which are done again.
        values: its hyperparameters, without those of the tuner's own.
        metrics: by the names above; none where it failed.
        message: why it failed.
    """

    name: str
    status: str
    values: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    message: str = ""

    @property
    def completed(self) -> bool:
        """Whether it has results."""
        return self.status == COMPLETED


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """All trials of a search, in the order of their names.

    Attributes:
        refused: values that broke a limit and were no trial: `values` and `reason`.
        seconds: that the search took, all of its parts together.
    """

    trials: tuple[TrialResult, ...]
    refused: tuple[dict[str, Any], ...]
    seconds: float

    @property
    def completed(self) -> list[TrialResult]:
        """The trials that have results, the best score first."""
        return sorted((trial for trial in self.trials if trial.completed), key=lambda trial: trial.metrics[SCORE])

    @property
    def front(self) -> list[TrialResult]:
        """The trials that no other beats in SDR at the same or less cost, the cheapest first."""
        return pareto_front(self.completed)


def pareto_front(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the trials that no other beats in SDR at the same or less cost, the cheapest first."""
    front, best = [], -math.inf
    for trial in sorted(trials, key=lambda trial: (trial.metrics[MULTIPLY_ADDS], -trial.metrics[SDR])):
        if trial.metrics[SDR] > best:
            best = trial.metrics[SDR]
            front.append(trial)
    return front


def cost_penalty(multiply_adds: float, price_db: float) -> float:
    """Return what a cost takes from the score, in dB: `price_db` for each doubling of the multiply-adds, 0 at 1 G a second."""
    return price_db * math.log2(multiply_adds / 1e9)


def read_results(out: Path) -> SearchResult:
    """Return what the search in a folder has found so far. Raises: ModelError for a folder that cannot be read."""
    state_path = out / "oracle.json"
    try:
        state = json.loads(state_path.read_text(encoding="utf-8"))
        trials = [_trial(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(out.glob("trial_*/trial.json"))]
        return SearchResult(trials=tuple(trials), refused=tuple(state["refused"]), seconds=state["seconds"])
    except FileNotFoundError:
        raise ModelError(f"{out}: no trial in it yet: start the search first") from None
    except OSError as error:
        raise ModelError(f"{out}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{out}: not the folder of a search ({error!r})") from None


def _trial(state: dict[str, Any]) -> TrialResult:
    values = state["hyperparameters"]["values"]
    metrics = state["metrics"]["metrics"] if state["status"] == COMPLETED else {}
    return TrialResult(
        name=state["trial_id"],
        status=state["status"] if state["status"] in (COMPLETED, FAILED) else RUNNING,
        values={name: value for name, value in values.items() if not name.startswith(_TUNERS_OWN)},
        metrics={name: history["observations"][0]["value"][0] for name, history in metrics.items()},
        message=state["message"] or "",
    )
