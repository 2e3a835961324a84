"""Ways in which recordings lose their highs: filters, low sample rates, few bits, lossy codecs. All keep the sound in place.

Every function takes float32 `(samples, channels)` and returns that shape.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio, Resampler
from tfsep.audio.encode import EncodedStream
from tfsep.audio.mp3 import write_exact_length
from tfsep.errors import MissingExtraError

FIR_TAPS = 255
CUTOFFS_HZ = (3000.0, 16_500.0)  # between which filters are drawn, evenly on a logarithmic axis
BIT_RATES = {"mp3": (48_000, 64_000, 80_000, 96_000, 112_000, 128_000), "aac": (32_000, 48_000, 64_000, 80_000, 96_000)}
FILTERS = ("butterworth", "fir", "brickwall", "resampled", "8-bit")


@dataclass(frozen=True)
class Degradation:
    """One way to lose the highs: `kind` of `FILTERS` at a cutoff in Hz, or a codec of `BIT_RATES` at a bit rate."""

    kind: str
    amount: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Degradation":
        """Draw one; a third of all are codecs."""
        if rng.random() < 1 / 3:
            codec = str(rng.choice(sorted(BIT_RATES)))
            return cls(codec, float(rng.choice(BIT_RATES[codec])))
        low_hz, high_hz = CUTOFFS_HZ
        return cls(str(rng.choice(FILTERS)), float(low_hz * (high_hz / low_hz) ** rng.random()))

    def apply(self, sound: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Return the degraded sound. Raises: ValueError for an unknown kind."""
        if self.kind in BIT_RATES:
            return codec_round_trip(sound, sample_rate_hz, self.kind, int(self.amount))
        if self.kind not in FILTERS:
            raise ValueError(f"kind={self.kind!r}: use {', '.join((*FILTERS, *BIT_RATES))}")
        function = {
            "butterworth": butterworth,
            "fir": fir_low_pass,
            "brickwall": brickwall,
            "resampled": resampled,
            "8-bit": eight_bit,
        }[self.kind]
        return function(sound, sample_rate_hz, self.amount)


def butterworth(sound: np.ndarray, sample_rate_hz: int, cutoff_hz: float, order: int = 20) -> np.ndarray:
    """Low-pass with a Butterworth filter, forwards and backwards, so that nothing is delayed. Needs SciPy."""
    try:
        from scipy.signal import butter, sosfiltfilt
    except ModuleNotFoundError:
        raise MissingExtraError("scipy", "train", "degrading training sound") from None
    sections = butter(order // 2, cutoff_hz, fs=sample_rate_hz, output="sos")
    return sosfiltfilt(sections, sound, axis=0).astype(np.float32)


def fir_low_pass(sound: np.ndarray, sample_rate_hz: int, cutoff_hz: float) -> np.ndarray:
    """Low-pass with a short windowed sinc (Hamming, `FIR_TAPS` taps), as cheap converters do."""
    at = np.arange(FIR_TAPS) - FIR_TAPS // 2
    edge = 2 * cutoff_hz / sample_rate_hz
    taps = edge * np.sinc(edge * at) * np.hamming(FIR_TAPS)
    size = 1 << (len(sound) + FIR_TAPS).bit_length()
    spectrum = np.fft.rfft(sound, size, axis=0) * np.fft.rfft(taps, size)[:, np.newaxis]
    return np.fft.irfft(spectrum, size, axis=0)[FIR_TAPS // 2 :][: len(sound)].astype(np.float32)


def brickwall(sound: np.ndarray, sample_rate_hz: int, cutoff_hz: float) -> np.ndarray:
    """Leave out all of the sound's Fourier transform above the cutoff."""
    spectrum = np.fft.rfft(sound, axis=0)
    spectrum[np.fft.rfftfreq(len(sound), 1 / sample_rate_hz) > cutoff_hz] = 0
    return np.fft.irfft(spectrum, len(sound), axis=0).astype(np.float32)


def resampled(sound: np.ndarray, sample_rate_hz: int, cutoff_hz: float) -> np.ndarray:
    """Resample to twice the cutoff and back."""
    low_hz = round(2 * cutoff_hz)
    return _resample(_resample(sound, sample_rate_hz, low_hz), low_hz, sample_rate_hz, len(sound))


def eight_bit(sound: np.ndarray, sample_rate_hz: int, cutoff_hz: float) -> np.ndarray:
    """Resample to twice the cutoff, round to 8 bits of the sound's own peak, and resample back, as early samplers and consoles."""
    low_hz = round(2 * cutoff_hz)
    low = _resample(sound, sample_rate_hz, low_hz)
    step = max(float(np.abs(low).max(initial=0.0)), 1e-9) / 127
    return _resample(np.rint(low / step).astype(np.float32) * np.float32(step), low_hz, sample_rate_hz, len(sound))


def codec_round_trip(sound: np.ndarray, sample_rate_hz: int, codec: str, bit_rate: int) -> np.ndarray:
    """Encode with a lossy codec and decode again, delay and padding taken out.

    Args:
        codec: mp3 (LAME) or aac (libav's own encoder).
        bit_rate: in bits a second, of all channels.
    """
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("sound.mp3" if codec == "mp3" else "sound.m4a")
        with path.open("wb+") as file:
            options = {} if codec == "mp3" else {"movie_timescale": str(sample_rate_hz)}
            container = av.open(file, "w", format="mp3" if codec == "mp3" else "ipod", options=options)
            stream = EncodedStream(
                container,
                "libmp3lame" if codec == "mp3" else "aac",
                sample_rate_hz=sample_rate_hz,
                channels=sound.shape[1],
                sample_format="fltp",
                bit_rate=bit_rate,
            )
            for packet in (*stream.encode(sound), *stream.flush()):
                container.mux(packet)
            container.close()
            if codec == "mp3":
                write_exact_length(file, len(sound))
        decoded = Audio.read(path).samples
    return _fitted(decoded, len(sound))


def _resample(sound: np.ndarray, from_hz: int, to_hz: int, samples: int | None = None) -> np.ndarray:
    resampler = Resampler(from_hz, to_hz, sound.shape[1])
    result = np.concatenate([resampler.process(sound), resampler.flush()])
    return result if samples is None else _fitted(result, samples)


def _fitted(sound: np.ndarray, samples: int) -> np.ndarray:
    """Cut or fill up with silence."""
    return np.pad(sound[:samples], ((0, max(0, samples - len(sound))), (0, 0)))
