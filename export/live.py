"""The graph of a causal generator: some frames and the past in, masks and the past of the next call out."""

from collections.abc import Collection

import numpy as np

from tfsep.bundle import Bundle
from tfsep.contract_live import LIVE
from tfsep.errors import UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.separation.live_runtime import step_outputs

from .graph import Graph, Tensor, spectrogram_graph
from .to_litert import INTEGER


def model_graph(bundle: Bundle, *, block_frames: int = 1) -> Graph:
    """Return the graph of a bundle from features to masks.

    Args:
        block_frames: of a call, if the bundle is of kind live.
    """
    return live_graph(bundle, block_frames) if bundle.config.kind == LIVE else spectrogram_graph(bundle)


def live_graph(bundle: Bundle, block_frames: int = 1) -> Graph:
    """Return the graph of a bundle of kind live, which is compared with its call on all frames at once.

    Args:
        block_frames: of a call; each more delays the sound by a hop, and makes the work on a frame cheaper.
    """
    contract = bundle.contract.in_blocks(block_frames)

    def function(*tensors: Tensor) -> dict[str, Tensor]:
        return step_outputs(bundle.generator, contract, dict(zip(contract.inputs, tensors, strict=True)))

    def reference(features: np.ndarray) -> dict[str, np.ndarray]:
        return {stem: mask[0] for stem, mask in bundle.predict(features[np.newaxis]).items()}

    return Graph(contract, function, tuple(bundle.generator.variables), reference)


def check_live(config: GeneratorConfig, *, waveform: bool, precisions: Collection[str], block_frames: int) -> None:
    """Raise UsageError for what there is not of models of kind live, or of the others."""
    if block_frames < 1:
        raise UsageError(f"block_frames={block_frames}: use 1 or more")
    if config.kind != LIVE:
        if block_frames > 1:
            raise UsageError(f"block_frames={block_frames}: is for models of kind {LIVE}, this one is of kind {config.kind}")
        return
    if waveform:
        raise UsageError(f"there are no waveform files of models of kind {LIVE}: the app has the transform, see docs/live.md")
    if wrong := [each for each in precisions if each in INTEGER]:
        raise UsageError(f"precision {', '.join(wrong)}: there is none of models of kind {LIVE}; use int8, fp16 or fp32")
