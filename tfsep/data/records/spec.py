"""How records are packed."""

from dataclasses import asdict, dataclass
from typing import Any

CODECS = ("pcm", "flac")


@dataclass(frozen=True, kw_only=True)
class RecordSpec:
    """What the audio in records is, and how it is cut into segments, shards and groups.

    Songs are packed in an order drawn by `seed`, a group at a time: the group's songs are cut into segments, and these are
    shuffled among the group's shards. A group is what packing holds in memory, and what an interrupted packing goes on from.

    Attributes:
        codec: "pcm" (int16) or "flac" (the same samples, about a third of the size).
        segment_s: seconds of a segment, about: a song is cut into equal ones, 0.75 to 1.5 times as long.
        shard_mb: size of a shard in 10^6 bytes, about; a group's last one is smaller.
        group_mb: decoded audio of a group in 10^6 bytes, about.

    Raises: ValueError from a field out of range.
    """

    sample_rate_hz: int = 44_100
    channels: int = 2
    codec: str = "flac"
    segment_s: float = 8.0
    shard_mb: float = 64.0
    group_mb: float = 2000.0
    seed: int = 0

    def __post_init__(self):
        for name, low, high in (
            ("sample_rate_hz", 1000, 192_000),
            ("channels", 1, 8),
            ("segment_s", 0.1, 600),
            ("shard_mb", 0.01, 10_000),
            ("group_mb", 0.01, 1_000_000),
            ("seed", 0, 2**32 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}={getattr(self, name)}: use {low} to {high}")
        if self.codec not in CODECS:
            raise ValueError(f"codec={self.codec!r}: use {' or '.join(CODECS)}")

    @property
    def segment_samples(self) -> int:
        """Samples that a segment aims at."""
        return max(1, round(self.segment_s * self.sample_rate_hz))

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "RecordSpec":
        """Build a spec from `to_json`'s fields. Raises: ValueError or TypeError for unknown fields or values out of range."""
        return cls(**fields)
