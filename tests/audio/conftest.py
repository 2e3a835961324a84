"""Sounds and pictures that the tests of tfsep.audio write and read."""

import shutil
import struct
import zlib
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def tones(rng):
    """Return a function that makes float32 `(samples, channels)`: tones that differ by channel, and some noise, below 0.6."""

    def make(samples: int, channels: int = 2, sample_rate_hz: int = 44_100) -> np.ndarray:
        time_s = np.arange(samples)[:, None] / sample_rate_hz
        sines = 0.3 * np.sin(2 * np.pi * np.array([[220.0, 331.0]])[:, :channels] * time_s)
        return (sines + rng.normal(0, 0.03, (samples, channels)).clip(-0.2, 0.2)).astype(np.float32)

    return make


@pytest.fixture
def png():
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\0" + bytes([9 * row, 20, 200 - row]) * 16 for row in range(16))
    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def jpeg():
    buffer = BytesIO()
    with av.open(buffer, "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 90, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.fixture
def libav_encode():
    """Return a function that encodes float32 `(samples, channels)` with libav alone, for files that tfsep only reads."""

    def encode(path: Path, samples: np.ndarray, codec: str, container: str, *, rate=44_100, bit_rate=192_000, **options: str):
        layout = "stereo" if samples.shape[1] == 2 else "mono"
        with av.open(str(path), "w", format=container, options=options) as output:
            stream = output.add_stream(codec, rate=rate, layout=layout)
            stream.bit_rate = bit_rate
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return path

    return encode


@pytest.fixture
def ffmpeg():
    """The path of ffmpeg's folder; ffprobe and stempeg need it too."""
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        pytest.skip("ffmpeg and ffprobe are not installed: apt-get install ffmpeg")
    return shutil.which("ffmpeg")


@pytest.fixture
def lag_samples():
    """Return a function that tells how many samples `later` lags behind `earlier`, by the peak of their cross-correlation."""

    def lag(later: np.ndarray, earlier: np.ndarray) -> int:
        size = 1 << (len(later) + len(earlier)).bit_length()
        product = np.fft.rfft(later[:, 0], size) * np.conj(np.fft.rfft(earlier[:, 0], size))
        peak = int(np.argmax(np.fft.irfft(product)))
        return peak if peak < size // 2 else peak - size

    return lag
