"""Exporting a bundle: the ordinary way in for programs."""

from pathlib import Path

from tfsep.bundle import Bundle

from .artefact import Exported, write_artefact
from .format import Options
from .formats import check_combination
from .graph import spectrogram_graph
from .parity import Reference
from .waveform import waveform_graph


def export_model(
    bundle: Bundle,
    path: Path,
    *,
    to: str = "litert",
    precision: str = "fp16",
    waveform: bool = False,
    options: Options | None = None,
) -> Exported:
    """Write one file, and its contract beside it.

    Args:
        path: with the format's suffix.
        to: litert, onnx or coreml.
        precision: one of the format's, see `formats.FORMATS`.
        waveform: from sound to sound, rather than from features to masks.
    Raises: UsageError for a combination that there is not; else as `write_artefact`.
    """
    chosen = check_combination(to, precision, waveform=waveform)
    graph = waveform_graph(bundle) if waveform else spectrogram_graph(bundle)
    return write_artefact(graph, Reference(graph), path, chosen, precision, options)
