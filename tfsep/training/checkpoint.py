"""Everything a run needs to go on exactly where it stopped, in one file that is never half-written."""

import json
import zipfile
import zlib
from pathlib import Path

import keras
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


def save_checkpoint(
    path: Path, generator: keras.Model, optimizer: keras.optimizers.Optimizer, average: AveragedWeights, progress: dict
) -> None:
    """Write generator, optimizer, averaged weights and `progress` (JSON values) to one `.npz` file.

    Raises: AudioError if the file cannot be written.
    """
    arrays = {f"generator/{i:04d}": np.asarray(v) for i, v in enumerate(generator.variables)}
    arrays |= {f"optimizer/{i:04d}": np.asarray(v) for i, v in enumerate(optimizer.variables)}
    arrays |= {f"average/{i:04d}": value for i, value in enumerate(average.values)}
    described = json.dumps(progress | {"average_updates": average.updates})
    try:
        with AtomicFile(path) as target:
            np.savez(target.file, progress=np.frombuffer(described.encode(), np.uint8), **arrays)
    except OSError as error:  # a full disk
        raise write_error(path, error) from None


def load_checkpoint(
    path: Path, generator: keras.Model, optimizer: keras.optimizers.Optimizer, average: AveragedWeights
) -> dict:
    """Read what `save_checkpoint` wrote into models that are built alike; return `progress`.

    Raises: ModelError if the file is damaged or of another architecture.
    """
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        progress = json.loads(arrays.pop("progress").tobytes())
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelError(f"{path}: not a checkpoint of this program ({error}); delete it to start again") from None
    for kind, variables in (("generator", generator.variables), ("optimizer", optimizer.variables)):
        stored = [arrays[name] for name in sorted(arrays) if name.startswith(f"{kind}/")]
        if [value.shape for value in stored] != [tuple(variable.shape) for variable in variables]:
            raise ModelError(
                f"{path}: a checkpoint of another {kind}: use the configuration it was trained with, or another --out"
            )
        for variable, value in zip(variables, stored, strict=True):
            variable.assign(value)
    average.values = [arrays[name] for name in sorted(arrays) if name.startswith("average/")]
    average.updates = progress.pop("average_updates")
    return progress
