"""The two halves of a separation around the model: samples to features, and masks to stems, both chunk by chunk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfsep.audio import Resampler, resampled_length
from tfsep.contract import ModelContract
from tfsep.dsp.masks import mask_factor
from tfsep.dsp.overlap_add import ChunkCutter, CrossFader
from tfsep.dsp.stft import StreamingIstft, StreamingStft, features
from tfsep.errors import ModelError


@dataclass(frozen=True, eq=False)
class StemBlock:
    """A stretch of the song: the mixture and its stems by name, each float32 `(samples, channels)`, not rounded to any file."""

    mixture: np.ndarray
    stems: dict[str, np.ndarray]


class Analysis:
    """From the song's samples to chunks of spectra and to what the model sees of them.

    Args:
        contract: of the model.
        sample_rate_hz, channels: of the song.
    """

    def __init__(self, contract: ModelContract, sample_rate_hz: int, channels: int):
        self._spec, self._channels = contract.spec, channels
        self._shape, self._mask = contract.input_shape[1:], contract.mask
        self._resampler = Resampler(sample_rate_hz, contract.spec.sample_rate_hz, channels)
        self._stft = StreamingStft(contract.spec, channels)
        self._cutter = ChunkCutter(contract.spec.frames, contract.overlap_frames)

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Take float32 `(samples, channels)`; yield the chunks it completes, complex64 `(spec.frames, bins, channels)`."""
        yield from self._cutter.push(self._stft.push(self._resampler.process(block)))

    def finish(self) -> Iterator[np.ndarray]:
        """Yield the chunks that reach to the end of the song, the last one shorter."""
        yield from self._cutter.push(self._stft.push(self._resampler.flush()))
        yield from self._cutter.push(self._stft.finish())
        yield from self._cutter.finish()

    def features(self, chunk: np.ndarray) -> np.ndarray:
        """Return the model's input for a chunk: float32, of the contract's `input_shape` without the batch axis.

        A short chunk is filled up with silence. Mono is given to each of the model's channels; a mono model sees the mid.
        """
        spec = self._spec
        if self._channels > spec.channels:
            chunk = chunk.mean(axis=2, keepdims=True)
        found = features(chunk, spec, self._mask)
        if found.shape[2] not in (1, self._shape[2]):  # a song in mono: each part once for each of the model's channels
            found = np.repeat(found, spec.channels, axis=2)
        result = np.zeros(self._shape, np.float32)
        result[: len(chunk)] = found
        return result


class Synthesis:
    """From chunks of spectra and their masks to blocks of the mixture and its stems.

    Args:
        contract: of the model.
        residual: the stem that is the mixture minus all others.
        wanted: the stems to return.
        sample_rate_hz, channels: of the song.
    """

    def __init__(self, contract: ModelContract, residual: str, wanted: Sequence[str], sample_rate_hz: int, channels: int):
        self._model, self._spec, self._channels = contract.name, contract.spec, channels
        self._kind = contract.mask
        self._residual, self._wanted, self._sample_rate_hz = residual, wanted, sample_rate_hz
        others = [stem for stem in contract.stems if stem != residual]
        # what is inverted: each stem that is wanted and, where only the residual needs them, the rest as one
        self._groups = [(stem,) for stem in others if stem in wanted]
        rest = tuple(stem for stem in others if stem not in wanted)
        if residual in wanted and rest:
            self._groups.append(rest)
        count = len(self._groups)
        self._faders = [CrossFader(contract.overlap_frames) for _ in range(count)]
        self._istfts = [StreamingIstft(contract.spec, channels) for _ in range(count)]
        self._resamplers = [Resampler(contract.spec.sample_rate_hz, sample_rate_hz, channels) for _ in range(count)]
        self._mixture = np.zeros((0, channels), np.float32)  # whose stems are not ready yet
        self._taken = 0  # samples of the mixture so far
        self._inverted = 0  # samples of each group so far, at the model's rate

    def take_mixture(self, block: np.ndarray) -> None:
        """Keep a block of the song, float32 `(samples, channels)`, until its stems are ready."""
        self._mixture = np.concatenate([self._mixture, block])
        self._taken += len(block)

    def add_chunk(self, chunk: np.ndarray, masks: dict[str, np.ndarray], *, last: bool) -> Iterator[StemBlock]:
        """Take a chunk of `Analysis` and the masks that the model found for it; yield what is final, or all if it is the last."""
        parts = []
        for group, fader, istft, resampler in zip(self._groups, self._faders, self._istfts, self._resamplers, strict=True):
            mask = fader.push(self._mask(group, masks)[: len(chunk)])
            if last:
                mask = np.concatenate([mask, fader.finish()])
            samples = istft.push(_product(chunk[: len(mask)], mask))
            parts.append(self._rest(samples, resampler) if last else resampler.process(samples))
        self._inverted += len(samples)
        yield from self._block(parts)

    def without_chunks(self) -> Iterator[StemBlock]:
        """Yield a song of a sample or two, of which the model's lower rate left nothing: all of it is the residual."""
        yield from self._block([np.zeros_like(self._mixture) for _ in self._groups])

    def _rest(self, samples: np.ndarray, resampler: Resampler) -> np.ndarray:
        """Return the last stretch of a stem at the song's rate, cut from the model's last frames, as long as what is left."""
        total = resampled_length(self._taken, self._sample_rate_hz, self._spec.sample_rate_hz)
        samples = resampler.process(samples[: total - self._inverted])
        samples = np.concatenate([samples, resampler.flush()])[: len(self._mixture)]
        missing = len(self._mixture) - len(samples)  # resampling there and back rounds the length twice
        return np.pad(samples, ((0, missing), (0, 0))) if missing else samples

    def _mask(self, group: tuple[str, ...], masks: dict[str, np.ndarray]) -> np.ndarray:
        """Return one mask for a group of stems, float32 or complex64 `(spec.frames, model_bins, 1 or channels)`."""
        mask = masks[group[0]] if len(group) == 1 else np.sum([masks[stem] for stem in group], axis=0)
        if not np.isfinite(mask.sum()):
            raise ModelError(f"model {self._model}: gives masks for {', '.join(group)} that are not finite: use another model")
        mask = mask_factor(mask, self._kind)
        if mask.shape[2] > self._channels:
            return mask.mean(axis=2, keepdims=True)
        # laid out in memory as the spectra are, channel by channel, which halves the time of each product
        return np.ascontiguousarray(mask.transpose(2, 0, 1)).transpose(1, 2, 0)

    def _block(self, parts: list[np.ndarray]) -> Iterator[StemBlock]:
        """Yield a block of the mixture with its stems out of what each group has got ready."""
        ready = len(parts[0])
        if not ready:
            return
        mixture, self._mixture = self._mixture[:ready], self._mixture[ready:]
        stems = {group[0]: part for group, part in zip(self._groups, parts, strict=True)}
        if self._residual in self._wanted:
            rest = mixture - parts[0]
            for part in parts[1:]:
                rest -= part
            stems[self._residual] = rest
        yield StemBlock(mixture, {stem: stems[stem] for stem in self._wanted})


def _product(spectra: np.ndarray, mask: np.ndarray) -> np.ndarray:
    masked = np.empty_like(spectra)
    np.multiply(spectra[:, :-1], mask, out=masked[:, :-1])
    np.multiply(spectra[:, -1], mask[:, -1], out=masked[:, -1])  # the model does not see the Nyquist bin
    return masked
