import json
from dataclasses import replace

import pytest

from tfsep.errors import UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.models.presets import PRESETS, build_generator, preset
from tfsep.spec import SpectrogramSpec

SPEC = SpectrogramSpec(sample_rate_hz=8000, window_samples=256, hop_samples=64, frames=8)
FIELDS = {"spec": SPEC, "bands": ((32, 2), (96, 6)), "widths": (4, 8), "blocks": (1, 1), "dense_bottleneck": 4}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stems": ("drums",)}, "stems"),
        ({"stems": ("drums", "drums")}, "two or more different names"),
        ({"widths": ()}, "widths"),
        ({"widths": (4, 0)}, "widths"),
        ({"blocks": (1,)}, "use 2 numbers of 0 or more"),
        ({"blocks": (1, -1)}, "blocks"),
        ({"dense_bottleneck": -1}, "dense_bottleneck=-1"),
        ({"bands": ((32, 2), (97, 1))}, "must add up to 128"),
        ({"bands": ((32, 3), (96, 6))}, "multiple of its bins_per_patch"),
        ({"bands": ((32, 0), (96, 6))}, "multiple of its bins_per_patch"),
        ({"widths": (4,) * 5, "blocks": (0,) * 5}, "multiples of 16"),
        ({"kind": "dssgan"}, "generators of kind dssgan are mono"),
        ({"head": "phase"}, "head='phase': use mask or complex"),
        (
            {"kind": "dssgan", "hpss_inputs": True, "spec": replace(SPEC, channels=1)},
            "hpss_inputs=True: is for generators of kind",
        ),
        ({"kind": "live", "hpss_inputs": True}, "not live"),
        ({"block": "dense"}, "block='dense': use residual or plain"),
        ({"kind": "dssgan", "head": "complex", "spec": replace(SPEC, channels=1)}, "generators of kind dssgan give real masks"),
        ({"kind": "bandstack", "subbands": 3}, "subbands=3: use a divisor of the 128 bins"),
        ({"kind": "bandstack", "subbands": 0}, "subbands=0: use a divisor"),
        ({"kind": "bandstack", "subbands": 32, "widths": (4,) * 4, "blocks": (0,) * 4}, "4 positions and 8 frames"),
    ],
)
def test_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        GeneratorConfig(**FIELDS | fields)


def test_positions_and_frames():
    config = GeneratorConfig(**FIELDS)
    assert config.positions == 16 + 16
    assert config.frame_multiple == 2
    stack = GeneratorConfig(**FIELDS | {"kind": "bandstack", "subbands": 4})
    assert (stack.positions, stack.frame_multiple) == (32, 2)
    assert (config.input_channels, replace(config, head="complex").input_channels) == (2, 6)
    assert [replace(config, head=head, hpss_inputs=True).seen_channels for head in ("mask", "complex")] == [4, 8]
    assert config.seen_channels == config.input_channels
    assert PRESETS["dssgan"].frame_multiple == 1


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_json_round_trip(name):
    config = preset(name)
    again = GeneratorConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config
    assert hash(again) == hash(config)  # tuples again, not lists


def test_files_written_before_a_field_was_there_still_load():
    config = GeneratorConfig(**FIELDS)
    old = {name: value for name, value in config.to_json().items() if name not in ("head", "block", "subbands", "hpss_inputs")}
    assert GeneratorConfig.from_json(old) == config


def test_unknown_names():
    with pytest.raises(ValueError, match="generator fields depth are unknown: use kind, spec"):
        GeneratorConfig.from_json({"depth": 3})
    with pytest.raises(UsageError, match="preset 'huge' is unknown: use default"):
        preset("huge")
    with pytest.raises(UsageError, match="generator kind 'transformer' is unknown: use bandsplit, bandstack, dssgan"):
        build_generator(GeneratorConfig(**FIELDS | {"kind": "transformer"}))


def test_other_stems():
    assert preset("tiny", stems=("vocals", "other")).stems == ("vocals", "other")
    assert preset("tiny") is PRESETS["tiny"]
