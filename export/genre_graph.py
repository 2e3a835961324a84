"""The graph of a genre classifier: from log-mel excerpts to logits."""

from pathlib import Path

import numpy as np

from tfsep.contract_genre import LOGITS
from tfsep.separation.genre import CLASSIFIER
from tfsep.training.genre_bundle import ABOUT_FILE, GenreBundle

from .graph import Graph, Tensor, bundle_folder


def find_genre_bundle(model: str) -> Path | None:
    """Return the folder of a genre classifier, None if `model` names something else.

    Args:
        model: a folder that `tfsep train-genres` wrote, its `best`, or "genre" for the one that comes with tfsep.
    """
    return bundle_folder(model, ABOUT_FILE, CLASSIFIER.find().parent if model == CLASSIFIER.name else None)


def genre_graph(bundle: GenreBundle) -> Graph:
    """Return the graph from log-mel spectra to logits."""

    def reference(log_mel: np.ndarray) -> dict[str, np.ndarray]:
        return {LOGITS: np.asarray(bundle.classifier(log_mel[np.newaxis], training=False)[LOGITS])[0]}

    def function(log_mel: Tensor) -> dict[str, Tensor]:
        return bundle.classifier(log_mel, training=False)

    return Graph(bundle.contract, function, tuple(bundle.classifier.variables), reference)


def genre_graph_of(folder: Path) -> Graph:
    """Return the graph of the classifier in a folder. Raises: as `GenreBundle.load`."""
    return genre_graph(GenreBundle.load(folder))
