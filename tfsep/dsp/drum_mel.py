"""From a drum stem to what a drum transcriber hears of it: the same for training and for use."""

import numpy as np

from tfsep.contract_drums import DrumContract
from tfsep.dsp.mel import log_mel, mel_filterbank
from tfsep.dsp.stft import StreamingStft


class DrumMel:
    """Turns mono sound that arrives in blocks into log-mel frames, which do not depend on the blocks; `push` them, then `finish`."""

    def __init__(self, contract: DrumContract):
        self._spec = contract.spec
        self._filterbank = mel_filterbank(contract.spec, contract.mel_bands, contract.low_hz, contract.high_hz)
        self._stft = StreamingStft(contract.spec, 1)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take float32 `(samples, 1)` at the contract's rate; return the frames it completes, float32 `(frames, mel_bands)`."""
        return self._log_mel(self._stft.push(samples))

    def finish(self) -> np.ndarray:
        """Return the frames that reach past the end of the sound."""
        return self._log_mel(self._stft.finish())

    def _log_mel(self, spectra: np.ndarray) -> np.ndarray:
        return log_mel(np.abs(spectra[:, : self._spec.model_bins, 0]), self._spec, self._filterbank)
