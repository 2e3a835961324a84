"""A file restored into another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import AudioReader, open_audio, open_writer, writable_subtype
from tfsep.creative.enhance.cutoff import SpectrumMeter
from tfsep.creative.enhance.enhancer import Enhancer
from tfsep.errors import UsageError

Progress = Callable[[str, float], None]  # what is being done, and the share of it that is
LISTENING, RESTORING = "listening", "restoring"


@dataclass(frozen=True, kw_only=True)
class Enhanced:
    """What became of a file.

    Attributes:
        path: of the result; None where the sound was left as it is and nothing was written.
        cutoff_hz: where the sound ended; None where no end was found.
        note: why it was left as it is; empty if it was not.
        warnings: what is odd about the file.
    """

    path: Path | None
    cutoff_hz: float | None
    note: str = ""
    warnings: tuple[str, ...] = ()


def default_path(source: Path) -> Path:
    """Return where a file's restored version goes: beside it, as FLAC, or as WAV where it was one."""
    return source.with_name(f"{source.stem}.enhanced{'.wav' if source.suffix.lower() == '.wav' else '.flac'}")


def enhance_file(
    source: str | Path,
    out: str | Path | None = None,
    *,
    enhancer: Enhancer,
    cutoff_hz: float | None = None,
    overwrite: bool = False,
    progress: Progress = lambda what, share: None,
) -> Enhanced:
    """Restore the band above a file's cutoff; the result has its tags and cover, and appears when it is complete.

    Args:
        out: None for `default_path`; its suffix says which kind of file.
        cutoff_hz: None to find it, in a first pass over the file.
    Returns: what became of it; a file that is silent, or ends nowhere or too low or too high, is left alone.
    Raises: UsageError if the result exists and `overwrite` is not set, would replace the source, or as `Enhancer.stream`;
        AudioError as `open_audio` and `open_writer`.
    """
    source = Path(source)
    path = default_path(source) if out is None else Path(out)
    if path.resolve() == source.resolve():
        raise UsageError(f"--out {path}: is the file that is to be enhanced: choose another name")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: is there already: add --overwrite, or choose another --out")
    with open_audio(source) as reader:
        info = reader.info
        if cutoff_hz is None:
            meter = SpectrumMeter(enhancer.contract.spec, info.sample_rate_hz)
            for block in _told(reader, LISTENING, progress):
                meter.push(block)
            found = meter.bandwidth()
            if not enhancer.restorable(found):
                note = _why_not(found.cutoff_hz, found.silent, enhancer)
                return Enhanced(path=None, cutoff_hz=found.cutoff_hz, note=note, warnings=tuple(reader.warnings))
            cutoff_hz = found.cutoff_hz
        restored = enhancer.stream(
            _told(reader, RESTORING, progress),
            sample_rate_hz=info.sample_rate_hz,
            channels=info.channels,
            cutoff_hz=cutoff_hz,
        )
        with open_writer(
            path,
            sample_rate_hz=enhancer.output_rate_hz(info.sample_rate_hz),
            channels=info.channels,
            subtype=writable_subtype(path.suffix.lower(), info.subtype),
            tags=info.tags,
            cover=info.cover,
        ) as writer:
            for block in restored:
                writer.write(block)
        return Enhanced(path=path, cutoff_hz=cutoff_hz, warnings=tuple(reader.warnings))


def _told(reader: AudioReader, what: str, progress: Progress) -> Iterator[np.ndarray]:
    """Yield a file's blocks and tell how far it has got."""
    done = 0
    for block in reader.blocks():
        yield block
        done += len(block)
        if reader.info.frames:
            progress(what, min(1.0, done / reader.info.frames))


def _why_not(cutoff_hz: float | None, silent: bool, enhancer: Enhancer) -> str:
    if silent:
        return "is silent: left as it is, nothing is written"
    if cutoff_hz is None:
        return "ends at no frequency, it is full-band: left as it is, nothing is written; --cutoff HZ restores above HZ all the same"
    if cutoff_hz > enhancer.contract.highest_cutoff_hz:
        return f"goes up to {cutoff_hz:.0f} Hz, it is full-band: left as it is, nothing is written"
    return (
        f"ends at {cutoff_hz:.0f} Hz, below the {enhancer.contract.lowest_cutoff_hz:.0f} Hz from which spectra are continued: left "
        "as it is, nothing is written; --cutoff HZ restores above HZ all the same"
    )
