"""Which genre family a song belongs to, from a few excerpts; without TensorFlow."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from tfsep.audio import Audio, Resampler, resampled_length, to_mono
from tfsep.audio.info import container_info, open_container
from tfsep.audio.pcm import to_float
from tfsep.contract_genre import LOGITS, GenreContract
from tfsep.dsp.genre_excerpts import GenreInput, excerpt_starts
from tfsep.errors import AudioError
from tfsep.separation.networks import NetworkKind
from tfsep.separation.runtime import Runtime

if TYPE_CHECKING:
    import av

CLASSIFIER = NetworkKind("genre", GenreContract)


class GenreClassifier:
    """Tells the family of a song; made by `load`, or from a runtime of a file whose contract is a `GenreContract`."""

    def __init__(self, runtime: Runtime):
        self._runtime = runtime
        self.contract: GenreContract = runtime.contract
        self._input = GenreInput(self.contract)

    @classmethod
    def load(cls, model: str | Path = CLASSIFIER.name) -> Self:
        """Load a classifier, see `NetworkKind.find`. Raises: as `NetworkKind.load`."""
        return cls(CLASSIFIER.load(model))

    @property
    def families(self) -> tuple[str, ...]:
        """The families that it tells apart."""
        return self.contract.families

    def probabilities(self, source: str | Path | Audio) -> dict[str, float] | None:
        """Return each family's probability, the likeliest first; None where all excerpts are silent.

        Args:
            source: a file, of which only the excerpts are decoded, or sound.
        Raises: AudioError for a file that cannot be read, or samples that are NaN or infinite.
        """
        sounds = _of_audio(source, self.contract) if isinstance(source, Audio) else _of_file(Path(source), self.contract)
        heard = self._input.stacked([self._input.log_mel(sound) for sound in sounds])
        if not len(heard):
            return None
        logits = np.mean([self._runtime.predict(each)[LOGITS] for each in heard], axis=0, dtype=np.float64)
        powers = np.exp((logits - logits.max()) / self.contract.temperature)
        order = np.argsort(-powers, kind="stable")
        return {self.families[index]: float(powers[index] / powers.sum()) for index in order}


def _of_audio(audio: Audio, contract: GenreContract) -> list[np.ndarray]:
    """Return the excerpts of sound in memory, float32 mono `(samples, 1)` at the contract's rate."""
    total = resampled_length(len(audio.samples), audio.sample_rate_hz, contract.spec.sample_rate_hz)
    sounds = []
    for start in excerpt_starts(total, contract):
        first = resampled_length(start, contract.spec.sample_rate_hz, audio.sample_rate_hz)
        count = resampled_length(contract.excerpt_samples, contract.spec.sample_rate_hz, audio.sample_rate_hz)
        sounds.append(_prepared(audio.samples[first : first + count], audio.sample_rate_hz, contract, "the sound"))
    return sounds


def _of_file(path: Path, contract: GenreContract) -> list[np.ndarray]:
    """Return the excerpts of a file, as `_of_audio`; where its length is unknown, or it cannot be sought, its first ones."""
    with open_container(path) as container:
        info = container_info(container, path, 0)
        total = info.frames or contract.excerpts * contract.excerpt_samples
        total = resampled_length(total, info.sample_rate_hz, contract.spec.sample_rate_hz)
        count = resampled_length(contract.excerpt_samples, contract.spec.sample_rate_hz, info.sample_rate_hz)
        sounds = []
        for start in excerpt_starts(total, contract):
            samples = _decoded(container, start / contract.spec.sample_rate_hz, count)
            sounds.append(_prepared(samples, info.sample_rate_hz, contract, str(path)))
    if not any(len(sound) for sound in sounds):
        raise AudioError(f"{path}: is damaged or without any sound, none of it can be decoded: copy or export the file again")
    return sounds


def _decoded(container: "av.container.InputContainer", start_s: float, count: int) -> np.ndarray:
    """Return up to `count` samples from about `start_s` on, float32 `(samples, channels)`, at the file's rate.

    An excerpt ends at a damaged place, since any part of a song will do.
    """
    import av

    stream = container.streams.audio[0]
    with suppress(av.FFmpegError):  # a stream that cannot be sought: the excerpt goes on where the last one ended
        container.seek(int(start_s / stream.time_base), stream=stream)
    parts: list[np.ndarray] = []
    with suppress(av.FFmpegError):
        for frame in container.decode(stream):
            samples = frame.to_ndarray()
            samples = samples.T if frame.format.is_planar else samples.reshape(-1, len(frame.layout.channels))
            # the place that was found lies before the one that was sought, by up to a packet or the space between index points
            early = 0 if parts or frame.time is None else max(0, round((start_s - frame.time) * frame.sample_rate))
            if early < len(samples):
                parts.append(samples[early:][:count])
                count -= len(parts[-1])
            if not count:
                break
    return to_float(np.concatenate(parts)) if parts else np.zeros((0, 1), np.float32)


def _prepared(samples: np.ndarray, sample_rate_hz: int, contract: GenreContract, source: str) -> np.ndarray:
    """Return an excerpt as float32 mono `(samples, 1)` at the contract's rate. Raises: AudioError for NaN or infinity."""
    mono = to_mono(samples)
    if not np.isfinite(mono).all():
        raise AudioError(f"{source}: has samples that are NaN or infinite: repair the file or export it again")
    resampler = Resampler(sample_rate_hz, contract.spec.sample_rate_hz, 1)
    return np.concatenate([resampler.process(mono), resampler.flush()])
