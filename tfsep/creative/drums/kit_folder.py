"""A folder of one-shots to play instead of a song's own drums."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio
from tfsep.contract_drums import CLASSES
from tfsep.data.drum_names import is_open_hat
from tfsep.data.files import audio_files
from tfsep.data.samples import role_of
from tfsep.dsp.hit_grid import clip_of
from tfsep.errors import DataError

LONGEST_S = 4.0  # of a one-shot; a longer file is a loop, and only its beginning is played
_AUDIBLE = 1e-4
_DRUMS = {"kick": "kick", "snare": "snare", "cymbal": "cymbal", "tom": "tom", "perc": "percussion"}


@dataclass(frozen=True)
class KitFolder:
    """Clips of a folder's one-shots by drum, of which some may have none.

    Attributes:
        clips: float32 mono, see `clip_of`, at the rate that was asked for, in the order of the files' names.
        missing: drums without a file.
    """

    path: Path
    clips: dict[str, list[np.ndarray]]

    @property
    def missing(self) -> tuple[str, ...]:
        """Drums that the folder has no sample of."""
        return tuple(drum for drum in CLASSES if not self.clips.get(drum))

    @classmethod
    def read(cls, folder: str | Path, sample_rate_hz: int) -> "KitFolder":
        """Read the one-shots below a folder; their names, or their folders', tell the drums.

        Raises: DataError if there is no such folder or no audio file in it; AudioError for a file that cannot be read.
        """
        path = Path(folder)
        if not path.is_dir():
            raise DataError(f"{path}: is no folder of drum samples: name one, or use generated or nearest")
        clips: dict[str, list[np.ndarray]] = {}
        for file in audio_files(path):
            samples = Audio.read(file, sample_rate_hz=sample_rate_hz, channels=1).samples[:, 0]
            samples = samples[: round(LONGEST_S * sample_rate_hz)]
            if np.abs(samples).max() < _AUDIBLE:
                raise DataError(f"{file}: is silent: take it out of the folder")
            role = role_of(file, path)
            drum = _DRUMS.get(role) or _hat(file, samples, sample_rate_hz)
            clips.setdefault(drum, []).append(clip_of(samples))
        return cls(path, clips)


def _hat(file: Path, samples: np.ndarray, sample_rate_hz: int) -> str:
    def decay_s() -> float:
        level = np.abs(samples)
        return float(np.flatnonzero(level > 0.1 * level.max())[-1]) / sample_rate_hz

    return "open_hat" if is_open_hat(file.stem.lower(), decay_s) else "closed_hat"
