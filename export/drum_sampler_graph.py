"""The graphs of a drum sampler: from grids to codes, and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfsep.training.drum_sampler_bundle import ABOUT_FILE, DrumSamplerBundle

from .graph import Graph, Predict, Tensor, bundle_folder


def find_sampler_bundle(model: str) -> Path | None:
    """Return the folder of a drum sampler that `tfsep train-drum-samples` wrote, or its `best`; None if `model` names something else."""
    return bundle_folder(model, ABOUT_FILE)


def sampler_graphs_of(folder: Path) -> dict[str, Graph]:
    """Return the graph of each part of the sampler in a folder. Raises: as `DrumSamplerBundle.load`."""
    bundle = DrumSamplerBundle.load(folder)
    sampler = bundle.sampler
    return {
        part: Graph(bundle.contract(part), function, tuple(sampler.variables), _reference(function))
        for part, function in (("encoder", sampler.codes), ("decoder", sampler.grids))
    }


def _reference(function: Callable[[np.ndarray], dict[str, Tensor]]) -> Predict:
    def reference(tensor: np.ndarray) -> dict[str, np.ndarray]:
        return {name: np.asarray(values)[0] for name, values in function(tensor[np.newaxis]).items()}

    return reference
