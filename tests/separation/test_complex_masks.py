"""Complex masks through the whole path, with a model that knows the stems."""

from dataclasses import dataclass

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.contract import ModelContract
from tfsep.dsp.stft import features, istft, stft
from tfsep.errors import ModelError
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=16, feature_gain=100.0)
STEMS = ("drums", "other")


@dataclass
class Masks:
    """A runtime that gives the masks of one chunk after the other, by what the input shows of each."""

    contract: ModelContract
    function: object
    workers: int = 1

    def predict(self, seen):
        assert seen.shape == self.contract.input_shape[1:]
        drums = np.asarray(self.function(seen), np.float32)
        rest = -drums
        rest[..., : self.contract.spec.channels] += 1
        return {"drums": drums, "other": rest}


def separator(function, *, channels=2, mask="complex", workers=1) -> Separator:
    spec = SpectrogramSpec(**SPEC.to_json() | {"channels": channels})
    return Separator(Masks(ModelContract(spec=spec, stems=STEMS, overlap_frames=4, mask=mask), function, workers))


def constant(real, imaginary, channels=2):
    def masks(seen):
        return np.concatenate([np.full((*seen.shape[:2], channels), value) for value in (real, imaginary)], axis=2)

    return masks


def sdr_db(estimate, target) -> float:
    return 10 * np.log10(np.sum(target**2) / np.sum((target - estimate) ** 2))


def oracle(drums: np.ndarray, mixture: np.ndarray, *, kind: str):
    """Return what gives for each chunk, found again by its magnitudes, the best masks of a kind."""
    own, whole = (stft(sound, SPEC) for sound in (drums, mixture))
    ratio = (own * np.conj(whole) / np.maximum(np.abs(whole) ** 2, 1e-12))[:, :-1]
    compressed = features(whole, SPEC)

    def masks(seen):
        first = seen[0, :, :2]
        start = int(np.argmin(np.abs(compressed - first).sum(axis=(1, 2))))
        part = ratio[start : start + SPEC.frames]
        part = np.pad(part, ((0, SPEC.frames - len(part)), (0, 0), (0, 0)))
        return np.clip(part.real, 0, 1) if kind == "real" else np.concatenate([part.real, part.imag], axis=2)

    return masks


def test_reach_what_real_masks_cannot(noise):
    # without anything at Nyquist, whose bin takes the mask of the bin below
    drums, other = ((sound[1:] + sound[:-1]) / 2 for sound in (noise(6001), noise(6001)))
    mixture = Audio(drums + other, 8000)
    found = {
        kind: separator(oracle(drums, mixture.samples, kind=kind), mask=kind).separate(mixture)["drums"].samples
        for kind in ("real", "complex")
    }
    assert sdr_db(found["real"], drums) < 12
    assert sdr_db(found["complex"], drums) > 60


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("model_channels", [1, 2])
def test_a_constant_mask_is_the_plain_formula(noise, channels, model_channels):
    sound = noise(4001, channels)
    stems = separator(constant(0.7, -0.4, model_channels), channels=model_channels).separate(Audio(sound, 8000))
    expected = istft((0.7 - 0.4j) * stft(sound, SPEC), SPEC, 4001)
    np.testing.assert_allclose(stems["drums"].samples, expected, atol=2e-6)
    total = stems["drums"].samples.astype(np.float64) + stems["other"].samples
    np.testing.assert_allclose(total, sound, atol=1e-6)


def test_mono_is_given_to_each_channel_of_a_stereo_model(noise):
    seen = []

    def masks(features):
        seen.append(features.copy())
        return constant(0.5, 0.0)(features)

    separator(masks).separate(Audio(noise(1500, 1), 8000))
    for part in np.split(seen[0], 3, axis=2):
        np.testing.assert_array_equal(part[..., 0], part[..., 1])
        assert part.any()


def test_silence_stays_silence(noise):
    sound = noise(9000)
    sound[3000:6000] = 0

    def masks(features):
        return np.random.default_rng(0).uniform(-2, 3, (*features.shape[:2], 4))

    drums = separator(masks).separate(Audio(sound, 8000))["drums"].samples
    assert np.abs(drums[3300:5700]).max() < 1e-6
    assert np.abs(drums[:3000]).max() > 0.1


def test_blocks_and_threads_do_not_matter(noise):
    def masks(features):
        level = features[..., :2] + features.mean(axis=0, keepdims=True)[..., :2]
        return np.concatenate([np.sin(level), np.cos(level) - 1], axis=2)

    sound = noise(7001)
    whole = separator(masks).separate(Audio(sound, 8000))["drums"].samples
    blocks = separator(masks, workers=3).stream(np.split(sound, [100, 5000]), sample_rate_hz=8000, channels=2, stems=["drums"])
    np.testing.assert_array_equal(np.concatenate([block.stems["drums"] for block in blocks]), whole)


def test_masks_that_are_not_finite(noise):
    with pytest.raises(ModelError, match="not finite"):
        separator(constant(0.5, float("nan"))).separate(Audio(noise(2000), 8000))
