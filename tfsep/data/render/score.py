"""What a composer hands to the performer: a song as events in seconds, without sound."""

from dataclasses import dataclass, field

DRUM_CLASSES = ("kick", "snare", "closed_hat", "open_hat", "crash", "ride", "tom", "percussion")


@dataclass(frozen=True, kw_only=True)
class DrumHit:
    """One stroke. `velocity` in (0, 1]; `piece` tells toms and percussions of a class apart (0 is the highest)."""

    time_s: float
    drum: str
    velocity: float
    piece: int = 0

    def __post_init__(self):
        if self.drum not in DRUM_CLASSES:
            raise ValueError(f"drum={self.drum!r}: use one of {', '.join(DRUM_CLASSES)}")


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note of a part. `midi` is the MIDI note number (69 is 440 Hz), `velocity` in (0, 1]."""

    time_s: float
    duration_s: float
    midi: int
    velocity: float


@dataclass(frozen=True, kw_only=True)
class Part:
    """One player: `stem` is bass, other or vocals; `sound` says what may play it, for the performer to choose among.

    `sound` is a family: for bass "acoustic", "electric", "synth", "sub"; for other the folder names of the material
    ("piano", "guitar", "pad", ...) or a procedural synthesiser ("synth-pluck", "synth-pad", "synth-lead", "synth-arp", "synth-chord");
    for vocals "lead", "choir", "chops".
    """

    stem: str
    sound: str
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float = 0.0  # -1 left to 1 right
    duck: float = 0.0  # depth of the side-chain ducking by the kick, 0 none to 1 full


@dataclass(frozen=True, kw_only=True)
class Score:
    """A whole song. `key` is the tonic's pitch class 0 (C) to 11 (B); `mode` "major" or "minor"."""

    genre: str
    tempo_bpm: float
    key: int
    mode: str
    swing: float
    duration_s: float
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]
    drum_hits: tuple[DrumHit, ...]
    parts: tuple[Part, ...]
    kit_style: str = "acoustic"  # "acoustic", "electronic" or "mixed"
    drum_loop_tempo_bpm: float | None = None  # a loop of the material may be laid under the hits, stretched from this tempo
    tags: dict[str, str] = field(default_factory=dict)
