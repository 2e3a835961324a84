"""What is scored: models and the baseline, behind one interface."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfsep.errors import UsageError
from tfsep.evaluation.dataset import STEMS
from tfsep.evaluation.targets import REST_STEMS, unscored_stems
from tfsep.separation.hpss_runtime import DRUMS, HpssRuntime
from tfsep.separation.separator import Separator

MIXTURE_LABEL = "mixture"
SCALED_LABEL = "scaled mixture"  # the mixture times the gain that suits the song best: a control that separates nothing
HPSS_LABEL = "HPSS"
BASELINE_LABELS = (HPSS_LABEL, SCALED_LABEL, MIXTURE_LABEL)


class StemBlock(Protocol):
    """A block of estimates: each float32 `(samples, channels)`."""

    stems: Mapping[str, np.ndarray]


class StreamingSeparator(Protocol):
    """What `evaluate` asks of a model; `tfsep.Separator` is one."""

    stems: tuple[str, ...]

    def stream(self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int) -> Iterator[StemBlock]:
        """Yield estimates of the mixture in `blocks`, in order, as many samples as went in."""


class Hpss:
    """The model `hpss` as a baseline, of whose stems the drums alone are of interest."""

    stems = (DRUMS,)

    def __init__(self) -> None:
        self._separator = Separator(HpssRuntime())

    def stream(self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int) -> Iterator[StemBlock]:
        """Yield the percussive part of the mixture as drums."""
        return self._separator.stream(blocks, sample_rate_hz=sample_rate_hz, channels=channels, stems=self.stems)


def load_model(model: str | Path, threads: int) -> StreamingSeparator:
    """Load a model by name or path. Raises: ModelError as `Separator.load`."""
    return Separator.load(model, threads=threads)


def check_stems(label: str, stems: Sequence[str]) -> None:
    """Raise UsageError if none of a model's stems can be scored."""
    if len(unscored_stems(stems)) == len(stems):
        raise UsageError(
            f"{label}: estimates {', '.join(stems)}, of which songs have no reference: use a model with stems among "
            f"{', '.join(STEMS)}, or with {' or '.join(REST_STEMS)} for all that it does not name"
        )


def labels_of(models: Sequence[str | Path | StreamingSeparator]) -> list[str]:
    """Name the models for tables: by file name, by the whole path where two would be the same, numbered if they still are."""
    names = [_short_name(model) for model in models]
    longer = [str(model) if isinstance(model, str | Path) else name for model, name in zip(models, names, strict=True)]
    taken = set(BASELINE_LABELS)
    labels = []
    for short, long in zip(names, longer, strict=True):
        name = short if names.count(short) == 1 else long
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name} ({number})"
        taken.add(label)
        labels.append(label)
    return labels


def _short_name(model: str | Path | StreamingSeparator) -> str:
    if isinstance(model, str | Path):
        return Path(model).name or str(model)
    contract = getattr(model, "contract", None)
    return contract.name if contract is not None else type(model).__name__


def training_of(model: StreamingSeparator) -> dict[str, Any]:
    """Return what a model's contract says of its training, as JSON values; empty without one."""
    contract = getattr(model, "contract", None)
    return dict(contract.training) if contract is not None else {}
