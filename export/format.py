"""What a file format is to the exporter."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tfsep.separation.live_runtime import LiveRuntime
from tfsep.separation.runtime import Runtime

from .census import Census
from .graph import Graph


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a conversion may be told.

    Attributes:
        representative: songs whose sound sets the ranges of integer activations.
        risky: also precisions that are known to fail on some devices.
    """

    representative: tuple[Path, ...] = ()
    risky: bool = False


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format.

    Attributes:
        title: its name for people.
        suffix: of its files.
        folder: whether they are folders.
        precisions, waveform_precisions: that it comes in, from features to masks and from sound to sound.
        write: convert a graph to a file of a precision, the contract inside. Raises: ModelError, MissingExtraError, UsageError.
        load: return a runtime of the file, one thread.
        census: count the file's operations.
    """

    title: str
    suffix: str
    folder: bool = False
    precisions: tuple[str, ...]
    waveform_precisions: tuple[str, ...]
    write: Callable[[Graph, Path, str, Options], None]
    load: Callable[[Path], Runtime | LiveRuntime]
    census: Callable[[Path], Census]
