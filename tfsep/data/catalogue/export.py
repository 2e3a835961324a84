"""Songs of a catalogue copied out, as contributions again: each with its `contribution.json`, all with their credits."""

import itertools
import os
import shutil
from pathlib import Path

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.audio.staging import StagedFolder
from tfsep.data.catalogue.catalogue import FiledSong, select_songs
from tfsep.data.catalogue.contribution import FILE_NAME, Contribution, SongNote
from tfsep.data.catalogue.filing import song_description, write_json
from tfsep.data.catalogue.selection import Selection
from tfsep.errors import DataError, UsageError

CREDITS = "CREDITS.txt"
LICENCE_LINKS = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-PDDC": "https://creativecommons.org/licenses/publicdomain/",
}


def export_songs(catalogue: Path, out: Path, selection: Selection, *, link: bool = False) -> list[FiledSong]:
    """Write `OUT/CONTRIBUTION/SONG/{mixture,drums,...}.flac`, each contribution with its description, and `OUT/CREDITS.txt`.

    Args:
        out: a folder that does not exist or is empty; it appears when it is whole.
        link: make hard links in place of copies; only on the disk of the store.
    Returns: the songs that were written.
    Raises: DataError if no song is selected or one is missing; UsageError if `out` has something in it or `link` is not
        possible; AudioError if the disk is full or does not let write.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out}: is there already: choose a new or empty folder")
    songs = select_songs(catalogue, selection)
    with StagedFolder(out.absolute()) as staged:
        for identity, group in itertools.groupby(songs, key=lambda song: song.contribution):
            some = list(group)
            for song in some:
                _copy(song, staged.path / identity / song.name, link=link)
            write_json(staged.path / identity / FILE_NAME, _describe(some).to_json())
        with AtomicFile(staged.path / CREDITS) as target:
            target.file.write(credits_text(songs).encode())
        staged.commit()
    return songs


def credits_text(songs: list[FiledSong]) -> str:
    """Return the credits that CC BY asks for (section 3a): who, what, where from, under which licence, and what was changed."""
    lines = []
    for song in songs:
        changed = f", turned by {song.gain_db:.1f} dB" if song.gain_db else ""
        lines.append(
            f"{song.contribution}/{song.name}: {song.credit or f'{song.artist} - {song.title}'}; {song.licence} "
            f"{LICENCE_LINKS[song.licence]}; contributed by {song.contributor}; source: {song.source}; converted to FLAC{changed}"
        )
    return "\n".join(lines) + "\n"


def _describe(songs: list[FiledSong]) -> Contribution:
    notes = {
        song.name: SongNote(title=song.title, artist=song.artist, genre=song.genre, source=song.source, credit=song.credit)
        for song in songs
    }
    head = songs[0]
    return Contribution(
        contributor=head.contributor,
        contact=head.contact,
        licence=head.licence,
        rights=head.rights,
        songs=tuple(sorted(notes.items())),
    )


def _copy(song: FiledSong, target: Path, *, link: bool) -> None:
    try:
        target.mkdir(parents=True)
        for file in song.files:
            source = song.folder / file.name
            if not source.is_file():
                raise DataError(f"{source}: is missing from the store: put it back, or export another selection")
            if link:
                _link(source, target / file.name)
            else:
                shutil.copyfile(source, target / file.name)
    except OSError as problem:
        raise write_error(target, problem) from None
    write_json(target / "song.json", song_description(song))


def _link(source: Path, target: Path) -> None:
    if source.stat().st_dev != target.parent.stat().st_dev:
        raise UsageError(f"{target}: is on another disk than {source}, no hard link is possible: leave out --link to copy")
    os.link(source, target)
