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

from tfsep.dsp.windows import hann_window, synthesis_window
from tfsep.spec import SpectrogramSpec

Tensor = Any  # of TensorFlow


@dataclass(frozen=True)
class Transform:
    """Transform and inverse for one geometry.

    Spectra are packed as the products leave them, `(signals * frames, A, 2, B / 2 + 1)`: k1, real or imaginary part, k2. Of the last
    k2, which is Nyquist for the first k1, the others repeat earlier bins and are left out of the inverse. To bring only magnitudes
    and masks into the order of the bins saves half of the transpositions.

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

    def multiply_adds_per_second(self, stems: int) -> float:
        """Return those of the matrix products for a second of audio: one transform, and an inverse for all stems but one."""
        a, b, half = self.outer, self.inner, self.inner // 2 + 1
        each = b * a * 2 * a + a * 2 * b * 2 * half  # of a frame, either way
        return each * stems * self.spec.channels * self.spec.frames_per_second

    def forward(self, signals: Tensor) -> Tensor:
        """Transform `(signals, samples)`, `samples` a whole number of hops, with `window - hop` zeros added on both sides.

        Returns: packed spectra of `samples / hop + window / hop - 1` frames.
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
        return tf.reshape(tf.matmul(tf.reshape(z, [count * a, 2 * b]), c["inner"]), [count, a, 2, b // 2 + 1])

    def magnitude(self, packed: Tensor, signal_count: int) -> Tensor:
        """Return the magnitudes of packed spectra, `(signals, frames, window / 2)`, the Nyquist bin left out."""
        import tensorflow as tf

        real, imaginary = packed[:, :, 0, :-1], packed[:, :, 1, :-1]
        return self._in_order(tf.sqrt(real * real + imaginary * imaginary), signal_count)

    def parts(self, packed: Tensor, signal_count: int) -> tuple[Tensor, Tensor]:
        """Return real and imaginary parts of packed spectra, each as `magnitude`."""
        return self._in_order(packed[:, :, 0, :-1], signal_count), self._in_order(packed[:, :, 1, :-1], signal_count)

    def _in_order(self, values: Tensor, signal_count: int) -> Tensor:
        import tensorflow as tf

        # k2, k1: the bins in their order
        return tf.reshape(tf.transpose(values, [0, 2, 1]), [signal_count, -1, self.spec.window_samples // 2])

    def packed_mask(self, mask: Tensor) -> Tensor:
        """Return a mask `(signals, frames, window / 2)` as a factor of packed spectra; Nyquist takes that of the bin below."""
        import tensorflow as tf

        a, half = self.outer, self.inner // 2 + 1
        wide = tf.concat([mask, mask[:, :, -1:], mask[:, :, : a - 1]], axis=-1)  # the last ones have no weight in the inverse
        return tf.transpose(tf.reshape(wide, [-1, half, a]), [0, 2, 1])[:, :, tf.newaxis]

    def weighted(self, packed: Tensor) -> Tensor:
        """Return what `inverse` takes, before or after masks: each bin times how often a real signal has it."""
        return packed * self._constants["weights"]

    def inverse(self, weighted: Tensor, signal_count: int) -> Tensor:
        """Invert `forward` by least squares; returns `(signals, samples)` without the zeros that it added."""
        import tensorflow as tf

        spec, c = self.spec, self._constants
        count, a, b, half = weighted.shape[0], self.outer, self.inner, self.inner // 2 + 1
        frames = count // signal_count
        hop, overlaps = spec.hop_samples, spec.window_samples // spec.hop_samples
        y = tf.reshape(tf.matmul(tf.reshape(weighted, [count * a, 2 * half]), c["inner_back"]), [count, a, 2 * b])
        y = tf.transpose(y, [0, 2, 1])  # n2, k1
        back, across = y[:, :b], y[:, b:]
        turned = tf.concat([back * c["cos"] - across * c["sin"], across * c["cos"] + back * c["sin"]], axis=-1)
        windows = tf.reshape(tf.matmul(tf.reshape(turned, [count * b, 2 * a]), c["outer_back"]), [count, b, a])
        windows = tf.reshape(tf.transpose(windows * c["synthesis"], [0, 2, 1]), [signal_count, frames, overlaps * hop])
        # pieces of one hop; only those that lie wholly inside the signal are wanted
        kept = frames - overlaps + 1
        total = sum(
            windows[:, overlaps - 1 - shift : overlaps - 1 - shift + kept, shift * hop : (shift + 1) * hop]
            for shift in range(overlaps)
        )
        return tf.reshape(total, [signal_count, kept * hop])

    @cached_property
    def _constants(self) -> dict[str, np.ndarray]:
        spec, a, b = self.spec, self.outer, self.inner
        size, half = spec.window_samples, b // 2 + 1
        outer = 2 * np.pi * np.outer(np.arange(a), np.arange(a)) / a
        inner = 2 * np.pi * np.outer(np.arange(b), np.arange(half)) / b
        twiddle = 2 * np.pi * np.outer(np.arange(b), np.arange(a)) / size
        window = hann_window(size).astype(np.float64)
        # the inverse of a real signal: each bin stands for two, but DC and Nyquist for one; what lies above is left out
        weights = np.where(np.arange(a * half) <= size // 2, 2.0, 0.0)
        weights[[0, size // 2]] = 1.0
        packed_weights = (weights / size).reshape(half, a).T[:, np.newaxis]
        cos, sin = np.cos(inner), np.sin(inner)
        constants = {
            "analysis": (window * 2 / window.sum()).reshape(a, b).T,
            "outer": np.concatenate([np.cos(outer), -np.sin(outer)], axis=1),
            "cos": np.cos(twiddle),
            "sin": np.sin(twiddle),
            "inner": np.block([[cos, -sin], [sin, cos]]),
            "weights": np.repeat(packed_weights, 2, axis=1),
            "inner_back": np.block([[cos.T, sin.T], [-sin.T, cos.T]]),
            "outer_back": np.concatenate([np.cos(outer), -np.sin(outer)], axis=0),
            "synthesis": synthesis_window(spec).astype(np.float64).reshape(a, b).T,
        }
        return {name: values.astype(np.float32) for name, values in constants.items()}


def factors(window_samples: int) -> tuple[int, int]:
    """Return `A >= B` with `A * B = window_samples`, B even, as near to each other as can be. Raises: ValueError if there are none."""
    for inner in range(int(window_samples**0.5), 1, -1):
        if window_samples % inner == 0 and inner % 2 == 0:
            return window_samples // inner, inner
    raise ValueError(f"window_samples={window_samples}: has no two factors of which one is even, for a transform in two stages")
