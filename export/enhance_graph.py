"""The graph of a super-resolution network: from narrow spectra to magnitudes."""

from pathlib import Path

import numpy as np

from tfsep.contract_enhance import MAGNITUDE
from tfsep.creative.enhance.enhancer import NETWORK
from tfsep.training.enhance_bundle import ABOUT_FILE, EnhanceBundle

from .graph import Graph, Tensor, bundle_folder


def find_enhance_bundle(model: str) -> Path | None:
    """Return the folder of a super-resolution network, None if `model` names something else.

    Args:
        model: a folder that `tfsep train-enhance` wrote, its `best`, or "enhance" for the one that comes with tfsep, unless
            such a folder is called so.
    """
    return bundle_folder(model, ABOUT_FILE, NETWORK.find().parent if model == NETWORK.name else None)


def enhance_graph(bundle: EnhanceBundle) -> Graph:
    """Return the graph from the contract's input to compressed magnitudes."""

    def reference(spectrum: np.ndarray) -> dict[str, np.ndarray]:
        return {MAGNITUDE: np.asarray(bundle.network(spectrum[np.newaxis]))[0]}

    def function(spectrum: Tensor) -> dict[str, Tensor]:
        return {MAGNITUDE: bundle.network(spectrum)}

    return Graph(bundle.contract, function, tuple(bundle.network.variables), reference)


def enhance_graph_of(folder: Path) -> Graph:
    """Return the graph of the network in a folder. Raises: as `EnhanceBundle.load`."""
    return enhance_graph(EnhanceBundle.load(folder))
