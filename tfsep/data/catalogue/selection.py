"""Which songs of a catalogue: by genre, licence and contributor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl

from tfsep.data.catalogue.contribution import normal_genre
from tfsep.errors import UsageError

_COLUMNS = {"genre": "genre", "licence": "licence", "contributor": "contributor"}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Songs that have one of the values of each field; a field without values allows all."""

    genre: tuple[str, ...] = ()
    licence: tuple[str, ...] = ()
    contributor: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "genre", tuple(normal_genre(genre) for genre in self.genre))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Build one from `genre=house&genre=techno&licence=CC0-1.0`. Raises: UsageError for another name or no value."""
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            if name not in _COLUMNS or not value:
                raise UsageError(f"{name}={value}: use {', '.join(_COLUMNS)} with a value, joined by &")
            fields[name] = (*fields.get(name, ()), value)
        return cls(**fields)

    @staticmethod
    def column(name: str) -> str:
        """Return the column of a field's name. Raises: ValueError for another name."""
        if name not in _COLUMNS:
            raise ValueError(f"column={name!r}: use one of {', '.join(_COLUMNS)}")
        return _COLUMNS[name]

    def to_sql(self) -> tuple[str, Sequence[str]]:
        """Return a condition with placeholders, and their values."""
        chosen = [(column, getattr(self, name)) for name, column in _COLUMNS.items() if getattr(self, name)]
        conditions = [f"{column} IN ({', '.join('?' * len(values))})" for column, values in chosen]
        return " AND ".join(conditions) or "1", [value for _, values in chosen for value in values]

    def __str__(self) -> str:
        chosen = [f"{name} {' or '.join(getattr(self, name))}" for name in _COLUMNS if getattr(self, name)]
        return ", ".join(chosen) or "any"
