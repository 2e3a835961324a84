"""Limits on what a model costs."""

from dataclasses import replace

import pytest
from tfsep_tuning.constraints import Limits, activation_megabytes, exported_megabytes, faults, quantity

from tfsep.errors import UsageError
from tfsep.models.config import GeneratorConfig
from tfsep.models.presets import preset


def test_cost_is_limited():
    tiny = preset("tiny")  # 47,275,200 multiply-adds, 52,824 parameters
    assert faults(tiny, Limits(multiply_adds=48e6, parameters=52_824, megabytes=0.053)) == []
    assert faults(tiny, Limits(multiply_adds=47e6)) == ["0.05 G multiply-adds a second, at most 0.047"]
    assert faults(tiny, Limits(parameters=52_823)) == ["52824 parameters, at most 52823"]
    assert faults(tiny, Limits(megabytes=0.1, precision="fp16")) == ["0.11 MB as fp16, at most 0.1"]
    assert len(faults(tiny, Limits(multiply_adds=1, parameters=1, megabytes=0.01))) == 3


def test_exported_size_is_near_that_of_real_files():
    """The default has 2,281,960 parameters; its LiteRT files have 9.17 MB, 4.61 MB and 2.42 MB (docs/export.md)."""
    for precision, megabytes in (("fp32", 9.17), ("fp16", 4.61), ("int8", 2.42)):
        assert exported_megabytes(2_281_960, precision) == pytest.approx(megabytes, abs=0.15)


def test_large_tensors_are_refused_without_tracing(monkeypatch):
    monkeypatch.setattr("tfsep.models.cost.generator_cost", None)
    assert activation_megabytes(GeneratorConfig()) == pytest.approx(256 * 2048 * 2 * 4 * 2 / 1e6)
    wide = replace(GeneratorConfig(), widths=(512, 64, 64, 64))
    assert faults(wide, Limits(multiply_adds=1.0)) == ["a tensor of 134 MB, at most 64"]
    assert faults(preset("dssgan"), Limits()) == ["generators of kind dssgan are not made for phones"]


def test_bad_limits():
    with pytest.raises(ValueError, match=r"multiply_adds=0: use a number above 0"):
        Limits(multiply_adds=0)
    with pytest.raises(ValueError, match="precision='int4': use fp32, fp16, int8"):
        Limits(precision="int4")


def test_quantities():
    assert [quantity(text) for text in ("2G", "800k", "1.5M", "12", ".5T")] == [2e9, 8e5, 1.5e6, 12.0, 5e11]
    for text in ("", "G", "-2G", "0", "2 G", "2GB", "nan"):
        with pytest.raises(UsageError, match="use a number above 0"):
            quantity(text)
