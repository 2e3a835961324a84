"""Harmonic-percussive separation by median filters, and drums made with it: the baseline that a drum separator has to beat.

A steady tone is a line along time in a spectrogram, a hit a line along frequency; a median along either keeps the one and
removes the other (Fitzgerald 2010, "Harmonic/percussive separation using median filtering"). Margins are those of Driedger,
Müller and Disch 2014, "Extending harmonic-percussive separation of audio signals". Defaults are those of librosa.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from tfsep.dsp.stft import StreamingIstft, StreamingStft
from tfsep.errors import MissingExtraError
from tfsep.spec import SpectrogramSpec


def median_along(values: np.ndarray, axis: int, kernel: int) -> np.ndarray:
    """Replace each value by the median of its `kernel` neighbours along one axis, mirrored at the ends with the edge repeated.

    Args:
        values: float32, any shape.
        kernel: odd, 1 or more.
    Returns: float32 of that shape.
    Raises: ValueError for another `kernel`, MissingExtraError without scipy.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel={kernel}: use an odd number of 1 or more")
    try:
        from scipy.ndimage import median_filter
    except ModuleNotFoundError:
        raise MissingExtraError("scipy", "evaluate", "harmonic-percussive separation") from None
    half = kernel // 2
    lines = np.moveaxis(values, axis, -1)
    padded = np.pad(lines, [(0, 0)] * (lines.ndim - 1) + [(half, half)], mode="symmetric")
    # as one long line: scipy's filter for one axis is ten times faster than its general one; what crosses from line to line
    # falls into the padding
    medians = median_filter(padded.reshape(-1), size=kernel, mode="reflect").reshape(padded.shape)
    return np.moveaxis(medians[..., half : half + lines.shape[-1]], -1, axis)


def hpss_masks(
    magnitudes: np.ndarray, *, kernel: int = 31, margin: float = 1.0, power: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the soft masks of what is harmonic and what is percussive.

    Args:
        magnitudes: float32 `(frames, bins)` or `(frames, bins, channels)`, linear amplitude, >= 0.
        kernel: length of both median filters, in frames and in bins; odd.
        margin: how many times larger one part must be than the other to count as such, 1 or more. With 1 the masks sum to
            one; above, what is neither is in none.
        power: exponent of the masks, above 0.
    Returns: two float32 masks of that shape in [0, 1].
    Raises: ValueError for arguments out of range, MissingExtraError without scipy.
    """
    if magnitudes.ndim not in (2, 3):
        raise ValueError(f"magnitudes must be (frames, bins) or (frames, bins, channels), got shape {magnitudes.shape}")
    if margin < 1:
        raise ValueError(f"margin={margin}: use 1 or more")
    if power <= 0:
        raise ValueError(f"power={power}: use a number above 0")
    magnitudes = magnitudes.astype(np.float32, copy=False)
    harmonic = median_along(magnitudes, 0, kernel)
    percussive = median_along(magnitudes, 1, kernel)
    return _soft_mask(harmonic, percussive, margin, power), _soft_mask(percussive, harmonic, margin, power)


def _soft_mask(wanted: np.ndarray, unwanted: np.ndarray, margin: float, power: float) -> np.ndarray:
    unwanted = unwanted * np.float32(margin)
    scale = np.maximum(wanted, unwanted)  # so that no power overflows or vanishes
    silent = scale < np.finfo(np.float32).tiny
    scale[silent] = 1
    wanted_power = (wanted / scale) ** np.float32(power)
    unwanted_power = (unwanted / scale) ** np.float32(power)
    total = wanted_power + unwanted_power
    total[silent] = 1
    mask = wanted_power / total
    mask[silent] = 0.5 if margin == 1 else 0.0
    return mask


class HpssBaseline:
    """Takes the percussive part of a song for its drums; any length, in bounded memory.

    The result does not depend on how the song is cut into blocks: each group of frames is filtered together with the
    neighbours that its medians reach.

    Args:
        window_samples, hop_samples: of the spectrogram, at whatever sample rate.
        kernel, margin, power: as `hpss_masks`.
        group_frames: frames filtered at once.

    Raises: ValueError for arguments out of range.
    """

    stems = ("drums",)

    def __init__(
        self,
        *,
        window_samples: int = 2048,
        hop_samples: int = 512,
        kernel: int = 31,
        margin: float = 1.0,
        power: float = 2.0,
        group_frames: int = 256,
    ) -> None:
        if group_frames < 1:
            raise ValueError(f"group_frames={group_frames}: use 1 or more")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel={kernel}: use an odd number of 1 or more")
        self.window_samples, self.hop_samples = window_samples, hop_samples
        self.kernel, self.margin, self.power, self.group_frames = kernel, margin, power, group_frames

    def stream(self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int) -> Iterator[np.ndarray]:
        """Yield the drums of a mixture, float32 `(samples, channels)`, in order; as many samples as went in.

        Args:
            blocks: float32 `(samples, channels)` of any lengths.
        Raises: ValueError for arguments out of range, MissingExtraError without scipy.
        """
        spec = SpectrogramSpec(
            sample_rate_hz=sample_rate_hz, window_samples=self.window_samples, hop_samples=self.hop_samples, channels=channels
        )
        forward, inverse = StreamingStft(spec, channels), StreamingIstft(spec, channels)
        reach = self.kernel // 2
        pending = np.zeros((0, spec.bins, channels), np.complex64)
        before = 0  # frames at the start of `pending` that are done and stay for their neighbours' sake
        samples_in = samples_out = 0
        for block in blocks:
            samples_in += len(block)
            pending = np.concatenate([pending, forward.push(block)])
            while len(pending) >= before + self.group_frames + reach:
                done = before + self.group_frames
                drums = inverse.push(self._percussive(pending[: done + reach])[before:done])
                samples_out += len(drums)
                yield drums
                pending, before = pending[max(0, done - reach) :], min(reach, done)
        pending = np.concatenate([pending, forward.finish()])
        if len(pending) > before:
            yield inverse.push(self._percussive(pending)[before:])[: samples_in - samples_out]

    def _percussive(self, spectra: np.ndarray) -> np.ndarray:
        return spectra * hpss_masks(np.abs(spectra), kernel=self.kernel, margin=self.margin, power=self.power)[1]
