"""The short-time Fourier transform and its inverse as matrix products, for files that hold them.

No runtime for phones has an FFT operator that all its accelerators take. A transform of `window = A * B` samples is two stages
of products with small matrices (Cooley and Tukey 1965, with both factors done as plain DFTs):

    n = B n1 + n2, k = k1 + A k2:  X[k] = sum_n2 e^(-2 pi i n2 k2 / B) e^(-2 pi i n2 k1 / N) sum_n1 x[n] e^(-2 pi i n1 k1 / A)

For 4096 samples that is 64 x 64: 32 times fewer multiplications than one matrix, whose constants would take 134 MB.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfsep.dsp.stft import hann_window, synthesis_window
from tfsep.spec import SpectrogramSpec

Tensor = Any  # of TensorFlow


@dataclass(frozen=True)
class Transform:
    """Transform and inverse for one geometry.

    Spectra are pairs of real tensors `(signals, frames, kept_bins)`: all bins from DC to Nyquist, and `A - 1` more that repeat
    earlier ones and are left out of the inverse.

    Raises: ValueError if the window has no two factors, one of them even.
    """

    spec: SpectrogramSpec

    def __post_init__(self):
        factors(self.spec.window_samples)

    @property
    def outer(self) -> int:
        """The factor A."""
        return factors(self.spec.window_samples)[0]

    @property
    def inner(self) -> int:
        """The factor B, even."""
        return factors(self.spec.window_samples)[1]

    @property
    def kept_bins(self) -> int:
        """Bins of the tensors: `A * (B / 2 + 1)`."""
        return self.outer * (self.inner // 2 + 1)

    def multiply_adds_per_second(self, stems: int) -> float:
        """Return those of the matrix products for a second of audio: one transform, and an inverse for all stems but one."""
        a, b, half = self.outer, self.inner, self.inner // 2 + 1
        each = b * a * 2 * a + a * 2 * b * 2 * half  # of a frame, either way
        return each * stems * self.spec.channels * self.spec.frames_per_second

    def forward(self, signals: Tensor) -> tuple[Tensor, Tensor]:
        """Transform `(signals, samples)`, `samples` a whole number of hops, with `window - hop` zeros added on both sides.

        Returns: real and imaginary part, `(signals, samples / hop + window / hop - 1, kept_bins)`.
        """
        import tensorflow as tf

        spec, c = self.spec, self._constants
        signal_count, hop, overlaps = signals.shape[0], spec.hop_samples, spec.window_samples // spec.hop_samples
        lead = spec.window_samples - hop
        frames = signals.shape[1] // hop + overlaps - 1
        pieces = tf.reshape(tf.pad(signals, [[0, 0], [lead, lead]]), [signal_count, frames + overlaps - 1, hop])
        windows = tf.concat([pieces[:, shift : shift + frames] for shift in range(overlaps)], axis=-1)
        count, a, b = signal_count * frames, self.outer, self.inner
        x = tf.transpose(tf.reshape(windows, [count, a, b]), [0, 2, 1]) * c["analysis"]  # n2, n1
        y = tf.reshape(tf.matmul(tf.reshape(x, [count * b, a]), c["outer"]), [count, b, 2 * a])
        real, imaginary = y[:, :, :a], y[:, :, a:]
        turned = [real * c["cos"] + imaginary * c["sin"], imaginary * c["cos"] - real * c["sin"]]  # n2, k1
        z = tf.transpose(tf.concat(turned, axis=1), [0, 2, 1])  # k1, n2
        z = tf.reshape(tf.matmul(tf.reshape(z, [count * a, 2 * b]), c["inner"]), [count, a, 2 * (b // 2 + 1)])
        z = tf.transpose(z, [0, 2, 1])  # k2, k1: the bins in their order
        half = b // 2 + 1
        shape = [signal_count, frames, self.kept_bins]
        return tf.reshape(z[:, :half], shape), tf.reshape(z[:, half:], shape)

    def inverse(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """Invert `forward` by least squares; returns `(signals, samples)` without the zeros that it added."""
        import tensorflow as tf

        spec, c = self.spec, self._constants
        signal_count, frames, _ = real.shape
        count, a, b, half = signal_count * frames, self.outer, self.inner, self.inner // 2 + 1
        hop, overlaps = spec.hop_samples, spec.window_samples // spec.hop_samples
        parts = [tf.reshape(part, [count, half, a]) for part in (real, imaginary)]
        x = tf.transpose(tf.concat(parts, axis=1) * c["weights"], [0, 2, 1])  # k1, k2
        y = tf.reshape(tf.matmul(tf.reshape(x, [count * a, 2 * half]), c["inner_back"]), [count, a, 2 * b])
        y = tf.transpose(y, [0, 2, 1])  # n2, k1
        back, across = y[:, :b], y[:, b:]
        turned = tf.concat([back * c["cos"] - across * c["sin"], across * c["cos"] + back * c["sin"]], axis=-1)
        windows = tf.reshape(tf.matmul(tf.reshape(turned, [count * b, 2 * a]), c["outer_back"]), [count, b, a])
        windows = tf.reshape(tf.transpose(windows * c["synthesis"], [0, 2, 1]), [signal_count, frames, overlaps * hop])
        total = sum(
            tf.pad(windows[:, :, shift * hop : (shift + 1) * hop], [[0, 0], [shift, overlaps - 1 - shift], [0, 0]])
            for shift in range(overlaps)
        )
        cut = total[:, overlaps - 1 : frames]  # one hop less for each frame that reaches into the zeros
        return tf.reshape(cut, [signal_count, (frames - overlaps + 1) * hop])

    @cached_property
    def _constants(self) -> dict[str, np.ndarray]:
        spec, a, b = self.spec, self.outer, self.inner
        size, half = spec.window_samples, b // 2 + 1
        outer = 2 * np.pi * np.outer(np.arange(a), np.arange(a)) / a
        inner = 2 * np.pi * np.outer(np.arange(b), np.arange(half)) / b
        twiddle = 2 * np.pi * np.outer(np.arange(b), np.arange(a)) / size
        window = hann_window(size).astype(np.float64)
        # the inverse of a real signal: each bin stands for two, but DC and Nyquist for one; what lies above is left out
        weights = np.where(np.arange(self.kept_bins) <= size // 2, 2.0, 0.0)
        weights[[0, size // 2]] = 1.0
        cos, sin = np.cos(inner), np.sin(inner)
        constants = {
            "analysis": (window * 2 / window.sum()).reshape(a, b).T,
            "outer": np.concatenate([np.cos(outer), -np.sin(outer)], axis=1),
            "cos": np.cos(twiddle),
            "sin": np.sin(twiddle),
            "inner": np.block([[cos, -sin], [sin, cos]]),
            "weights": np.tile((weights / size).reshape(half, a), (2, 1)),
            "inner_back": np.block([[cos.T, sin.T], [-sin.T, cos.T]]),
            "outer_back": np.concatenate([np.cos(outer), -np.sin(outer)], axis=0),
            "synthesis": synthesis_window(size, spec.hop_samples).astype(np.float64).reshape(a, b).T,
        }
        return {name: values.astype(np.float32) for name, values in constants.items()}


def factors(window_samples: int) -> tuple[int, int]:
    """Return `A >= B` with `A * B = window_samples`, B even, as near to each other as can be. Raises: ValueError if there are none."""
    for inner in range(int(window_samples**0.5), 1, -1):
        if window_samples % inner == 0 and inner % 2 == 0:
            return window_samples // inner, inner
    raise ValueError(f"window_samples={window_samples}: has no two factors of which one is even, for a transform in two stages")
