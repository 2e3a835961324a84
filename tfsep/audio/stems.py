"""NI Stems: the mixture and four stems in one `.stem.mp4` that DJ programs play."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.audio.encode import EncodedStream, discard
from tfsep.audio.mp4 import replace_user_data, user_data
from tfsep.audio.tags import check_cover
from tfsep.audio.writer import check_block
from tfsep.errors import UsageError

AAC_RATES_HZ = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000)
AAC_BIT_RATE = 256_000
# at this rate, where nothing has to be replaced by noise or made mono, closer to the original than libav's default coder in
# all bands, and twice as fast (benchmarks/aac_coders.py)
AAC_OPTIONS = {"aac_coder": "fast", "aac_pns": "0", "aac_is": "0"}
_CODECS = {("aac", "pcm_16"): "fltp", ("alac", "pcm_16"): "s16p", ("alac", "pcm_24"): "s32p"}


@dataclass(frozen=True, kw_only=True)
class StemInfo:
    """How a DJ program shows one stem. `colour` is "#RRGGBB".

    Raises: UsageError for an empty name or another colour.
    """

    name: str
    colour: str

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("name='': give the stem a name")
        digits = self.colour.removeprefix("#")
        if len(self.colour) != 7 or len(digits) != 6 or not set(digits.lower()) <= set("0123456789abcdef"):
            raise UsageError(f"colour={self.colour!r}: use #RRGGBB, for example #009E73")


# NI's order; colours that colour-blind people tell apart (Okabe and Ito, "Color Universal Design", 2008)
DEFAULT_STEMS = (
    StemInfo(name="Drums", colour="#009E73"),
    StemInfo(name="Bass", colour="#D55E00"),
    StemInfo(name="Other", colour="#CC79A7"),
    StemInfo(name="Vocals", colour="#56B4E9"),
)
# What a player does to the sum of the stems. Off: our stems sum to the finished song, which has been mastered already.
MASTERING_DSP = {
    "compressor": {
        "enabled": False,
        "ratio": 3,
        "output_gain": 0.5,
        "input_gain": 0.5,
        "release": 0.3,
        "attack": 0.003,
        "threshold": 0,
        "hp_cutoff": 300,
        "dry_wet": 50,
    },
    "limiter": {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35},
}


def stem_atom(stems: Sequence[StemInfo]) -> dict[str, Any]:
    """Return the JSON of the stem atom, version 1."""
    return {
        "mastering_dsp": MASTERING_DSP,
        "version": 1,
        "stems": [{"name": stem.name, "color": stem.colour} for stem in stems],
    }


class StemFileWriter:
    """Writes a `.stem.mp4`: five stereo streams, the mixture first and the only default one, of equal length.

    AAC is held to 256 kb/s; libav's encoder spends less on silence and where the sample rate cannot carry as much, but each
    frame holds 1,024 samples, so that streams never drift. ALAC is lossless: blocks on the integer grid whose stems sum to the
    mixture still do so when they are read. The streams' delay and padding stand in edit lists that count samples. Mono is
    written to both channels. The file is complete or absent, as with `AudioWriter`.

    Args:
        path: must end in .stem.mp4, by which players know such files.
        sample_rate_hz: one of `AAC_RATES_HZ` for AAC.
        stems: exactly four.
        codec: "aac" or "alac".
        subtype: "pcm_16" or "pcm_24" of ALAC; AAC has but "pcm_16".
        tags: names as in `AudioInfo.tags`.
        cover: JPEG or PNG file.

    Raises: UsageError for arguments that such a file cannot hold, AudioError if it cannot be made.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        sample_rate_hz: int,
        stems: Sequence[StemInfo] = DEFAULT_STEMS,
        codec: str = "aac",
        subtype: str = "pcm_16",
        tags: dict[str, str] | None = None,
        cover: bytes | None = None,
    ) -> None:
        self.path, self.sample_rate_hz = Path(path), sample_rate_hz
        self.samples = 0  # written so far, per channel and stream
        self._check(stems, codec, subtype)
        check_cover(cover)
        self._udta = user_data(tags or {}, cover, stem_atom(stems))
        self._atomic = AtomicFile(self.path)
        self._open = True
        try:
            self._container, self._streams = self._open_streams(stems, codec, _CODECS[codec, subtype])
        except BaseException:
            self._atomic.discard()
            raise
        # streams know nothing of each other, and libav encodes without Python's lock
        self._encoders = ThreadPoolExecutor(len(self._streams), thread_name_prefix="tfsep-encode")

    def write(self, mixture: np.ndarray, stems: Sequence[np.ndarray]) -> None:
        """Append one block of each stream, float32 `(samples, channels)`, 1 or 2 channels, all of one shape.

        Args:
            stems: four blocks, in the order of the constructor's `stems`.
        Raises: AudioError if a value is not finite or the disk is full, ValueError for other shapes or a closed writer.
        """
        if not self._open:
            raise ValueError(f"{self.path}: the writer is closed")
        blocks = [mixture, *stems]
        if len(blocks) != 5 or any(block.shape != mixture.shape for block in blocks):
            raise ValueError(
                f"blocks have shapes {[block.shape for block in blocks]}: use a mixture and four stems of one shape"
            )
        channels = 1 if mixture.ndim == 2 and mixture.shape[1] == 1 else 2
        blocks = [check_block(self.path, block, channels, self.samples, self.sample_rate_hz) for block in blocks]
        try:
            if channels == 1:
                blocks = [np.repeat(block, 2, axis=1) for block in blocks]
            for packets in self._encoders.map(lambda stream, block: list(stream.encode(block)), self._streams, blocks):
                for packet in packets:
                    self._container.mux(packet)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from None
        self.samples += len(mixture)

    def close(self) -> None:
        """Complete the file and give it its name. Raises: AudioError if that fails; nothing is left then."""
        if not self._open:
            return
        try:
            for stream in self._streams:
                for packet in stream.flush():
                    self._container.mux(packet)
            self._encoders.shutdown()
            self._container.close()
            replace_user_data(self._atomic.file, self._udta)
        except OSError as error:
            self.discard()
            raise write_error(self.path, error) from None
        except BaseException:
            self.discard()
            raise
        self._open = False
        self._atomic.commit()

    def discard(self) -> None:
        """Delete what was written."""
        if self._open:
            self._open = False
            self._encoders.shutdown()
            discard(self._container)
            self._atomic.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _check(self, stems: Sequence[StemInfo], codec: str, subtype: str) -> None:
        if not self.path.name.lower().endswith(".stem.mp4"):
            raise UsageError(f"{self.path}: name it something.stem.mp4, by which players know stem files")
        if len(stems) != 4:
            raise UsageError(f"{self.path}: {len(stems)} stems: a stem file holds exactly four")
        if codec not in ("aac", "alac"):
            raise UsageError(f"codec={codec!r}: use aac or alac")
        if (codec, subtype) not in _CODECS:
            allowed = [name for key, name in _CODECS if key == codec]
            raise UsageError(f"{self.path}: {codec} cannot hold subtype {subtype!r}: use {' or '.join(allowed)}")
        if codec == "aac" and self.sample_rate_hz not in AAC_RATES_HZ:
            rates = ", ".join(map(str, AAC_RATES_HZ))
            raise UsageError(f"{self.path}: AAC cannot hold {self.sample_rate_hz} Hz: use the codec alac, or one of {rates} Hz")
        if not 1 <= self.sample_rate_hz < 2**31:
            raise UsageError(f"{self.path}: sample_rate_hz={self.sample_rate_hz}: use 1 or more")

    def _open_streams(self, stems: Sequence[StemInfo], codec: str, sample_format: str) -> tuple[Any, list[EncodedStream]]:
        import av

        # "ipod" gives the brand M4A; the movie's clock in samples makes the lengths in the edit lists exact
        container = av.open(self._atomic.file, "w", format="ipod", options={"movie_timescale": str(self.sample_rate_hz)})
        streams = []
        for name in ("Mixture", *(stem.name for stem in stems)):
            encoded = EncodedStream(
                container,
                codec,
                sample_rate_hz=self.sample_rate_hz,
                channels=2,
                sample_format=sample_format,
                bit_rate=AAC_BIT_RATE if codec == "aac" else None,
                options=AAC_OPTIONS if codec == "aac" else None,
            )
            encoded.stream.disposition = 0 if streams else av.stream.Disposition.default.value
            encoded.stream.metadata["handler_name"] = name
            streams.append(encoded)
        return container, streams
