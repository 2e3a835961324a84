"""What is to be written of each song."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsep.audio import DEFAULT_STEMS, SUBTYPES, WRITABLE_SUBTYPES, AudioInfo, writable_subtype
from tfsep.errors import UsageError
from tfsep.separation.router import Router
from tfsep.separation.router_table import find_table
from tfsep.separation.separator import Separator
from tfsep.separation.songs import Song

FORMATS = ("wav", "flac", "mp3", "stem.mp4")
CODECS = ("aac", "alac")
_SUBTYPES = {name: WRITABLE_SUBTYPES.get(f".{name}", SUBTYPES[:2]) for name in FORMATS}
STEM_FILE_ORDER = tuple(stem.name.lower() for stem in DEFAULT_STEMS)


@dataclass(frozen=True, kw_only=True)
class SeparationJob:
    """What is written of each song.

    `stems` None means all that the model tells apart; `two_stems` names one that is written beside the rest of the song;
    `genre` is that of all songs, for a model that chooses by it; `subtype` None follows the song; `codec` is that of a .stem.mp4.

    Raises: UsageError for a value or combination that cannot be written.
    """

    out: Path
    model: str = "default"
    genre: str | None = None
    stems: tuple[str, ...] | None = None
    two_stems: str | None = None
    format: str = "wav"
    subtype: str | None = None
    codec: str | None = None
    threads: int = 2
    overwrite: bool = False
    debug: bool = False  # let unexpected errors through, with their traceback

    def __post_init__(self):
        if self.format not in FORMATS:
            raise UsageError(f"--format {self.format}: use one of {', '.join(FORMATS)}")
        if self.threads < 1:
            raise UsageError(f"--threads {self.threads}: use 1 or more")
        if self.stems is not None and self.two_stems is not None:
            raise UsageError("--stems and --two-stems: use one of them")
        if self.stems is not None and not self.stems:
            raise UsageError("--stems: name at least one stem, for example --stems drums,vocals")
        if self.format == "stem.mp4" and (self.stems is not None or self.two_stems is not None):
            raise UsageError("--format stem.mp4 holds all four stems: leave out --stems and --two-stems, or use another format")
        if self.codec is not None and self.format != "stem.mp4":
            raise UsageError(f"--codec {self.codec} is for --format stem.mp4: leave it out, or use that format")
        if self.codec not in (None, *CODECS):
            raise UsageError(f"--codec {self.codec}: use one of {', '.join(CODECS)}")
        if self.genre is not None and find_table(self.model) is None:
            raise UsageError(f"--genre {self.genre}: --model {self.model} is the same for all genres: use --model auto")
        if self.subtype is not None:
            kind = "stem.mp4 with --codec alac" if self.codec == "alac" else self.format
            allowed = SUBTYPES[:1] if self.format == "stem.mp4" and self.codec != "alac" else _SUBTYPES[self.format]
            if self.subtype not in allowed:
                raise UsageError(f"--subtype {self.subtype}: {kind} holds {' or '.join(allowed)}")

    def separator(self) -> Separator:
        """Load what takes the songs apart. Raises: as `Separator.load` and `Router.load`."""
        if self.genre is None:
            return Separator.load(self.model, threads=self.threads)
        return Router.load(self.model, threads=self.threads, genre=self.genre)

    def check_stems(self, model_stems: Sequence[str]) -> None:
        """Raise UsageError if the model does not tell apart the stems that are asked for."""
        asked = (*(self.stems or ()), *([self.two_stems] if self.two_stems is not None else []))
        unknown = [stem for stem in asked if stem not in model_stems]
        if unknown:
            raise UsageError(f"stem {', '.join(map(repr, unknown))}: this model tells apart {', '.join(model_stems)}")
        if self.format == "stem.mp4" and set(model_stems) != set(STEM_FILE_ORDER):
            raise UsageError(
                f"--format stem.mp4 needs a model of {', '.join(STEM_FILE_ORDER)}, this one has {', '.join(model_stems)}: "
                "use another format"
            )

    def outputs(self, song: Song, model_stems: Sequence[str]) -> dict[str, Path]:
        """Return the files to be written of a song: by stem, or a .stem.mp4 under the name "stem.mp4"."""
        if self.format == "stem.mp4":
            return {"stem.mp4": self.out / f"{song.name}.stem.mp4"}
        if self.two_stems is not None:
            names = (self.two_stems, f"no_{self.two_stems}")
        else:
            names = tuple(stem for stem in model_stems if self.stems is None or stem in self.stems)
        return {name: self.out / song.name / f"{name}.{self.format}" for name in names}

    def subtype_for(self, info: AudioInfo) -> str:
        """Return the subtype of the files of a song: the one asked for, or the nearest to the song's that they hold."""
        if self.subtype is not None:
            return self.subtype
        if self.format == "stem.mp4":
            return "pcm_16" if self.codec != "alac" or info.subtype == "pcm_16" else "pcm_24"
        return writable_subtype(f".{self.format}", info.subtype)

    @property
    def needed_stems(self) -> tuple[str, ...] | None:
        """The stems that the model must find, None for all."""
        return self.stems if self.two_stems is None else (self.two_stems,)

    @property
    def stems_sum(self) -> bool:
        """Whether the separator's stems sum to the mixture."""
        return True

    @property
    def lossless(self) -> bool:
        """Whether the files hold each sample as it is, so that stems can sum to the mixture exactly."""
        return self.format in ("wav", "flac") or self.codec == "alac"
