"""SDR of songs held out from training, as a run goes."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfsep.contract import residual_stem
from tfsep.data.cache import CachedTrack
from tfsep.models.config import GeneratorConfig
from tfsep.models.presets import build_generator
from tfsep.training.config import TrainingConfig
from tfsep.training.loss import estimate_errors, mixture_spectra

Tensor = Any
CROPS = 24  # of each song
SILENT = 1e-7  # of the energy of all stems: what a stem must have more of to be scored


def scored_stems(track: CachedTrack, stems: Sequence[str]) -> tuple[str, ...]:
    """Return which stems of a song can be scored: not the missing ones, nor then the residual one, which may hold them."""
    there = [stem for stem in stems if track.parts(stem, stems)]
    return tuple(stem for stem in there if len(there) == len(stems) or stem != residual_stem(stems))


def validation_crops(track: CachedTrack, stems: Sequence[str], *, samples: int, count: int) -> np.ndarray:
    """Cut `count` crops, evenly spread over a song: float32 `(count, stems, channels, samples)`, silence for missing stems."""
    starts = np.linspace(0, max(0, track.length - samples), count).astype(int)
    crops = np.zeros((count, len(stems), track.samples.shape[2], samples), np.float32)
    for item, start in enumerate(starts):
        for position, stem in enumerate(stems):
            if track.parts(stem, stems):
                audio = track.read(stem, stems, int(start), samples)
                crops[item, position, :, : len(audio)] = audio.T
    return crops


def decibels(energy: float, error: float) -> float:
    """Return the SDR, `10 log10(energy / error)`."""
    return float(10 * np.log10((energy + 1e-12) / (error + 1e-12)))


class Validator:
    """Scores weights on songs that are held out, with a generator of its own.

    Args:
        config: of the run; crops are as long as in training.
    """

    def __init__(self, config: TrainingConfig, songs: Sequence[CachedTrack]):
        self._config, self._songs = config, tuple(songs)
        self._generator = build_generator(config.generator, config.crop_frames)
        self._errors = SongErrors(self._generator, config.generator)

    def scores(self, weights: Sequence[np.ndarray]) -> dict[str, dict[str, float]]:
        """Return SDR in dB by song and stem, for weights in the order of the generator's variables.

        A stem that is silent, as in an instrumental, has no SDR: it is left out.
        """
        for variable, value in zip(self._generator.variables, weights, strict=True):
            variable.assign(value)
        config, stems = self._config, self._config.generator.stems
        result = {}
        for song in self._songs:
            crops = validation_crops(song, stems, samples=config.crop_samples, count=CROPS)
            parts = [self._errors.predict_on_batch(crops[at : at + config.batch]) for at in range(0, CROPS, config.batch)]
            energy, error = (np.concatenate([part[side] for part in parts]).sum(axis=0) for side in (0, 1))
            heard = energy > SILENT * energy.sum()
            scored = [i for i, stem in enumerate(stems) if heard[i] and stem in scored_stems(song, stems)]
            result[song.name] = {stems[i]: decibels(energy[i], error[i]) for i in scored}
        return result

    def by_genre(self, scores: dict[str, dict[str, float]]) -> dict[str, float]:
        """Return the mean SDR in dB of each genre that the songs name."""
        genres: dict[str, list[float]] = {}
        for song in self._songs:
            if song.genre:
                genres.setdefault(song.genre, []).extend(scores[song.name].values())
        return {genre: float(np.mean(values)) for genre, values in sorted(genres.items()) if values}


class SongErrors(keras.Model):
    """What SDR is made of, for a batch of crops; a model, since Keras compiles those on any backend.

    From audio float32 `(batch, stems, channels, samples)` to the energies of targets and of errors, each `(batch, stems)`,
    measured on spectra, where the redundant transform weighs every sample alike but those at the edges.
    """

    def __init__(self, generator: keras.Model, config: GeneratorConfig):
        super().__init__(dtype="float32")  # or the sound would be rounded to the network's precision
        self.generator, self.config = generator, config
        self.built = True
        self.compile(jit_compile=keras.backend.backend() == "jax")  # XLA is several times slower on CPUs

    def call(self, audio):
        spectra = mixture_spectra(audio, self.config.spec)
        estimates = self.generator.masks(spectra.features(self.config))
        errors = estimate_errors([estimates[stem] for stem in self.config.stems], spectra.magnitude, spectra.targets)
        return _energies(spectra.targets), _energies(errors)


def _energies(spectra: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return `(batch, stems)` of each stem's real and imaginary part."""
    return ops.stack([ops.sum(ops.square(real) + ops.square(imag), axis=(1, 2, 3)) for real, imag in spectra], axis=1)


def mean_sdr(scores: dict[str, dict[str, float]]) -> float:
    """Return the mean over all stems of all songs, in dB."""
    return float(np.mean([value for stems in scores.values() for value in stems.values()]))
