"""The catalogue: one SQLite file that knows every song taken in, where it lies, whose it is, and how it sounds to a fingerprint."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tfsep.data.catalogue.fingerprints import Fingerprint, Match, align
from tfsep.data.catalogue.selection import Selection
from tfsep.errors import DataError

APPLICATION_ID = 0x74667370  # "tfsp", in the header of the file
VERSION = 1
_SCHEMA = """
CREATE TABLE contributions (
    id TEXT PRIMARY KEY, contributor TEXT NOT NULL, contact TEXT NOT NULL, licence TEXT NOT NULL, rights TEXT NOT NULL,
    folder TEXT NOT NULL, added TEXT NOT NULL, code_version TEXT NOT NULL);
CREATE TABLE songs (
    id INTEGER PRIMARY KEY, contribution TEXT NOT NULL REFERENCES contributions (id), name TEXT NOT NULL, title TEXT NOT NULL,
    artist TEXT NOT NULL, genre TEXT NOT NULL, source TEXT NOT NULL, credit TEXT NOT NULL, sample_rate_hz INTEGER NOT NULL,
    duration_s REAL NOT NULL, gain_db REAL NOT NULL, landmarks INTEGER NOT NULL, UNIQUE (contribution, name));
CREATE TABLE files (
    song INTEGER NOT NULL REFERENCES songs (id), part TEXT NOT NULL, name TEXT NOT NULL, sent_as TEXT NOT NULL,
    sent_sha256 TEXT NOT NULL, sha256 TEXT NOT NULL, silent INTEGER NOT NULL, PRIMARY KEY (song, part)) WITHOUT ROWID;
CREATE INDEX files_by_sound ON files (sent_sha256);
CREATE UNIQUE INDEX one_mixture ON files (sent_sha256) WHERE part = 'mixture';
CREATE TABLE landmarks (
    hash INTEGER NOT NULL, song INTEGER NOT NULL REFERENCES songs (id), frame INTEGER NOT NULL,
    PRIMARY KEY (hash, song, frame)) WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True)
class FiledFile:
    """One file of a song in the store.

    Attributes:
        part: "mixture" or a stem.
        name: in the song's folder.
        sent_as: name under which it came.
        sent_sha256: of the sound that came, see `Levels.sha256`.
        sha256: of the sound that is stored; the same unless it was turned down or came in more than 24 bits.
        silent: whether it is digital silence.
    """

    part: str
    name: str
    sent_as: str
    sent_sha256: str
    sha256: str
    silent: bool


@dataclass(frozen=True, kw_only=True)
class FiledSong:
    """One song in the store; `folder` is absolute, `gain_db` what its files were turned by, `added` an ISO date and time."""

    contribution: str
    name: str
    title: str
    artist: str
    genre: str
    source: str
    credit: str
    licence: str
    contributor: str
    contact: str
    rights: str
    added: str
    folder: Path
    sample_rate_hz: int
    duration_s: float
    gain_db: float
    files: tuple[FiledFile, ...]

    @property
    def stems(self) -> tuple[FiledFile, ...]:
        """The files that are stems, sorted by stem."""
        return tuple(file for file in self.files if file.part != "mixture")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"folder": str(self.folder), "files": [asdict(file) for file in self.files]}


class Catalogue:
    """An open catalogue; a context manager. What is filed together is filed in one transaction.

    Args:
        path: of the SQLite file.
        create: make it if it is not there; its folder must be.

    Raises: DataError if it is missing, no catalogue, of a newer version, damaged or cannot be written.
    """

    def __init__(self, path: Path, *, create: bool = False):
        self.path = path
        if not create and not path.is_file():
            raise DataError(f"{path}: there is no such catalogue: check the path, or make one with `tfsep data add`")
        with self._told():
            mode = "rwc" if create else "rw" if os.access(path, os.W_OK) else "ro"
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=60)
        try:
            with self._told():
                self._db.execute("PRAGMA foreign_keys = ON")
                self._check_version(create)
        except BaseException:
            self._db.close()
            raise

    def songs(self, selection: Selection | None = None) -> list[FiledSong]:
        """Return the songs that a selection names, all without one, sorted by contribution and name."""
        where, values = (selection or Selection()).to_sql()
        query = f"""SELECT songs.*, contributor, contact, licence, rights, folder, added FROM songs
            JOIN contributions ON contributions.id = contribution WHERE {where} ORDER BY contribution, songs.name"""
        with self._told():
            return [self._song(dict(row)) for row in self._rows(query, values)]

    def values(self, column: str) -> list[str]:
        """Return which values "genre", "licence" or "contributor" has, sorted."""
        with self._told():
            query = f"SELECT DISTINCT {Selection.column(column)} AS value FROM songs JOIN contributions ON contributions.id = contribution"
            return sorted(row["value"] for row in self._rows(query))

    def contains(self, contribution: str) -> bool:
        """Return whether a contribution is filed."""
        with self._told():
            return bool(list(self._rows("SELECT 1 FROM contributions WHERE id = ?", [contribution])))

    def same_sound(self, sent_sha256: str) -> list[str]:
        """Return the files, as "contribution/song/part", whose sound is the same to the last bit."""
        query = """SELECT contribution || '/' || songs.name || '/' || part AS file FROM files JOIN songs ON songs.id = song
            WHERE sent_sha256 = ? ORDER BY file"""
        with self._told():
            return [row["file"] for row in self._rows(query, [sent_sha256])]

    def alike(self, fingerprint: Fingerprint) -> list[tuple[str, Match]]:
        """Return the songs, as "contribution/song", that are the same recording, the best match first."""
        with self._told():
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS asked (hash INTEGER NOT NULL, frame INTEGER NOT NULL)")
            self._db.execute("DELETE FROM asked")
            pairs = zip(fingerprint.hashes.tolist(), fingerprint.frames.tolist(), strict=True)
            self._db.executemany("INSERT INTO asked VALUES (?, ?)", pairs)
            query = """SELECT song, asked.frame, landmarks.frame FROM asked JOIN landmarks ON landmarks.hash = asked.hash
                ORDER BY song"""
            hits = np.array(self._db.execute(query).fetchall(), np.int64).reshape(-1, 3)
            names = {
                row["id"]: (f"{row['contribution']}/{row['name']}", row["landmarks"])
                for row in self._rows("SELECT id, contribution, name, landmarks FROM songs")
            }
        found = []
        for song, start, count in zip(*np.unique(hits[:, 0], return_index=True, return_counts=True), strict=True):
            part = hits[start : start + count]
            name, landmarks = names[int(song)]
            match = align(part[:, 1], part[:, 2], len(fingerprint), landmarks)
            if match.same:
                found.append((name, match))
        return sorted(found, key=lambda item: (-item[1].share, item[0]))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the catalogue for oneself; what is filed meanwhile is kept on a clean exit, and none of it otherwise."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            with self._told():
                self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def file(self, songs: Sequence[tuple[FiledSong, Fingerprint]], *, code_version: str) -> None:
        """Add the songs of one contribution. Raises: DataError if one is there already or the file cannot be written."""
        with self._told():
            head = songs[0][0]
            folder = self._relative(head.folder.parent)
            self._db.execute(
                "INSERT INTO contributions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    head.contribution,
                    head.contributor,
                    head.contact,
                    head.licence,
                    head.rights,
                    folder,
                    head.added,
                    code_version,
                ),
            )
            for song, fingerprint in songs:
                cursor = self._db.execute(
                    f"INSERT INTO songs VALUES (NULL{', ?' * 11})",
                    (song.contribution, song.name, song.title, song.artist, song.genre, song.source, song.credit,
                     song.sample_rate_hz, song.duration_s, song.gain_db, len(fingerprint)),
                )  # fmt: skip
                number = cursor.lastrowid
                self._db.executemany(
                    "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [(number, f.part, f.name, f.sent_as, f.sent_sha256, f.sha256, f.silent) for f in song.files],
                )
                marks = zip(fingerprint.hashes.tolist(), fingerprint.frames.tolist(), strict=True)
                self._db.executemany(
                    "INSERT OR IGNORE INTO landmarks VALUES (?, ?, ?)", ((mark, number, frame) for mark, frame in marks)
                )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _check_version(self, create: bool) -> None:
        application, version = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if create and not self._db.execute("SELECT 1 FROM sqlite_master").fetchall():
            header = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {header} COMMIT;")
        elif application != APPLICATION_ID:
            raise DataError(f"{self.path}: is not a catalogue of tfsep: choose one that `tfsep data add` wrote")
        elif version != VERSION:
            raise DataError(f"{self.path}: is a catalogue of version {version}, this tfsep reads {VERSION}: update tfsep")

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[sqlite3.Row]:
        cursor = self._db.cursor()
        cursor.row_factory = sqlite3.Row
        yield from cursor.execute(query, values)

    def _song(self, row: dict[str, Any]) -> FiledSong:
        query = "SELECT part, name, sent_as, sent_sha256, sha256, silent FROM files WHERE song = ? ORDER BY part"
        files = tuple(FiledFile(**dict(file) | {"silent": bool(file["silent"])}) for file in self._rows(query, [row.pop("id")]))
        del row["landmarks"]
        row["folder"] = self.path.absolute().parent / row["folder"] / row["name"]
        return FiledSong(**row, files=files)

    def _relative(self, folder: Path) -> str:
        """Return a folder as it is kept: below the catalogue's own, relative, so that both can be moved together."""
        home = self.path.absolute().parent
        return folder.relative_to(home).as_posix() if folder.is_relative_to(home) else str(folder)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite raises into an error for people."""
        try:
            yield
        except sqlite3.IntegrityError as problem:
            raise DataError(f"{self.path}: a song is there already ({problem}): run `tfsep data check` again") from None
        except sqlite3.Error as problem:
            raise DataError(
                f"{self.path}: cannot be used as a catalogue ({problem}): check the file, its disk and permissions"
            ) from None


def select_songs(catalogue: Path, selection: Selection) -> list[FiledSong]:
    """Return the songs that a selection names. Raises: DataError if there is none, telling which values there are."""
    with Catalogue(catalogue) as opened:
        songs = opened.songs(selection)
        if songs:
            return songs
        known = {name: opened.values(name) for name in ("genre", "licence", "contributor")}
    told = "; ".join(f"{name}: {', '.join(values)}" for name, values in known.items() if values)
    raise DataError(f"{catalogue}: no song has {selection}: use one of what is there ({told or 'it is empty'})")
