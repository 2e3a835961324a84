"""Exporting a bundle: the ordinary way in for programs."""

from pathlib import Path

from tfsep.bundle import Bundle

from .artefact import Exported, write_artefact
from .format import Options
from .formats import check_combination
from .live import check_live, model_graph
from .parity import Reference
from .waveform import waveform_graph


def export_model(
    bundle: Bundle,
    path: Path,
    *,
    to: str = "litert",
    precision: str = "fp16",
    waveform: bool = False,
    block_frames: int = 1,
    options: Options | None = None,
) -> Exported:
    """Write one file, and its contract beside it.

    Args:
        path: with the format's suffix.
        to: litert, onnx or coreml.
        precision: one of the format's, see `formats.FORMATS`.
        waveform: from sound to sound, rather than from features to masks.
        block_frames: of a call, for models of kind live.
    Raises: UsageError for a combination that there is not; else as `write_artefact`.
    """
    chosen = check_combination(to, precision, waveform=waveform)
    check_live(bundle.config, waveform=waveform, precisions=(precision,), block_frames=block_frames)
    graph = waveform_graph(bundle) if waveform else model_graph(bundle, block_frames=block_frames)
    return write_artefact(graph, Reference(graph), path, chosen, precision, options)
