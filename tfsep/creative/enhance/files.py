"""A file restored into another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import AudioReader, open_audio, open_writer, writable_subtype
from tfsep.creative.enhance.cutoff import Bandwidth, SpectrumMeter
from tfsep.creative.enhance.enhancer import Enhancer
from tfsep.errors import AudioError, UsageError

Progress = Callable[[str, float], None]  # what is being done, and the share of it that is
LISTENING, RESTORING = "listening", "restoring"
ENDS_SHARE = 0.9  # of a cutoff that is asked for; sound that ends lower leaves the octave below it with too little to continue


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


def result_path(source: Path, out: Path | None) -> Path:
    """Return where a file's restored version goes: `out`, or if that is None beside it, as FLAC, or as WAV where it was one.

    Raises: AudioError if the source is a folder; UsageError if `out` is.
    """
    if source.is_dir():
        raise AudioError(f"{source}: is a folder, not an audio file: name the files in it")
    if out is not None:
        if out.is_dir():
            raise UsageError(f"--out {out}: is a folder: name a file in it")
        return out
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
        out: as `result_path` takes it; its suffix says which kind of file.
        cutoff_hz: None to find it, in a first pass over the file. If one is given, and the file ends below it, a warning says so.
    Returns: what became of it; a file that is silent, or ends nowhere or too low or too high, is left alone.
    Raises: UsageError if the result exists and `overwrite` is not set, would replace the source, or as `Enhancer.stream`;
        AudioError as `result_path`, `open_audio` and `open_writer`.
    """
    source = Path(source)
    path = result_path(source, None if out is None else Path(out))
    if path.resolve() == source.resolve():
        raise UsageError(f"--out {path}: is the file that is to be enhanced: choose another name")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: is there already: add --overwrite, or choose another --out")
    with open_audio(source) as reader:
        info, asked_hz = reader.info, cutoff_hz
        meter = SpectrumMeter(enhancer.contract.spec, info.sample_rate_hz)
        if cutoff_hz is None:
            for block in _told(reader, LISTENING, progress):
                meter.push(block)
            found = meter.bandwidth()
            if not enhancer.restorable(found):
                note = _why_not(found.cutoff_hz, found.silent, enhancer)
                return Enhanced(path=None, cutoff_hz=found.cutoff_hz, note=note, warnings=tuple(reader.warnings))
            cutoff_hz = found.cutoff_hz
        blocks = _told(reader, RESTORING, progress)
        restored = enhancer.stream(
            blocks if asked_hz is None else _heard(blocks, meter),
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
        warnings = reader.warnings if asked_hz is None else [*reader.warnings, *_doubts(source, asked_hz, meter.bandwidth())]
        return Enhanced(path=path, cutoff_hz=cutoff_hz, warnings=tuple(warnings))


def _told(reader: AudioReader, what: str, progress: Progress) -> Iterator[np.ndarray]:
    """Yield a file's blocks and tell how far it has got."""
    done = 0
    for block in reader.blocks():
        yield block
        done += len(block)
        if reader.info.frames:
            progress(what, min(1.0, done / reader.info.frames))


def _heard(blocks: Iterator[np.ndarray], meter: SpectrumMeter) -> Iterator[np.ndarray]:
    for block in blocks:
        meter.push(block)
        yield block


def _doubts(source: Path, asked_hz: float, found: Bandwidth) -> Iterator[str]:
    """Yield why there was nothing to restore from at the cutoff that was asked for."""
    if found.silent:
        yield f"{source}: is silent: there is nothing to restore"
    elif found.cutoff_hz is not None and found.cutoff_hz < ENDS_SHARE * asked_hz:
        yield (
            f"{source}: ends at {found.cutoff_hz:.0f} Hz, below --cutoff {asked_hz:g}; as the octave below the cutoff is what is "
            "continued, little or nothing is restored: leave --cutoff out"
        )


def _why_not(cutoff_hz: float | None, silent: bool, enhancer: Enhancer) -> str:
    if silent:
        return "is silent: left as it is, nothing is written"
    if cutoff_hz is None:
        return "ends at no frequency, it is full-band: left as it is, nothing is written; --cutoff HZ restores above HZ all the same"
    if cutoff_hz > enhancer.contract.highest_cutoff_hz:
        return f"goes up to {cutoff_hz:.0f} Hz, it is full-band: left as it is, nothing is written"
    return (
        f"ends at {cutoff_hz:.0f} Hz, below the {enhancer.contract.lowest_cutoff_hz:.0f} Hz from which spectra are continued: left "
        "as it is, nothing is written"
    )
