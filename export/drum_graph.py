"""The graph of a drum transcriber: from log-mel spectra to onsets and velocities."""

from pathlib import Path

import numpy as np

from tfsep.creative.drums.transcriber import TRANSCRIBER
from tfsep.training.drum_bundle import ABOUT_FILE, DrumBundle

from .graph import Graph, Tensor, bundle_folder


def find_drum_bundle(model: str) -> Path | None:
    """Return the folder of a drum transcriber, None if `model` names something else.

    Args:
        model: a folder that `tfsep train-drums` wrote, its `best`, or "drums" for the one that comes with tfsep.
    """
    return bundle_folder(model, ABOUT_FILE, TRANSCRIBER.find().parent if model == TRANSCRIBER.name else None)


def drum_graph(bundle: DrumBundle) -> Graph:
    """Return the graph from log-mel spectra to onsets and velocities."""

    def reference(log_mel: np.ndarray) -> dict[str, np.ndarray]:
        found = bundle.transcriber(log_mel[np.newaxis], training=False)
        return {name: np.asarray(values)[0] for name, values in found.items()}

    def function(log_mel: Tensor) -> dict[str, Tensor]:
        return bundle.transcriber(log_mel, training=False)

    return Graph(bundle.contract, function, tuple(bundle.transcriber.variables), reference)


def drum_graph_of(folder: Path) -> Graph:
    """Return the graph of the transcriber in a folder. Raises: as `DrumBundle.load`."""
    return drum_graph(DrumBundle.load(folder))
