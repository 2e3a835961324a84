"""Pseudo-labels: what a model takes finished songs apart into, where it is sure, as multitracks to learn from.

Self-training: the excerpts that a model of stage 1 separates with confidence are remixed with others and learnt from, as in
Wang et al. 2021, "Semi-supervised singing voice separation with noisy self-training" (arXiv 2102.07961).
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio, open_audio
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.audio.staging import StagedFolder
from tfsep.dsp.stft import stft
from tfsep.errors import AudioError, DataError, UsageError
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

SILENCE = 1e-3  # RMS, -60 dB: there is nothing to be learnt from what is quieter


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A stretch of a song, taken apart.

    Attributes:
        confidence: see `confidence`.
        stems: float32 `(samples, channels)` each.
    """

    start_s: float
    confidence: float
    stems: dict[str, np.ndarray]
    sample_rate_hz: int


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """What `pseudo_label` did: folders of the excerpts that were kept, how many there were, lines on songs that were skipped."""

    kept: tuple[Path, ...]
    considered: int
    skipped: tuple[str, ...]


def confidence(stems: dict[str, np.ndarray], spec: SpectrogramSpec) -> float:
    """Return how decided a separation is: the share of the loudest stem in each cell, averaged by the cells' energy.

    Args:
        stems: float32 `(samples, channels)`.
        spec: whose cells; at another rate than its own they are as many samples long.
    Returns: from `1 / stems`, all stems alike everywhere, to 1, each cell given to one stem; 0 for silence.
    """
    energies = np.stack([np.abs(stft(samples, spec)) ** 2 for samples in stems.values()])
    total = energies.sum()
    return float(energies.max(axis=0).sum() / total) if total > 0 else 0.0


def excerpts(separator: Separator, song: Path, *, seconds: float) -> Iterator[Excerpt]:
    """Take a song apart and yield it in excerpts, those with hardly any sound left out, the last shorter one too.

    Raises: AudioError for a song that cannot be read, UsageError for one of more than two channels.
    """
    with open_audio(song) as reader:
        rate_hz = reader.info.sample_rate_hz
        count, start = round(seconds * rate_hz), 0
        waiting: dict[str, list[np.ndarray]] = {stem: [] for stem in separator.stems}
        held = 0
        for block in separator.stream(reader.blocks(), sample_rate_hz=rate_hz, channels=reader.info.channels):
            for stem, samples in block.stems.items():
                waiting[stem].append(samples)
            held += len(block.mixture)
            while held >= count:
                joined = {stem: np.concatenate(parts) for stem, parts in waiting.items()}
                stems = {stem: samples[:count] for stem, samples in joined.items()}
                waiting, held = {stem: [samples[count:]] for stem, samples in joined.items()}, held - count
                if np.sqrt(np.mean(sum(stems.values()) ** 2)) > SILENCE:
                    sure = confidence(stems, separator.contract.spec)
                    yield Excerpt(start_s=start / rate_hz, confidence=sure, stems=stems, sample_rate_hz=rate_hz)
                start += count


def pseudo_label(
    separator: Separator, songs: Sequence[Path], out: Path, *, keep: float = 0.5, seconds: float = 10.0, model: str = ""
) -> Labelled:
    """Write the excerpts of which the model is surest as song folders that `tfsep train --data` reads.

    Args:
        songs: finished songs; one that cannot be read is skipped.
        out: for `SONG-START/{drums,...}.flac` and `song.json`; must not exist, or be empty.
        keep: share of all excerpts.
        model: what `song.json` calls the model.
    Raises: UsageError for arguments out of range or an `out` with something in it; DataError if there is no excerpt;
        AudioError if `out` cannot be written, which is then left as it was.
    """
    if not 0 < keep <= 1:
        raise UsageError(f"--keep {keep}: use more than 0, at most 1")
    if not seconds >= 1:
        raise UsageError(f"--seconds {seconds}: use 1 or more")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: is there already; name a new folder, or delete it")
    with StagedFolder(out) as staged:
        try:
            ranked, considered, skipped = _write_all(separator, songs, staged.path, keep, seconds, model)
        except OSError as error:
            raise write_error(out, error) from None
        if not ranked:
            raise DataError(
                f"no excerpt of {seconds:g} s in the {len(songs)} songs: use longer or louder songs, or fewer --seconds"
            )
        staged.commit()
    return Labelled(kept=tuple(sorted(out / name for name in ranked)), considered=considered, skipped=tuple(skipped))


def _write_all(
    separator: Separator, songs: Sequence[Path], folder: Path, keep: float, seconds: float, model: str
) -> tuple[list[str], int, list[str]]:
    """Write all excerpts below `folder`, then delete the least sure; return the names of the others, how many were, and skips."""
    ranked: list[tuple[float, str]] = []
    considered, skipped = 0, []
    for song in songs:
        try:
            for excerpt in excerpts(separator, song, seconds=seconds):
                considered += 1
                name = f"{song.stem}-{considered:06d}"
                _write(folder / name, excerpt, song, model)
                ranked.append((excerpt.confidence, name))
        except (AudioError, UsageError) as error:
            skipped.append(f"{song.name} is skipped: {error}")
    ranked.sort(reverse=True)
    count = max(1, round(keep * considered))
    for _, name in ranked[count:]:
        shutil.rmtree(folder / name)
    return [name for _, name in ranked[:count]], considered, skipped


def _write(folder: Path, excerpt: Excerpt, song: Path, model: str) -> None:
    folder.mkdir()
    peak = max(1.0, *(float(np.abs(samples).max()) for samples in excerpt.stems.values()))  # a file holds no more than 1
    for stem, samples in excerpt.stems.items():
        Audio(samples / np.float32(peak), excerpt.sample_rate_hz).write(folder / f"{stem}.flac", subtype="pcm_16")
    about = {"pseudo_label": {"of": song.name, "start_s": excerpt.start_s, "confidence": excerpt.confidence, "model": model}}
    with AtomicFile(folder / "song.json") as target:
        target.file.write(json.dumps(about, indent=1).encode())
