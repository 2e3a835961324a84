"""Golden vectors of the genre classifier: a moment of sound, its log-mel spectrum and what the network says of it."""

import numpy as np

from tfsep.audio import Audio, Resampler
from tfsep.contract_genre import LOGITS
from tfsep.dsp.genre_excerpts import GenreInput
from tfsep.separation.runtime import Runtime
from tfsep.training.genre_bundle import GenreBundle

from ..genre_graph import genre_graph
from ..parity import distance_db
from .golden import GoldenSet, loudest

HOPS = 16  # the rest of the excerpt is silent


def genre_set(bundle: GenreBundle, clip: Audio, source: str) -> GoldenSet:
    """Hear the loudest moment of a clip by Keras in float32."""
    contract = bundle.contract
    spec = contract.spec
    resampler = Resampler(clip.sample_rate_hz, spec.sample_rate_hz, clip.channels)
    at_rate = np.concatenate([resampler.process(clip.samples), resampler.flush()])
    sound, where = loudest(at_rate, spec, HOPS * spec.hop_samples)
    log_mel = GenreInput(contract).log_mel(sound)
    arrays = {"input": sound, "log_mel": log_mel, "logits": genre_graph(bundle).reference(log_mel)[LOGITS]}
    return GoldenSet(contract, f"{where} of {source}, then silence, through Keras in float32", arrays)


def compare_genre(golden: GoldenSet, runtime: Runtime) -> dict[str, float]:
    """Return how far a file's logits are from the set's, in dB."""
    found = runtime.predict(golden.arrays["log_mel"])
    return {"logits": distance_db(found, {LOGITS: golden.arrays["logits"]}, (LOGITS,))}
