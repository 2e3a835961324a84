"""What a super-resolution network learns from: pairs of degraded and full spectra, prepared once and kept on disk.

The codecs and the separator run when the examples are made, not while a network learns.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from tfsep.audio import Audio
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.contract_enhance import EnhanceContract
from tfsep.creative.enhance.cutoff import measure
from tfsep.creative.enhance.degrade import FILTERS, Degradation
from tfsep.creative.enhance.restoration import mask_holes
from tfsep.data.cache import CachedTrack
from tfsep.dsp.stft import stft
from tfsep.errors import DataError
from tfsep.separation.separator import Separator
from tfsep.training.enhance_data import ExampleSet

STEM_SHARE = 0.35  # of the examples of degraded sound: a single stem rather than the mixture
LEAST_RMS = 1e-3  # excerpts below it are drawn again
FULL_BAND_HZ = 15_000.0  # sound that ends lower are no example of what highs are like
TRIES = 20


@dataclass(frozen=True, kw_only=True)
class ExampleConfig:
    """How many examples are made, and of what length.

    Attributes:
        degraded: examples of sound that a filter or codec has degraded.
        separated: examples of stems that a model has separated, whose masks leave holes; not of the residual stem, which is never
            restored.
        seconds: of each.

    Raises: ValueError from a field out of range.
    """

    degraded: int = 320
    separated: int = 80
    seconds: float = 6.0
    seed: int = 0

    def __post_init__(self):
        if self.degraded < 1 or self.separated < 0:
            raise ValueError(f"degraded={self.degraded}, separated={self.separated}: use 1 or more, and 0 or more")
        if not 0 < self.seconds < float("inf"):
            raise ValueError(f"seconds={self.seconds}: use a positive number")


def prepare_examples(
    sources: Sequence[Sequence[CachedTrack]],
    folder: Path,
    config: ExampleConfig,
    contract: EnhanceContract,
    *,
    separator: Separator | None,
    tell: Callable[[int, int], None],
) -> ExampleSet:
    """Return the examples in a folder, made first where it has not got these.

    Args:
        sources: recordings; each source is drawn from as often as the others.
        separator: of the examples with holes; None where there are to be none.
        tell: told after each example how many are there, and of how many.
    Raises: DataError if there is no full-band sound in the tracks, or none of the separator's stems; AudioError if the folder
        cannot be written.
    """
    described = [config.degraded, config.separated, config.seconds, config.seed, contract.spec.to_json(), FILTERS]
    described += [
        [sorted(track.key for track in source) for source in sources],
        None if separator is None else separator.contract.name,
    ]
    key = hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]
    paths = {name: folder / f"{key}-{name}.npy" for name in ExampleSet.ARRAYS}
    if not all(path.is_file() for path in paths.values()):
        _make(sources, paths, config, contract, separator, tell)
    return ExampleSet(**{name: np.load(path, mmap_mode="r") for name, path in paths.items()})


def _make(
    sources: Sequence[Sequence[CachedTrack]],
    paths: Mapping[str, Path],
    config: ExampleConfig,
    contract: EnhanceContract,
    separator: Separator | None,
    tell: Callable[[int, int], None],
) -> None:
    """Write each of `ExampleSet.ARRAYS`, example after example: all of them together may not fit into memory."""
    rng = np.random.default_rng(config.seed)
    spec = contract.spec
    separated = config.separated if separator is not None else 0
    count, frames = config.degraded + separated, int(config.seconds * spec.sample_rate_hz) // spec.hop_samples
    no_holes = np.zeros((frames, spec.model_bins // 8), np.uint8)
    maker = _Maker(sources, frames, contract, separator if separated else None, rng)
    recordings = sorted({track.key for source in sources for track in source})
    with ExitStack() as stack:
        files = {name: stack.enter_context(_ArrayFile(path, count)) for name, path in paths.items()}
        for index in range(count):
            if index < config.degraded:
                track, degraded, target, first_bin = maker.degraded()
                holes = no_holes
            else:
                track, degraded, target, found = maker.separated()
                first_bin, holes = spec.model_bins, np.packbits(found, axis=1)
            files["degraded"].append(degraded.astype(np.float16))
            files["target"].append(target.astype(np.float16))
            files["first_bin"].append(np.int32(first_bin))
            files["holes"].append(holes)
            files["recording"].append(np.int32(recordings.index(track.key)))
            tell(index + 1, count)


class _ArrayFile:
    """A NumPy file that is written row by row and appears when it is complete; a context manager.

    Args:
        rows: how many there will be, all of one shape and type.
    Raises: AudioError if it cannot be written.
    """

    def __init__(self, path: Path, rows: int):
        self._path, self._rows, self._begun = path, rows, False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(path, error) from None
        self._target = AtomicFile(path)

    def __enter__(self) -> Self:
        self._target.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._target.__exit__(*raised)

    def append(self, row: np.ndarray) -> None:
        """Write the next row."""
        try:
            if not self._begun:
                header = {"descr": row.dtype.str, "fortran_order": False, "shape": (self._rows, *row.shape)}
                np.lib.format.write_array_header_1_0(self._target.file, header)
                self._begun = True
            self._target.file.write(row.tobytes())
        except OSError as error:
            raise write_error(self._path, error) from None


class _Maker:
    def __init__(
        self,
        sources: Sequence[Sequence[CachedTrack]],
        frames: int,
        contract: EnhanceContract,
        separator: Separator | None,
        rng: np.random.Generator,
    ):
        self._contract, self._separator, self._rng, self._frames = contract, separator, rng, frames
        self._samples = frames * contract.spec.hop_samples
        self._sources = _those(sources, lambda track: track.length >= self._samples)
        if not self._sources:
            raise DataError(f"--data: no recording is {self._samples / contract.spec.sample_rate_hz:g} s long: add others")
        if separator is not None:
            self._stems = tuple(stem for stem in separator.stems if stem != separator.residual_stem)
            self._separable = _those(self._sources, lambda track: not set(self._stems).isdisjoint(track.stems))
            if not self._separable:
                raise DataError(
                    f"--data: no recording has a stem called {', '.join(self._stems)}, of which the examples of separated stems are "
                    "made: add multitracks, or use --separated 0"
                )

    def _place(self, sources: Sequence[Sequence[CachedTrack]]) -> tuple[CachedTrack, int]:
        """Draw a track and where in it an excerpt begins."""
        source = sources[int(self._rng.integers(len(sources)))]
        track = source[int(self._rng.integers(len(source)))]
        return track, int(self._rng.integers(0, track.length - self._samples + 1))

    def degraded(self) -> tuple[CachedTrack, np.ndarray, np.ndarray, int]:
        """Return where an example is from, the compressed magnitudes of degraded and of full sound, `(frames, bins)`, and the first
        bin to be restored.
        """
        contract, rate_hz = self._contract, self._contract.spec.sample_rate_hz
        track, full = self._excerpt()
        degradation = Degradation.draw(self._rng)
        narrow = degradation.apply(full, rate_hz)
        cutoff_hz = self._cutoff_hz(narrow)
        if cutoff_hz is None or not contract.lowest_cutoff_hz <= cutoff_hz <= contract.highest_cutoff_hz:
            # a filter's own; of a codec, whose highs are not cut off, only what training cuts off itself
            cutoff_hz = degradation.amount if degradation.kind in FILTERS else contract.highest_cutoff_hz
        channel = int(self._rng.integers(full.shape[1]))
        return track, *(self._compressed(sound[:, channel]) for sound in (narrow, full)), contract.first_bin(cutoff_hz)

    def separated(self) -> tuple[CachedTrack, np.ndarray, np.ndarray, np.ndarray]:
        """Return where an example is from, the compressed magnitudes of a separated and of the true stem, and where the mask has left
        holes, bool of that shape.
        """
        spec, rng = self._contract.spec, self._rng
        track, start = self._place(self._separable)
        stem = str(rng.choice([name for name in self._stems if name in track.stems]))
        mixture = self._mixed(track, track.stems, start, self._samples)
        true = self._mixed(track, (stem,), start, self._samples)
        found = self._separator.separate(Audio(mixture, spec.sample_rate_hz), [stem])[stem].samples
        channel = int(rng.integers(mixture.shape[1]))
        degraded, target, whole = (self._compressed(sound[:, channel]) for sound in (found, true, mixture))
        holes = mask_holes(*(np.expm1(values) / spec.feature_gain for values in (degraded, whole)), spec)
        return track, degraded, target, holes

    def _excerpt(self) -> tuple[CachedTrack, np.ndarray]:
        """Return a recording, and sound of it or of a stem of it that is not silent, float32 `(samples, channels)`."""
        rng = self._rng
        for _ in range(TRIES):
            track, start = self._place(self._sources)
            stems = (str(rng.choice(track.stems)),) if rng.random() < STEM_SHARE else track.stems
            sound = self._mixed(track, stems, start, self._samples)
            if np.sqrt(np.mean(sound**2)) > LEAST_RMS and not self._was_cut_off(sound):
                return track, sound
        raise DataError(
            f"--data: {TRIES} excerpts in a row are silent or end below {FULL_BAND_HZ:g} Hz: add full-band recordings"
        )

    def _was_cut_off(self, sound: np.ndarray) -> bool:
        """Return whether a recording has lost its highs; what has none by nature, as a bass, is a good example."""
        cutoff_hz = self._cutoff_hz(sound)
        return cutoff_hz is not None and self._contract.lowest_cutoff_hz <= cutoff_hz < FULL_BAND_HZ

    def _cutoff_hz(self, sound: np.ndarray) -> float | None:
        spec = self._contract.spec
        return measure([sound], spec, sample_rate_hz=spec.sample_rate_hz).cutoff_hz

    def _mixed(self, track: CachedTrack, stems: Sequence[str], start: int, samples: int) -> np.ndarray:
        rows = [track.stems.index(stem) for stem in stems]
        return track.samples[rows, start : start + samples].sum(axis=0, dtype=np.float32) * np.float32(track.gain)

    def _compressed(self, channel: np.ndarray) -> np.ndarray:
        spec = self._contract.spec
        spectra = stft(channel[:, np.newaxis], spec)[: self._frames, : spec.model_bins, 0]
        return np.log1p(np.float32(spec.feature_gain) * np.abs(spectra))


def _those(sources: Sequence[Sequence[CachedTrack]], wanted: Callable[[CachedTrack], bool]) -> list[list[CachedTrack]]:
    """Return the tracks that are wanted, without the sources that have none."""
    kept = [[track for track in source if wanted(track)] for source in sources]
    return [source for source in kept if source]
