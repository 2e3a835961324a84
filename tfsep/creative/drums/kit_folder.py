"""A folder of one-shots to play instead of a song's own drums."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tfsep.contract_drums import CLASSES
from tfsep.creative.drums.align import resampled
from tfsep.creative.drums.naming import drum_of
from tfsep.creative.excerpt import read_excerpt
from tfsep.data.files import audio_files
from tfsep.dsp.hit_grid import clip_of
from tfsep.errors import DataError

LONGEST_S = 4.0  # of a one-shot; a longer file is a loop, and only its beginning is played
MOST_FILES = 500  # 353 MB at most at 44.1 kHz
_AUDIBLE = 1e-4


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

        Raises: DataError if there is no such folder, no audio file in it or more than `MOST_FILES`, or one is silent; AudioError for
            a file that cannot be read.
        """
        path = Path(folder)
        if not path.is_dir():
            raise DataError(f"{path}: is no folder of drum samples: name one, or use generated or nearest")
        clips: dict[str, list[np.ndarray]] = {}
        files = audio_files(path)
        if len(files) > MOST_FILES:
            raise DataError(
                f"{path}: has {len(files)} audio files in it or below it: name a folder of one kit, {MOST_FILES} at most"
            )
        for file in files:
            beginning, rate_hz = read_excerpt(file, 0, LONGEST_S)
            samples = resampled(beginning.mean(axis=1), rate_hz, sample_rate_hz)
            if np.abs(samples).max(initial=0) < _AUDIBLE:
                raise DataError(f"{file}: is silent: take it out of the folder")
            drum = drum_of(file, path, partial(_decay_s, samples, sample_rate_hz))
            clips.setdefault(drum, []).append(clip_of(samples))
        return cls(path, clips)


def _decay_s(samples: np.ndarray, sample_rate_hz: int) -> float:
    """Return after how long a sound stays 20 dB under its peak."""
    level = np.abs(samples)
    return float(np.flatnonzero(level > 0.1 * level.max())[-1]) / sample_rate_hz
