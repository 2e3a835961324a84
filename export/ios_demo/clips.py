"""Short clips with their stems, as AAC: small, and played by every phone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfsep.audio import Audio, Resampler
from tfsep.audio.encode import EncodedStream
from tfsep.audio.stems import AAC_RATES_HZ
from tfsep.errors import AudioError
from tfsep.separation.separator import Separator

from .songs import Cut

BIT_RATE = 112_000  # of a stereo stream
MIXTURE = "mixture"


@dataclass(frozen=True)
class Clip:
    """A clip that was written.

    Attributes:
        described: as the manifest says it.
        sound: the mixture as it was encoded, at the model's rate.
        paths: of mixture and stems by name, relative to the folder of all.
    """

    described: dict[str, Any]
    sound: Audio
    paths: dict[str, str]


def write_clip(folder: Path, cut: Cut, separator: Separator) -> Clip:
    """Separate one clip and write it to `folder/clips/NAME/{mixture,STEM ...}.m4a`.

    Raises: as `Separator.separate`; AudioError for a sample rate that AAC has not got.
    """
    song = cut.song
    rate_hz = separator.contract.spec.sample_rate_hz
    if rate_hz not in AAC_RATES_HZ:
        raise AudioError(f"the model works at {rate_hz} Hz, which AAC cannot hold: use one of {AAC_RATES_HZ}")
    resampler = Resampler(cut.sound.sample_rate_hz, rate_hz, cut.sound.channels)
    sound = Audio(np.concatenate([resampler.process(cut.sound.samples), resampler.flush()]), rate_hz)
    sounds = {MIXTURE: sound, **separator.separate(sound)}
    peak = max(1.0, *(float(np.abs(each.samples).max()) for each in sounds.values()))
    sounds = {name: Audio(each.samples / np.float32(peak), rate_hz) for name, each in sounds.items()}
    target = folder / "clips" / song.name
    target.mkdir(parents=True)
    for name, each in sounds.items():
        _write_m4a(target / f"{name}.m4a", each)
    paths = {name: f"clips/{song.name}/{name}.m4a" for name in sounds}
    described = {
        "name": song.name,
        "licence": song.rights.licence,
        "credit": song.rights.credit,
        "source": song.rights.source,
        "changes": f"{cut.sound.duration_s:g} s from {cut.start_s:.3f} s on, separated by the model of this folder, all turned down by "
        f"{20 * np.log10(peak):.2f} dB, encoded as AAC",
        "sample_rate_hz": rate_hz,
        "samples": len(sound.samples),
        "mixture": paths[MIXTURE],
        "stems": {name: path for name, path in paths.items() if name != MIXTURE},
    }
    return Clip(described, sounds[MIXTURE], paths)


def _write_m4a(path: Path, sound: Audio) -> None:
    """Write AAC with an edit list that counts samples, so that all of a clip's files start together when decoded."""
    import av

    with av.open(str(path), "w", format="ipod", options={"movie_timescale": str(sound.sample_rate_hz)}) as container:
        stream = EncodedStream(
            container,
            "aac",
            sample_rate_hz=sound.sample_rate_hz,
            channels=sound.channels,
            sample_format="fltp",
            bit_rate=BIT_RATE * sound.channels // 2,
        )
        for packet in (*stream.encode(sound.samples), *stream.flush()):
            container.mux(packet)
