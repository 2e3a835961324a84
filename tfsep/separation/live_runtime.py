"""Running a causal generator block by block, whatever it was exported as."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfsep.contract import ModelContract
from tfsep.contract_live import NEXT, LiveContract

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]  # from the contract's inputs to its outputs


class LiveStream:
    """The masks of one song, frame after frame; the past of the song is kept in between."""

    def __init__(self, contract: LiveContract, run: Run):
        self.contract, self._run = contract, run
        self._states = {name: np.zeros(shape, np.float32) for name, shape in contract.states}

    def __call__(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of the frames that follow those of the call before.

        Args:
            features: float32 `(frames, model_bins, channels)`, a whole number of the contract's blocks.
        Returns: for each stem float32 of that shape.
        """
        block = self.contract.spec.frames
        if not len(features) or len(features) % block:
            raise ValueError(f"{len(features)} frames: use a multiple of the {block} of a block")
        masks = [self._block(features[start : start + block]) for start in range(0, len(features), block)]
        return {stem: np.concatenate([each[stem] for each in masks]) for stem in self.contract.stems}

    def _block(self, features: np.ndarray) -> dict[str, np.ndarray]:
        found = self._run({self.contract.input_name: features[np.newaxis], **self._states})
        self._states = {name: found[NEXT + name] for name in self._states}
        return {stem: found[stem][0] for stem in self.contract.stems}


def step_outputs(generator: Any, contract: LiveContract, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract's outputs, tensors of Keras, of a `tfsep.models.live.CausalUNet` for its inputs."""
    states = {name: inputs[name] for name, _ in contract.states}
    masks, following = generator.step(inputs[contract.input_name], states)
    return masks | {NEXT + name: following[name] for name in states}


class LiveRuntime:
    """A file or bundle of a causal generator.

    Args:
        contract: of the file.
        run: works out the outputs of a block; each call returns new arrays.
    """

    workers = 1  # a frame has to wait for those before it

    def __init__(self, contract: LiveContract, run: Run):
        self.contract, self._run = contract, run

    def stream(self) -> LiveStream:
        """Return who finds the masks of a song, beginning with silence before it."""
        return LiveStream(self.contract, self._run)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a song of so many frames, see `LiveStream`."""
        return self.stream()(features)


class ChunkedLive:
    """A causal generator where a whole song is there: a `Runtime` for chunks of many frames, to be used through `stream`."""

    workers = 1

    def __init__(self, runtime: LiveRuntime):
        self.contract: ModelContract = runtime.contract.in_chunks()
        self.stream, self.predict = runtime.stream, runtime.predict


def bundle_runtime(bundle: Any, *, frames: int) -> LiveRuntime:
    """Return a runtime of a `tfsep.bundle.Bundle` of a causal generator, run by Keras so many frames at a time."""
    contract = bundle.contract.in_blocks(frames)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = step_outputs(bundle.generator, contract, inputs)
        return {name: np.asarray(value) for name, value in outputs.items()}

    return LiveRuntime(contract, run)
