"""From a song to what a genre classifier hears of it: the same for training and for use."""

import numpy as np

from tfsep.contract_genre import GenreContract
from tfsep.dsp.hpss import hpss_masks
from tfsep.dsp.mel import log_mel, mel_filterbank
from tfsep.dsp.stft import stft


class GenreInput:
    """Makes a classifier's input from excerpts."""

    def __init__(self, contract: GenreContract):
        self.contract = contract
        self._filterbank = mel_filterbank(contract.spec, contract.mel_bands, contract.low_hz, contract.high_hz)

    def log_mel(self, sound: np.ndarray) -> np.ndarray | None:
        """Return the input for an excerpt, float32 `(frames, mel_bands, channels)`; None for silence.

        Args:
            sound: float32 mono `(samples, 1)` at the contract's rate; what is missing at its end is silent, what is too much is
                left out.
        """
        contract = self.contract
        sound = sound[: contract.excerpt_samples]
        rms = float(np.sqrt(np.mean(np.square(sound), dtype=np.float64))) if len(sound) else 0.0
        if rms < contract.silence_rms:
            return None
        result = np.zeros(contract.input_shape[1:], np.float32)
        spectra = stft(sound * np.float32(contract.level_rms / rms), contract.spec)
        magnitude = np.abs(spectra[: contract.spec.frames, : contract.spec.model_bins, 0])
        parts = [magnitude, magnitude * hpss_masks(magnitude)[1]] if contract.percussive else [magnitude]
        for channel, part in enumerate(parts):
            result[: len(part), :, channel] = log_mel(part, contract.spec, self._filterbank)
        return result

    def stacked(self, heard: list[np.ndarray | None]) -> np.ndarray:
        """Return float32 `(excerpts, frames, mel_bands, channels)`, silent ones left out."""
        there = [mel for mel in heard if mel is not None]
        return np.stack(there) if there else np.zeros((0, *self.contract.input_shape[1:]), np.float32)


def excerpt_starts(samples: int, contract: GenreContract) -> list[int]:
    """Return where the excerpts of a song of so many samples begin, see `GenreContract`; inside the song where it is long enough."""
    last = max(0, samples - contract.excerpt_samples)
    middles = [(k + 0.5) / contract.excerpts * samples for k in range(contract.excerpts)]
    return sorted({int(np.clip(middle - contract.excerpt_samples / 2, 0, last)) for middle in middles})
