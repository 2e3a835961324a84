"""What the drum transcriber learns from: log-mel spectra of drum stems, clean and separated, with every hit known."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.contract_drums import DrumContract
from tfsep.data.rendered_hits import HitTable, RenderedSong
from tfsep.dsp.drum_mel import DrumMel
from tfsep.errors import DataError
from tfsep.separation.separator import Separator

GAIN_DB = 12.0  # by which training makes stems louder or quieter, at most
EQUALISER_DB = 6.0
NOISE_SHARE = 0.5  # of training crops
NOISE_DB = (-100.0, -60.0)  # mean magnitude of a mel band
SHADE = 0.4  # target of the frames beside that of a hit
WIDEN_FRAMES = 1


@dataclass(frozen=True, eq=False)
class LearntStem:
    """A drum stem: `mel` float16 `(frames, mel_bands)`, its hits, and whether it was separated from a mixture."""

    name: str
    mel: np.ndarray
    hits: HitTable
    separated: bool


class StemCache:
    """Log-mel spectra of drum stems on disk, made when first asked for.

    Args:
        folder: made if missing.
        contract: says how they are computed.
    """

    def __init__(self, folder: Path, contract: DrumContract):
        self._folder, self._contract = folder, contract
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(folder / "mel.npy", error) from None

    def clean(self, song: RenderedSong) -> LearntStem:
        """Return a song's own drum stem. Raises: DataError if it has none; as `open_audio`."""
        path = _stem_path(song.folder, "drums")
        mel = self._kept([path], "", lambda: Audio.read(path, sample_rate_hz=self._contract.spec.sample_rate_hz, channels=1))
        return LearntStem(song.name, mel, song.hits, separated=False)

    def separated(self, song: RenderedSong, separator: Separator) -> LearntStem:
        """Return the drums that a model takes out of a song's mixture. Raises: as `clean`, and `Separator.separate`."""
        path = _stem_path(song.folder, "mixture")
        label = json.dumps(separator.contract.to_json(), sort_keys=True)

        def separate() -> Audio:
            return separator.separate(Audio.read(path), ["drums"])["drums"]

        return LearntStem(song.name, self._kept([path], label, separate), song.hits, separated=True)

    def _kept(self, paths: Sequence[Path], label: str, make: Callable[[], Audio]) -> np.ndarray:
        spec = self._contract.spec
        heard = [spec.sample_rate_hz, spec.window_samples, spec.hop_samples, spec.feature_gain]
        bands = [self._contract.mel_bands, self._contract.low_hz, self._contract.high_hz]
        files = [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
        key = hashlib.sha256(json.dumps([heard, bands, files, label]).encode()).hexdigest()[:32]
        kept = self._folder / f"{key}.npy"
        if not kept.is_file():
            mel = self._mel(make())
            try:
                with AtomicFile(kept) as target:
                    np.save(target.file, mel)
            except OSError as error:
                raise write_error(kept, error) from None
        return np.load(kept)

    def _mel(self, audio: Audio) -> np.ndarray:
        if audio.sample_rate_hz != self._contract.spec.sample_rate_hz:
            raise DataError(
                f"a stem of {audio.sample_rate_hz} Hz: this transcriber learns at {self._contract.spec.sample_rate_hz} Hz"
            )
        mel = DrumMel(self._contract)
        mono = audio.samples.mean(axis=1, keepdims=True, dtype=np.float32)
        return np.concatenate([mel.push(mono), mel.finish()]).astype(np.float16)


def _stem_path(folder: Path, stem: str) -> Path:
    path = folder / f"{stem}.flac"
    if not path.is_file():
        raise DataError(f"{path}: is missing: render the song again")
    return path


def targets(hits: HitTable, first_frame: int, frames: int, contract: DrumContract) -> tuple[np.ndarray, np.ndarray]:
    """Return what a transcriber is to say of the frames from `first_frame` on.

    A hit is 1 in the frame whose centre is nearest and `SHADE` in its neighbours.

    Returns: onsets float32 `(frames, classes)`, 0 to 1, and velocities of that shape, -1 where no hit is.
    """
    spec, classes = contract.spec, len(contract.classes)
    onsets, velocities = np.zeros((frames, classes), np.float32), np.full((frames, classes), -1, np.float32)
    at = np.rint((hits.times_s - contract.frame_s(0)) * spec.frames_per_second).astype(int) - first_frame
    for shift in range(-WIDEN_FRAMES, WIDEN_FRAMES + 1):
        inside = (at + shift >= 0) & (at + shift < frames)
        place = at[inside] + shift, hits.classes[inside]
        np.maximum.at(onsets, place, 1.0 if shift == 0 else SHADE)
        if shift == 0:
            np.maximum.at(velocities, place, hits.velocities[inside].astype(np.float32))
    return onsets, velocities


def varied(mel: np.ndarray, rng: np.random.Generator, contract: DrumContract) -> np.ndarray:
    """Return a crop at another level, equalised, half of them with some noise: float32 of the shape of `mel`, `(frames, bands)`."""
    gain = np.float32(contract.spec.feature_gain)
    points = rng.uniform(-EQUALISER_DB, EQUALISER_DB, 6)
    bands = mel.shape[1]
    curve_db = rng.uniform(-GAIN_DB, GAIN_DB) + np.interp(np.linspace(0, 5, bands), np.arange(6), points)
    magnitude = np.expm1(mel.astype(np.float32)) / gain * (10 ** (curve_db / 20)).astype(np.float32)
    if rng.random() < NOISE_SHARE:
        # the magnitude of a band of noise is near to that of a Rayleigh variable
        level = 10 ** (rng.uniform(*NOISE_DB) / 20) * 10 ** (rng.uniform(-6, 6, bands) / 20)
        magnitude = np.hypot(magnitude, rng.rayleigh(level, mel.shape).astype(np.float32))
    return np.log1p(gain * magnitude)
