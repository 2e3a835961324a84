"""What a mash-up is to be made of."""

from dataclasses import dataclass

from tfsep.errors import UsageError

STEMS = ("drums", "bass", "other", "vocals")
DECKS = ("A", "B")
NONE = "none"
MOST_SEMITONES = 2
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class MashupSettings:
    """Which stems come from which deck, and how the decks are brought together.

    Attributes:
        drums, bass, other, vocals: "A", "B", or "none" to leave a stem out.
        stretch: the deck that is brought to the other's tempo; with `bpm` both are.
        bpm: tempo of the result.
        key_shift: semitones by which the stretched deck is shifted (B if both are), -2 to 2, or "auto".
        start_a, start_b: first bar of each deck, counted from 1; None finds the best.
        bars: length in bars of the result; None for as long as both decks play.
        tempo_a, tempo_b: what the tempi are, where they are not found rightly.

    Raises: UsageError for a value or combination that cannot be followed.
    """

    drums: str = "A"
    bass: str = "B"
    other: str = "B"
    vocals: str = "B"
    stretch: str = "B"
    bpm: float | None = None
    key_shift: int | str = 0
    start_a: int | None = None
    start_b: int | None = None
    bars: int | None = None
    tempo_a: float | None = None
    tempo_b: float | None = None

    def __post_init__(self) -> None:
        for stem in STEMS:
            if getattr(self, stem) not in (*DECKS, NONE):
                raise UsageError(f"--{stem} {getattr(self, stem)}: use A, B or none")
        for deck in DECKS:
            if not self.stems_of(deck):
                raise UsageError(
                    f"no stem comes from deck {deck}: give it one, for example --{'drums' if deck == 'A' else 'rest'} {deck}"
                )
        if self.stretch not in DECKS:
            raise UsageError(f"--stretch {self.stretch}: use A or B")
        for name in ("bpm", "tempo_a", "tempo_b"):
            value = getattr(self, name)
            if value is not None and not 40 <= value <= 250:
                raise UsageError(f"--{name.replace('_', '-')} {value:g}: use 40 to 250 beats a minute")
        if self.key_shift != AUTO and not (
            isinstance(self.key_shift, int) and -MOST_SEMITONES <= self.key_shift <= MOST_SEMITONES
        ):
            raise UsageError(f"--key-shift {self.key_shift}: use auto or -{MOST_SEMITONES} to {MOST_SEMITONES} semitones")
        for name in ("start_a", "start_b", "bars"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name.replace('_', '-')} {value}: use 1 or more")

    def stems_of(self, deck: str) -> tuple[str, ...]:
        """Return the stems that come from a deck."""
        return tuple(stem for stem in STEMS if getattr(self, stem) == deck)

    @property
    def stretched(self) -> tuple[str, ...]:
        """The decks whose tempo is changed."""
        return (self.stretch,) if self.bpm is None else DECKS

    @property
    def shifted(self) -> str:
        """The deck whose key may be shifted."""
        return self.stretch if self.bpm is None else "B"
