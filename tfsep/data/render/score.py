"""What a composer hands to the performer: a song as events in seconds, without sound."""

from dataclasses import dataclass, field

DRUM_CLASSES = ("kick", "snare", "closed_hat", "open_hat", "crash", "ride", "tom", "percussion")
# What the `piece` of a "percussion" hit stands for; a performer that lacks one of them may take any other sound of the class.
PERCUSSION_PIECES = ("shaker", "high_drum", "low_drum", "clap", "rim", "bell")


@dataclass(frozen=True, kw_only=True)
class DrumHit:
    """One stroke. `velocity` in (0, 1]; `piece` tells toms and percussions of a class apart.

    For "tom" 0 is the highest and 2 the floor tom; for "percussion" it is an index into `PERCUSSION_PIECES`; else 0.
    """

    time_s: float
    drum: str
    velocity: float
    piece: int = 0

    def __post_init__(self) -> None:
        if self.drum not in DRUM_CLASSES:
            raise ValueError(f"drum={self.drum!r}: use one of {', '.join(DRUM_CLASSES)}")


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note of a part. `midi` is the MIDI note number (69 is 440 Hz), `velocity` in (0, 1].

    A note with `glide_from_midi` starts at that pitch and slides to its own during the first `glide_s` seconds (808 slides,
    portamento, sung scoops). `tied` marks a note that follows the previous one of its part without a new attack: a sung
    syllable held on over several pitches. A performer that cannot do either may ignore both.
    """

    time_s: float
    duration_s: float
    midi: int
    velocity: float
    glide_from_midi: int | None = None
    glide_s: float = 0.0
    tied: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """One player: `stem` is bass, other or vocals; `sound` says what may play it, for the performer to choose among.

    `sound` is a family: for bass "acoustic", "electric", "synth", "sub"; for other the folder names of the material
    ("piano", "guitar", "pad", ...) or a procedural synthesiser ("synth-pluck", "synth-pad", "synth-lead", "synth-arp",
    "synth-chord"); for vocals "lead", "choir", "chops". Guitars say how they are played: "guitar-clean", "guitar-acoustic",
    "guitar-distorted", "guitar-muted" (all are of the folder "guitar"). `articulation` is how notes are meant to sound:
    "sustain" (hold, then release), "pluck" (may ring on or decay within the note), "short" (staccato, damped at its end), "rap"
    (vocals spoken in rhythm).
    """

    stem: str
    sound: str
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float = 0.0  # -1 left to 1 right
    duck: float = 0.0  # depth of the side-chain ducking by the kick, 0 none to 1 full
    articulation: str = "sustain"
    role: str = ""  # what it plays, for the record: "pad", "comp", "strum", "arp", "riff", "lead", "harmony", ...


@dataclass(frozen=True, kw_only=True)
class Section:
    """A stretch of the song. `drums` is "full", "light", "kick", "tops", "build" or "none" (a loop should be silent there)."""

    time_s: float  # 0 for the section that the excerpt starts within
    name: str
    drums: str
    energy: float  # 0 to 1


@dataclass(frozen=True, kw_only=True)
class ChordSpan:
    """The harmony from `time_s` until the next span: a name such as "Am7" and the pitch classes 0 (C) to 11, root first."""

    time_s: float
    name: str
    pitch_classes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A whole song. `key` is the tonic's pitch class 0 (C) to 11 (B); `mode` "major" or "minor".

    `swing` is where the second of a pair of eighths or sixteenths falls within the pair: 0.5 is straight, 0.667 a triplet.
    """

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
    drum_loop_tempo_bpm: float | None = None  # if not None, a loop of the material may be laid under the hits, at this tempo
    tags: dict[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    chords: tuple[ChordSpan, ...] = ()
