"""How much each hyperparameter mattered: permutation importance of a random forest that predicts the SDR of trials.

Breiman (2001), "Random Forests", section 10: what the prediction of trials that a tree has not seen loses when one column is shuffled.
Here the loss is measured on the trials that the forest was fitted to as a whole, by scikit-learn's `permutation_importance`; with so
few trials there is none to spare. The forest's out-of-bag R2 says whether it has learnt anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfsep.errors import MissingExtraError

from .results import SDR, SHARE, TrialResult

FEWEST_TRIALS = 10
_TREES = 150
_SHUFFLES = 10


@dataclass(frozen=True, kw_only=True)
class Importance:
    """What came out.

    Attributes:
        shares: by hyperparameter, the most important first, what shuffling it takes from the forest's R2: mean and standard deviation
            over the shuffles.
        out_of_bag_r2: of the forest: 1 is perfect; at 0 or less it has learnt nothing, and the shares say nothing.
    """

    shares: dict[str, tuple[float, float]]
    out_of_bag_r2: float
    trials: int


def importance(trials: Sequence[TrialResult], *, seed: int = 0) -> Importance | None:
    """Return how much each hyperparameter mattered in completed trials; None if they are too few or nothing varies.

    Raises: MissingExtraError without scikit-learn.
    """
    names = sorted({name for trial in trials for name in trial.values})
    columns = {name: _column([trial.values.get(name) for trial in trials]) for name in names}
    columns["share of the steps"] = np.array([trial.metrics[SHARE] for trial in trials])
    columns = {name: column for name, column in columns.items() if len(column) and np.ptp(column) > 0}
    if len(trials) < FEWEST_TRIALS or not columns:
        return None
    try:
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.inspection import permutation_importance
    except ModuleNotFoundError:
        raise MissingExtraError("sklearn", "tune", "the importance of hyperparameters") from None
    table, sdr_db = np.column_stack(list(columns.values())), np.array([trial.metrics[SDR] for trial in trials])
    forest = RandomForestRegressor(_TREES, oob_score=True, min_samples_leaf=2, random_state=seed).fit(table, sdr_db)
    shuffled = permutation_importance(forest, table, sdr_db, n_repeats=_SHUFFLES, random_state=seed)
    found = dict(zip(columns, zip(shuffled.importances_mean, shuffled.importances_std, strict=True), strict=True))
    ordered = sorted(found.items(), key=lambda item: -item[1][0])
    return Importance(
        shares={name: (float(mean), float(deviation)) for name, (mean, deviation) in ordered},
        out_of_bag_r2=float(forest.oob_score_),
        trials=len(trials),
    )


def _column(values: Sequence) -> np.ndarray:
    """Return numbers for the values of one hyperparameter: themselves, or the rank of each word; -1 where it has none."""
    known = sorted({value for value in values if value is not None}, key=str)
    if all(isinstance(value, int | float) for value in known):
        return np.array([-1.0 if value is None else float(value) for value in values])
    return np.array([-1.0 if value is None else float(known.index(value)) for value in values])
