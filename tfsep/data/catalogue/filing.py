"""Taking a contribution into a catalogue: all of it or nothing."""

import filecmp
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import tfsep
from tfsep.audio import open_audio, open_writer, writable_subtype
from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.audio.staging import StagedFolder
from tfsep.data.catalogue.catalogue import Catalogue, FiledFile, FiledSong
from tfsep.data.catalogue.check import CheckReport, check_contribution, doubles_in_catalogue
from tfsep.data.catalogue.checks import Limits, db
from tfsep.data.catalogue.contribution import FILE_NAME, Contribution
from tfsep.data.catalogue.levels import SoundHash
from tfsep.data.catalogue.measure import FileMeasurement, SongMeasurement
from tfsep.errors import DataError

STORE = "songs"  # beside the catalogue, unless told otherwise


@dataclass(frozen=True, kw_only=True)
class Filing:
    """What came of adding: the report, and the songs as they are filed, none if the contribution was refused."""

    report: CheckReport
    songs: tuple[FiledSong, ...]


def add_contribution(
    folder: Path,
    *,
    catalogue: Path,
    store: Path | None = None,
    limits: Limits | None = None,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Filing:
    """Check a contribution and, if it is accepted, copy its songs as FLAC and file them.

    The files are written under a hidden name, the folder is renamed when it is whole, and the catalogue learns of it in one
    transaction after that: a kill leaves the catalogue as it was, and no half song under a final name.

    Args:
        catalogue: SQLite file; made if it is not there and the contribution is accepted.
        store: folder for the songs; None for `songs` beside the catalogue.
        on_progress: told before each step how many are done, of how many, and what comes.
    Raises: as `check_contribution`; AudioError if the songs cannot be written; DataError if a file changes meanwhile or the
        catalogue cannot be written.
    """

    def show(half: int) -> Callable[[int, int, str], None] | None:
        return on_progress and (lambda done, total, name: on_progress(half * total + done, 2 * total, name))

    report = check_contribution(folder, catalogue=catalogue if catalogue.exists() else None, limits=limits, on_progress=show(0))
    if not report.accepted or report.contribution is None:
        return Filing(report=report, songs=())
    store = catalogue.absolute().parent / STORE if store is None else store.absolute()
    identity = contribution_id(report)
    try:
        catalogue.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise write_error(catalogue, problem) from None
    with StagedFolder(store / identity) as staged:
        filed = _copy_songs(report, report.contribution, identity, staged, show(1))
        with Catalogue(catalogue, create=True) as opened, opened.transaction():
            # another contribution may have come while this one was copied
            doubles = doubles_in_catalogue(report.measurements, opened)
            if any(finding.severity == "error" for finding in doubles):
                return Filing(report=replace(report, findings=(*doubles, *report.findings)), songs=())
            with ExitStack() as undo:
                if not _take_place(staged):
                    undo.callback(shutil.rmtree, staged.final, ignore_errors=True)
                prints = [(song, report.measurements[song.name].fingerprint) for song in filed]
                opened.file(prints, code_version=tfsep.__version__)
                undo.pop_all()
    return Filing(report=report, songs=tuple(filed))


def contribution_id(report: CheckReport) -> str:
    """Return a name for a contribution that depends on what it holds alone: the contributor's, and a hash."""
    described = report.contribution.to_json()
    sounds = {
        name: {part: file.levels.sha256 for part, file in song.files.items()} for name, song in report.measurements.items()
    }
    digest = hashlib.sha256(json.dumps([described, sounds], sort_keys=True).encode()).hexdigest()
    slug = re.sub(r"[^a-z0-9]+", "-", report.contribution.contributor.casefold()).strip("-")[:40]
    return f"{slug or 'contribution'}-{digest[:12]}"


def song_description(song: FiledSong) -> dict[str, str]:
    """Return what `song.json` beside the stems tells; `FolderSource` reads the genre from it."""
    names = ("title", "artist", "genre", "source", "credit", "licence", "contributor")
    return {name: value for name in names if (value := getattr(song, name))}


def write_json(path: Path, content: object) -> None:
    """Write a JSON file. Raises: AudioError if it cannot be written."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with AtomicFile(path) as target:
        target.file.write(text.encode(errors="backslashreplace"))  # names of files that are not UTF-8: JSON escapes alike


def _copy_songs(
    report: CheckReport,
    contribution: Contribution,
    identity: str,
    staged: StagedFolder,
    on_progress: Callable[[int, int, str], None] | None,
) -> list[FiledSong]:
    added = datetime.now(UTC).isoformat(timespec="seconds")
    filed = []
    for done, (name, song) in enumerate(sorted(report.measurements.items())):
        if on_progress:
            on_progress(done, len(report.measurements), name)
        peak = max(file.levels.peak for file in song.files.values())
        gain = 1 / peak if peak > 1 else 1.0
        target = staged.path / name
        try:
            target.mkdir()
        except OSError as problem:
            raise write_error(target, problem) from None
        note = contribution.note(name)
        filed.append(
            FiledSong(
                contribution=identity, name=name, title=note.title, artist=note.artist, genre=note.genre, source=note.source,
                credit=note.credit, licence=contribution.licence, contributor=contribution.contributor,
                contact=contribution.contact, rights=contribution.rights, added=added, folder=staged.final / name,
                sample_rate_hz=_rate_hz(song), duration_s=song.duration_s, gain_db=db(gain),
                files=tuple(_copy(part, file, target, gain) for part, file in sorted(song.files.items())),
            )
        )  # fmt: skip
        write_json(target / "song.json", song_description(filed[-1]))
    write_json(staged.path / FILE_NAME, contribution.to_json())
    return filed


def _rate_hz(song: SongMeasurement) -> int:
    return next(iter(song.files.values())).info.sample_rate_hz


def _copy(part: str, file: FileMeasurement, folder: Path, gain: float) -> FiledFile:
    """Write a file as FLAC. Raises: AudioError from reading and writing, DataError if it is not what was checked."""
    info = file.info
    subtype = writable_subtype(".flac", info.subtype) if gain == 1 else "pcm_24"
    sent, stored = (SoundHash(info.sample_rate_hz, info.channels) for _ in range(2))
    path = folder / f"{part}.flac"
    scale = float(1 << (15 if subtype == "pcm_16" else 23))
    with (
        open_audio(file.path) as reader,
        open_writer(path, sample_rate_hz=info.sample_rate_hz, channels=info.channels, subtype=subtype) as writer,
    ):
        for block in reader.blocks():
            sent.push(block)
            louder = block * np.float32(gain)
            stored.push(np.clip(np.rint(louder * scale), -scale, scale - 1) / scale)
            writer.write(louder)
        if sent.finish() != file.levels.sha256:  # before the writer closes: the file never gets its name
            raise DataError(f"{file.path}: changed while it was added: add the contribution again")
    return FiledFile(
        part=part,
        name=path.name,
        sent_as=file.path.name,
        sent_sha256=file.levels.sha256,
        sha256=stored.finish(),
        silent=file.levels.silent,
    )


def _take_place(staged: StagedFolder) -> bool:
    """Give the folder its final name; return whether it was there already, whole, from an addition that was killed.

    Raises: DataError if a folder of that name holds something else; AudioError if it cannot be renamed.
    """
    if not staged.final.exists():
        staged.commit()
        return False
    sent = [path.relative_to(staged.path) for path in sorted(staged.path.rglob("*")) if path.is_file()]
    _, different, missing = filecmp.cmpfiles(staged.path, staged.final, sent, shallow=False)
    if different or missing:
        raise DataError(f"{staged.final}: is there already and holds other songs: move it away and add the contribution again")
    return True
