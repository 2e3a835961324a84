"""Everything a run needs to go on exactly where it stopped, in one file that is never half-written."""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.errors import ModelError


class AveragedWeights:
    """Exponential moving average of weights, on the host.

    The decay starts small, `(1 + t) / (10 + t)`, so that the first average is not that of the initial weights.
    """

    def __init__(self, variables: list, decay: float):
        self.decay, self.updates = decay, 0
        self.values = [np.array(variable) for variable in variables]

    def update(self, variables: list) -> None:
        """Take in the current weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for value, variable in zip(self.values, variables, strict=True):
            value *= decay
            value += (1 - decay) * np.asarray(variable)


def save_parts(path: Path, parts: Mapping[str, Sequence], average: AveragedWeights, progress: dict) -> None:
    """Write networks and optimizers, averaged weights and `progress` (JSON values) to one `.npz` file.

    Args:
        parts: the variables of each part by its name, for example `generator`, `optimizer`.

    Raises: AudioError if the file cannot be written.
    """
    arrays = {
        f"{name}/{i:04d}": np.asarray(variable) for name, variables in parts.items() for i, variable in enumerate(variables)
    }
    arrays |= {f"average/{i:04d}": value for i, value in enumerate(average.values)}
    described = json.dumps(progress | {"average_updates": average.updates})
    try:
        with AtomicFile(path) as target:
            np.savez(target.file, progress=np.frombuffer(described.encode(), np.uint8), **arrays)
    except OSError as error:  # a full disk
        raise write_error(path, error) from None


def load_parts(path: Path, parts: Mapping[str, Sequence], average: AveragedWeights) -> dict:
    """Read what `save_parts` wrote into variables of parts that are built alike; return `progress`.

    Nothing is changed unless all of it fits.

    Raises: ModelError if the file is damaged, of another architecture, or holds other parts.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        progress = json.loads(arrays.pop("progress").tobytes())
        updates = progress.pop("average_updates")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(f"{path}: not a checkpoint of this program ({error}); delete it to start again") from None
    stored = {name: [] for name in dict.fromkeys(array.split("/")[0] for array in arrays)}
    for name in sorted(arrays):
        stored[name.split("/")[0]].append(arrays[name])
    averaged = stored.pop("average", [])
    if set(stored) != set(parts):
        raise ModelError(
            f"{path}: holds {', '.join(sorted(stored))}, but this run has {', '.join(sorted(parts))}: "
            "a checkpoint of another stage of training; use another --out"
        )
    for name, variables in parts.items():
        if [value.shape for value in stored[name]] != [tuple(variable.shape) for variable in variables]:
            raise ModelError(
                f"{path}: a checkpoint of another {name}: use the configuration it was trained with, or another --out"
            )
    for name, variables in parts.items():
        for variable, value in zip(variables, stored[name], strict=True):
            variable.assign(value)
    average.values, average.updates = averaged, updates
    return progress
