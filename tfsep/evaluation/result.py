"""The outcome of an evaluation, as frozen dataclasses that go through JSON and back unchanged."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tfsep.errors import DataError
from tfsep.evaluation.drums import HitScore
from tfsep.evaluation.metrics import BssEvalScore

FORMAT = "tfsep-evaluation"
VERSION = 2
STEM_ORDER = ("drums", "bass", "vocals", "other")  # of tables and figures


@dataclass(frozen=True, kw_only=True)
class StemScore:
    """Scores of one estimate over a whole song, in dB; None for a silent reference. `hits` is for drums alone."""

    sdr_db: float | None
    si_sdr_db: float | None
    bsseval: BssEvalScore | None = None
    hits: HitScore | None = None


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A few seconds of a song, best or worst of it by the SDR of one stem."""

    estimator: str
    stem: str
    kind: str  # "best" or "worst"
    start_s: float
    duration_s: float
    sdr_db: float


@dataclass(frozen=True, kw_only=True)
class SongResult:
    """Scores of one song: `scores[estimator][stem]`, "mixture" among the estimators.

    `contents` says of a stem what its reference holds where that is more than its name says: {"other": "other+bass"}.
    """

    name: str
    folder: str
    duration_s: float
    sample_rate_hz: int
    channels: int
    genre: str | None
    contents: dict[str, str]
    notes: tuple[str, ...]
    scores: dict[str, dict[str, StemScore]]
    excerpts: tuple[Excerpt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SongFailure:
    """A song that could not be scored, and why."""

    folder: str
    error: str


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel:
    """A model that was scored. `training` is what its contract says; `unscored` are stems that have no reference anywhere."""

    label: str
    path: str | None
    stems: tuple[str, ...]
    unscored: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that was found out. `estimators` are the labels in `scores`: models first, then the baselines."""

    models: tuple[EvaluatedModel, ...]
    estimators: tuple[str, ...]
    data: tuple[str, ...]
    songs: tuple[SongResult, ...]
    failures: tuple[SongFailure, ...]
    bsseval: bool
    hits: bool
    date: str  # ISO 8601, UTC
    tfsep_version: str
    command: str | None = None

    def stems(self) -> tuple[str, ...]:
        """Return the stems that were scored in any song: drums, bass, vocals, other, then sums of them by name."""
        found = {stem for song in self.songs for scores in song.scores.values() for stem in scores}
        return tuple(sorted(found, key=lambda stem: (STEM_ORDER.index(stem) if stem in STEM_ORDER else len(STEM_ORDER), stem)))

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"format": FORMAT, "version": VERSION} | asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Build a result from `to_json`'s values. Raises: ValueError for anything else."""
        if not isinstance(fields, dict) or fields.get("format") != FORMAT or fields.get("version") != VERSION:
            raise ValueError(f"not {FORMAT} of version {VERSION}: evaluate again")
        try:
            return cls(
                models=tuple(_model(model) for model in fields["models"]),
                estimators=tuple(fields["estimators"]),
                data=tuple(fields["data"]),
                songs=tuple(_song(song) for song in fields["songs"]),
                failures=tuple(SongFailure(**failure) for failure in fields["failures"]),
                bsseval=fields["bsseval"],
                hits=fields["hits"],
                date=fields["date"],
                tfsep_version=fields["tfsep_version"],
                command=fields["command"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"incomplete or wrong ({error}): evaluate again") from None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a result from a JSON file. Raises: DataError if it is missing, damaged or something else."""
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise DataError(f"{path}: there is no such file: check the name") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not an evaluation ({error})") from None


def _model(fields: dict[str, Any]) -> EvaluatedModel:
    return EvaluatedModel(**fields | {"stems": tuple(fields["stems"]), "unscored": tuple(fields["unscored"])})


def _song(fields: dict[str, Any]) -> SongResult:
    scores = {
        estimator: {stem: _score(score) for stem, score in stems.items()} for estimator, stems in fields["scores"].items()
    }
    excerpts = tuple(Excerpt(**excerpt) for excerpt in fields["excerpts"])
    return SongResult(**fields | {"notes": tuple(fields["notes"]), "scores": scores, "excerpts": excerpts})


def _score(fields: dict[str, Any]) -> StemScore:
    parts = {"bsseval": BssEvalScore, "hits": HitScore}
    return StemScore(**fields | {name: kind(**fields[name]) for name, kind in parts.items() if fields[name] is not None})
