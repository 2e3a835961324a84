"""`contribution.json`: who sends which songs, under which licence. docs/contributions.md describes it for those who write one."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfsep.data.catalogue.findings import Finding, error
from tfsep.errors import DataError

FILE_NAME = "contribution.json"
FORMAT = 1
# SPDX identifiers of licences that let weights trained on the songs ship: no non-commercial, no no-derivatives terms; and
# nobody has settled whether weights are an adaptation that share-alike binds.
ALLOWED_LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-PDDC")
SHORTEST_STATEMENT = 20
_LONGEST_TEXT = 2000
_REQUIRED = ("format", "contributor", "licence", "rights", "songs")
_OPTIONAL = ("contact",)
_SONG_REQUIRED = ("title", "artist", "genre", "source")
_SONG_OPTIONAL = ("credit",)


@dataclass(frozen=True, kw_only=True)
class SongNote:
    """What is told of one song.

    Attributes:
        title, artist: as they are to be credited.
        genre: in lower case, words joined by "_", as `tfsep render` writes them; a log reports SDR by it.
        source: where the recordings come from: a link, a session, a sample library.
        credit: a line of credit in place of "artist - title", or "".
    """

    title: str
    artist: str
    genre: str
    source: str
    credit: str = ""

    def __post_init__(self):
        _raise(song_findings("songs", asdict(self)))
        object.__setattr__(self, "genre", normal_genre(self.genre))


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """A `contribution.json`.

    Attributes:
        contributor: name of the person or project.
        licence: SPDX identifier, one of `ALLOWED_LICENCES`.
        rights: statement of why the contributor may give these recordings under that licence.
        songs: folder name and note of each song, sorted by folder.
        contact: mail address or link, or "".

    Raises: DataError with every reason at once.
    """

    contributor: str
    licence: str
    rights: str
    songs: tuple[tuple[str, SongNote], ...]
    contact: str = ""

    def __post_init__(self):
        _raise(contribution_findings(self.to_json()))
        object.__setattr__(self, "songs", tuple(sorted(self.songs)))

    def note(self, folder: str) -> SongNote | None:
        """Return what is told of the song in that folder."""
        return dict(self.songs).get(folder)

    def to_json(self) -> dict[str, Any]:
        """Return what `contribution.json` holds."""
        fields = {"format": FORMAT, "contributor": self.contributor, "licence": self.licence, "rights": self.rights}
        if self.contact:
            fields["contact"] = self.contact
        notes = {folder: {name: text for name, text in asdict(note).items() if text} for folder, note in self.songs}
        return fields | {"songs": notes}

    @classmethod
    def from_json(cls, fields: Any) -> "Contribution":
        """Build one from the content of a file. Raises: DataError with every reason at once."""
        _raise(contribution_findings(fields))
        songs = tuple((folder, SongNote(**note)) for folder, note in fields["songs"].items())
        known = {name: fields[name] for name in ("contributor", "licence", "rights", "contact") if name in fields}
        return cls(songs=songs, **known)


def normal_genre(genre: str) -> str:
    """Return a genre in lower case with "_" between words: "Drum & Bass" becomes "drum_and_bass"."""
    return re.sub(r"[^\w]+", "_", genre.replace("&", " and ").casefold()).strip("_")


def read_contribution(folder: Path) -> tuple[Contribution | None, list[Finding]]:
    """Return the `contribution.json` of a folder, None if it is not as it should be, and all that is wrong with it."""
    path = folder / FILE_NAME
    write_it = "write it as docs/contributions.md shows"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_doubles)
    except FileNotFoundError:
        return None, [error("description", FILE_NAME, "there is no such file", f"one in {folder}", write_it)]
    except OSError as problem:
        return None, [error("description", FILE_NAME, f"cannot be read, {problem.strerror}", "a readable file", write_it)]
    except (ValueError, RecursionError) as problem:
        return None, [error("description", FILE_NAME, f"is not JSON, {problem}", "JSON in UTF-8, no name twice", write_it)]
    found = contribution_findings(fields)
    return (None if found else Contribution.from_json(fields)), found


def contribution_findings(fields: Any) -> list[Finding]:
    """Return everything that is wrong with the content of a `contribution.json`."""
    if not isinstance(fields, dict):
        return [
            _wrong(
                "", f"is {_short(fields)}", "an object with " + ", ".join(_REQUIRED), "write it as docs/contributions.md shows"
            )
        ]
    found = _name_findings("", fields, _REQUIRED, _OPTIONAL)
    if "format" in fields and (fields["format"] != FORMAT or isinstance(fields["format"], bool)):
        found.append(
            _wrong("format", f"is {_short(fields['format'])}", str(FORMAT), "follow docs/contributions.md of this version")
        )
    found += [finding for name in ("contributor", "contact", "rights") for finding in _text_findings(name, name, fields)]
    rights = fields.get("rights")
    if isinstance(rights, str) and 0 < len(rights.strip()) < SHORTEST_STATEMENT:
        found.append(
            _wrong(
                "rights",
                f"is {_short(rights)}, {len(rights.strip())} characters",
                f"a sentence of {SHORTEST_STATEMENT} or more",
                "say who made the recordings and why you may license them",
            )
        )
    if "licence" in fields and fields["licence"] not in ALLOWED_LICENCES:
        found.append(
            _wrong(
                "licence",
                f"is {_short(fields['licence'])}",
                ", ".join(ALLOWED_LICENCES),
                "ask whoever holds the rights for one of these; leave the songs out otherwise",
            )
        )
    songs = fields.get("songs")
    if "songs" in fields and (not isinstance(songs, dict) or not songs):
        found.append(
            _wrong("songs", f"is {_short(songs)}", "an object of folder names", "name each song folder and describe it")
        )
    elif isinstance(songs, dict):
        found += [finding for folder, note in sorted(songs.items()) for finding in song_findings(f"songs, {folder!r}", note)]
    return found


def song_findings(place: str, note: Any) -> list[Finding]:
    """Return everything that is wrong with the description of one song."""
    if not isinstance(note, dict):
        return [_wrong(place, f"is {_short(note)}", "an object with " + ", ".join(_SONG_REQUIRED), "describe the song")]
    found = _name_findings(place, note, _SONG_REQUIRED, _SONG_OPTIONAL)
    found += [
        finding for name in (*_SONG_REQUIRED, *_SONG_OPTIONAL) for finding in _text_findings(f"{place}, {name}", name, note)
    ]
    genre = note.get("genre")
    if isinstance(genre, str) and genre.strip() and not normal_genre(genre):
        found.append(_wrong(f"{place}, genre", f"is {_short(genre)}", "a name with letters, such as house", "name the genre"))
    return found


def _name_findings(place: str, fields: dict[str, Any], required: Sequence[str], optional: Sequence[str]) -> list[Finding]:
    known = ", ".join((*required, *optional))
    found = [_wrong(place, f"lacks {name}", known, f"add {name}") for name in required if name not in fields]
    unknown = sorted(set(fields) - {*required, *optional})
    return found + [
        _wrong(place, f"has {name!r}, which is unknown", known, "remove it or correct its name") for name in unknown
    ]


def _text_findings(place: str, name: str, fields: dict[str, Any]) -> list[Finding]:
    if name not in fields:
        return []
    text = fields[name]
    if not isinstance(text, str):
        return [_wrong(place, f"is {_short(text)}", "text", "write it in quotation marks")]
    if not text.strip() and name not in (*_OPTIONAL, *_SONG_OPTIONAL):
        return [_wrong(place, "is empty", "text", "fill it in")]
    if len(text) > _LONGEST_TEXT:
        return [_wrong(place, f"has {len(text)} characters", f"at most {_LONGEST_TEXT}", "shorten it")]
    if not text.isprintable():
        return [_wrong(place, f"is {_short(text)}", "one line without control characters", "remove line breaks and the like")]
    return []


def _wrong(place: str, value: str, allowed: str, next_step: str) -> Finding:
    return error("description", FILE_NAME, f"{place} {value}".strip(), allowed, next_step)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return fields


def _raise(found: list[Finding]) -> None:
    if found:
        raise DataError("\n".join(finding.line for finding in found))
