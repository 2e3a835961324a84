import json

import pytest

from tfsep.spec import SpectrogramSpec


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample_rate_hz": 999}, "sample_rate_hz=999: use 1000 or more"),
        ({"window_samples": 2}, "window_samples=2: use an even number"),
        ({"window_samples": 257}, "window_samples=257: use an even number"),
        ({"hop_samples": 0}, "hop_samples=0: use a divisor of window_samples=4096"),
        ({"hop_samples": 4096}, "hop_samples=4096: use a divisor"),
        ({"hop_samples": 1000}, "hop_samples=1000: use a divisor"),
        ({"synthesis_samples": 3000}, "synthesis_samples=3000: use a multiple of two hops, 2048 samples, below window_samples"),
        ({"synthesis_samples": 4096}, "synthesis_samples=4096: use a multiple"),
        ({"synthesis_samples": 0}, "synthesis_samples=0: use a multiple"),
        ({"channels": 6}, "channels=6: use 1 or 2"),
        ({"frames": 0}, "frames=0: use 1 or more"),
        ({"feature_gain": 0.0}, r"feature_gain=0.0: use a positive number"),
        ({"feature_gain": float("nan")}, "feature_gain=nan: use a positive number"),
    ],
)
def test_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        SpectrogramSpec(**fields)


def test_derived_numbers():
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64)
    assert (spec.bins, spec.model_bins, spec.frames_per_second) == (129, 128, 125.0)


def test_json_round_trip():
    spec = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, channels=1, frames=7, feature_gain=2.5)
    assert SpectrogramSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_synthesis_length_is_in_the_json_only_if_it_is_set():
    assert "synthesis_samples" not in SpectrogramSpec().to_json()
    spec = SpectrogramSpec(synthesis_samples=2048)
    assert SpectrogramSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_unknown_fields_are_named():
    with pytest.raises(ValueError, match="spectrogram fields hop, window are unknown: use sample_rate_hz, window_samples"):
        SpectrogramSpec.from_json({"window": 1, "hop": 2, "frames": 3})


def test_is_frozen():
    with pytest.raises(AttributeError):
        SpectrogramSpec().frames = 3
