"""Golden vectors of the streaming model: some hops one after the other, and the states that they leave."""

from collections.abc import Mapping

import numpy as np

from tfsep.bundle import Bundle
from tfsep.contract_live import NEXT
from tfsep.dsp.stft import stft
from tfsep.separation.live import LiveSeparator
from tfsep.separation.live_runtime import LiveRuntime, step_outputs

from ..parity import distance_db
from .golden import GoldenSet, loudest, parts

HOPS = 4  # enough for stems that are final, and for states that are not zero on any level


def live_set(bundle: Bundle, clip: np.ndarray, source: str) -> GoldenSet:
    """Separate the loudest hops of a clip `(samples, channels)` by Keras in float32, one frame a call, and keep every stage."""
    contract = bundle.contract.in_blocks(1)
    spec, calls = contract.spec, []

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = {name: np.asarray(value) for name, value in step_outputs(bundle.generator, contract, inputs).items()}
        calls.append((inputs[contract.input_name][0], outputs))
        return outputs

    sound, where = loudest(clip, spec, HOPS * spec.hop_samples)
    live = LiveSeparator(LiveRuntime(contract, run), channels=spec.channels)
    stems = live.process(sound)
    left = calls[-1][1]
    arrays = {
        "input": sound,
        "stft": parts(stft(sound, spec)[:HOPS]),
        "features": np.concatenate([features for features, _ in calls]),
        "masks": np.stack([[outputs[stem][0] for stem in contract.stems] for _, outputs in calls]),
        "states": np.concatenate([left[NEXT + name].ravel() for name, _ in contract.states]),
        "stems": np.stack([stems[stem][live.latency_samples :] for stem in contract.stems]),
    }
    return GoldenSet(contract, f"{where} of {source}, hop by hop through Keras in float32", arrays)


def compare_live(golden: GoldenSet, runtime: LiveRuntime) -> dict[str, float]:
    """Return how far a file's masks are from the set's, in dB."""
    found, names = runtime.predict(golden.arrays["features"]), golden.contract.stems
    wanted = {stem: golden.arrays["masks"][:, index, 0] for index, stem in enumerate(names)}
    return {"masks": distance_db(found, wanted, names)}
