"""The Swift package's arithmetic in NumPy, step for step: same tables, same factorisation, same order, all in float32.

Each function is named for the Swift file it follows; where that changes, this must.
"""

import numpy as np

from tfsep.contract import ModelContract, residual_stem
from tfsep.spec import SpectrogramSpec

F = np.float32


def circle(count: int, whole: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of -2 pi k / whole, k < count: computed in double, rounded once."""
    angles = -2 * np.pi * np.arange(count) / whole
    return np.cos(angles).astype(F), np.sin(angles).astype(F)


def stockham(real: np.ndarray, imaginary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PureTransform.transform, on the last axis: radix 2, decimation in frequency, each pass into the other buffer."""
    half = real.shape[-1]
    cosines, sines = circle(half // 2, half)
    length, stride = half, 1
    while length > 1:
        middle = length // 2
        low, high = ([part.reshape(-1, 2, middle, stride)[:, side] for part in (real, imaginary)] for side in (0, 1))
        cosine, sine = cosines[: middle * stride : stride, None], sines[: middle * stride : stride, None]
        difference = low[0] - high[0], low[1] - high[1]
        even = low[0] + high[0], low[1] + high[1]
        odd = difference[0] * cosine - difference[1] * sine, difference[0] * sine + difference[1] * cosine
        real, imaginary = (np.stack(pair, axis=2).reshape(real.shape) for pair in zip(even, odd, strict=True))
        length, stride = length // 2, stride * 2
    return real, imaginary


def forward(samples: np.ndarray) -> np.ndarray:
    """PureTransform.forward of float32 `(..., size)`, as complex64 `(..., size / 2 + 1)`."""
    size = samples.shape[-1]
    half = size // 2
    real, imaginary = stockham(samples[..., 0::2], samples[..., 1::2])
    bins, mirror = np.arange(1, half), np.arange(half - 1, 0, -1)
    even = (real[..., bins] + real[..., mirror]) * F(0.5), (imaginary[..., bins] - imaginary[..., mirror]) * F(0.5)
    odd = (imaginary[..., bins] + imaginary[..., mirror]) * F(0.5), (real[..., mirror] - real[..., bins]) * F(0.5)
    cosine, sine = (table[1:] for table in circle(half, size))
    result = np.zeros((*samples.shape[:-1], half + 1), np.complex64)
    result.real[..., 0], result.real[..., half] = real[..., 0] + imaginary[..., 0], real[..., 0] - imaginary[..., 0]
    result.real[..., 1:half] = even[0] + (odd[0] * cosine - odd[1] * sine)
    result.imag[..., 1:half] = even[1] + (odd[0] * sine + odd[1] * cosine)
    return result


def inverse(spectra: np.ndarray) -> np.ndarray:
    """PureTransform.inverse of complex64 `(..., size / 2 + 1)`, as float32 `(..., size)`."""
    half = spectra.shape[-1] - 1
    real, imaginary = spectra.real, spectra.imag
    bins, mirror = np.arange(1, half), np.arange(half - 1, 0, -1)
    even = (real[..., bins] + real[..., mirror]) * F(0.5), (imaginary[..., bins] - imaginary[..., mirror]) * F(0.5)
    turned = (real[..., bins] - real[..., mirror]) * F(0.5), (imaginary[..., bins] + imaginary[..., mirror]) * F(0.5)
    cosine, sine = (table[1:] for table in circle(half, 2 * half))
    odd = turned[0] * cosine + turned[1] * sine, turned[1] * cosine - turned[0] * sine
    pair_real, pair_imaginary = np.empty((2, *spectra.shape[:-1], half), F)
    pair_real[..., 0], pair_imaginary[..., 0] = (
        (real[..., 0] + real[..., half]) * F(0.5),
        (real[..., 0] - real[..., half]) * F(0.5),
    )
    pair_real[..., 1:], pair_imaginary[..., 1:] = even[0] - odd[1], even[1] + odd[0]
    found_imaginary, found_real = stockham(pair_imaginary, pair_real)  # exchanged on both sides
    samples = np.stack([found_real, found_imaginary], axis=-1) * (F(1) / F(half))
    return samples.reshape(*spectra.shape[:-1], 2 * half)


def windows(spec: SpectrogramSpec) -> tuple[np.ndarray, np.ndarray]:
    """Windows.analysis and Windows.synthesis, float32."""
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(spec.window_samples) / spec.window_samples)).astype(F)
    total = sum(float(value) for value in hann)
    overlap = np.zeros(spec.hop_samples)
    for start in range(0, spec.window_samples, spec.hop_samples):
        overlap += hann[start : start + spec.hop_samples].astype(float) ** 2
    tiled = np.tile(overlap, spec.window_samples // spec.hop_samples)
    return hann * F(2 / total), (hann.astype(float) / tiled * (total / 2)).astype(F)


def stft(sound: np.ndarray, spec: SpectrogramSpec) -> np.ndarray:
    """StreamingStft of float32 `(samples, channels)`: complex64 `(frames, channels, bins)`."""
    lead, hop = spec.window_samples - spec.hop_samples, spec.hop_samples
    frames = (len(sound) + lead + hop - 1) // hop
    padded = np.pad(sound, ((lead, frames * hop), (0, 0)))
    pieces = np.stack([padded[k * hop : k * hop + spec.window_samples].T for k in range(frames)])
    return forward(pieces * windows(spec)[0])


def features(spectra: np.ndarray, contract: ModelContract) -> np.ndarray:
    """Analysis.writeFeatures of `(frames, channels, bins)`: float32 `(frames, model_bins, input channels)`."""
    cells = spectra[..., :-1]
    magnitude = np.sqrt(cells.real * cells.real + cells.imag * cells.imag)
    compressed = np.log1p(F(contract.spec.feature_gain) * magnitude)
    parts = [compressed]
    if contract.mask == "complex":
        turn = compressed / np.maximum(magnitude, np.finfo(F).tiny)
        parts += [cells.real * turn, cells.imag * turn]
    return np.concatenate(parts, axis=1).transpose(0, 2, 1)


def faded(masks: list[np.ndarray], overlap: int) -> np.ndarray:
    """CrossFader over the chunks `(frames, ...)` of one stem."""
    fade = (np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / max(1, overlap)) ** 2).astype(F)
    out, held = [], None
    for chunk in masks:
        values = chunk.copy()
        if held is not None:
            values[:overlap] = (values[:overlap] - held) * fade[:, None, None] + held
        final = max(0, len(values) - overlap)
        out.append(values[:final])
        held = values[final:]
    return np.concatenate([*out, held])


def stems(sound: np.ndarray, masks: np.ndarray, contract: ModelContract) -> dict[str, np.ndarray]:
    """Analysis, ChunkCutter and Synthesis.

    Args:
        masks: float32 `(chunks, stems, frames, model_bins, mask channels)`, as golden vectors hold them.
    """
    spec = contract.spec
    spectra, (_, window) = stft(sound, spec), windows(spec)
    frames, step = len(spectra), spec.frames - contract.overlap_frames
    result, rest = {}, sound.copy()
    residual = residual_stem(contract.stems)
    for index, stem in enumerate(contract.stems):
        if stem == residual:
            continue
        chunks = [chunk[index, : min(spec.frames, frames - k * step)] for k, chunk in enumerate(masks)]
        mask = faded(chunks, contract.overlap_frames).transpose(0, 2, 1)
        mask = np.concatenate([mask, mask[..., -1:]], axis=2)
        channels = spec.channels
        product = np.empty_like(spectra)
        if contract.mask == "complex":
            gain, turn = mask[:, :channels], mask[:, channels:]
            product.real = spectra.real * gain - spectra.imag * turn
            product.imag = spectra.real * turn + spectra.imag * gain
        else:
            product.real, product.imag = spectra.real * mask, spectra.imag * mask
        output = np.zeros(((frames - 1) * spec.hop_samples + spec.window_samples, sound.shape[1]), F)
        for k, piece in enumerate(inverse(product)):  # frame after frame, the earlier first
            output[k * spec.hop_samples : k * spec.hop_samples + spec.window_samples] += (piece * window).T
        lead = spec.window_samples - spec.hop_samples
        result[stem] = output[lead : lead + len(sound)]
        rest = rest - result[stem]
    result[residual] = rest
    return result
