"""The formats that models are exported to, by name; a new one is a module and a line here."""

from tfsep.errors import UsageError

from . import to_coreml, to_litert, to_onnx
from .format import Format

FORMATS: dict[str, Format] = {
    "litert": to_litert.FORMAT,
    "onnx": to_onnx.FORMAT,
    "coreml": to_coreml.FORMAT,
}


def check_format(name: str) -> Format:
    """Return a format by name. Raises: UsageError if it is unknown."""
    if name not in FORMATS:
        raise UsageError(f"format {name!r}: use {', '.join(FORMATS)}")
    return FORMATS[name]


def check_combination(name: str, precision: str, *, waveform: bool = False) -> Format:
    """Return a format by name. Raises: UsageError if it is unknown or does not come in this precision."""
    chosen = check_format(name)
    allowed = chosen.waveform_precisions if waveform else chosen.precisions
    what = f"{chosen.title} {'waveform ' if waveform else ''}files"
    if not allowed:
        raise UsageError(
            f"there are no {what}: use {' or '.join(each for each in FORMATS if FORMATS[each].waveform_precisions)}"
        )
    if precision not in allowed:
        raise UsageError(f"precision {precision!r}: {what} come in {', '.join(allowed)}")
    return chosen
