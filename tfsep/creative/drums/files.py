"""The files of a song's drum hits."""

import json
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.audio.staging import StagedFolder, exchange
from tfsep.creative.drums.midi import check_midi, midi_bytes
from tfsep.creative.drums.song import SongHits
from tfsep.errors import UsageError

HITS_FILE = "hits.json"
MIDI_FILE = "drums.mid"
REPLACED_FILE = "drums_replaced.wav"
STEM_FILE = "drums.flac"
PAGE_FILE = "report.html"


class HitFiles:
    """The files of a song's hits, in a folder of the song's name: `hits.json` and what else is asked for; a context manager.

    They are written in a hidden folder inside that one, which is made on entering. When all are complete they get their names, one
    right after the other, `hits.json` last. After an exception none does, and files that had the names are as they were; a kill
    among the renames leaves some files new and some old, each of them whole.

    Args:
        out: the folder in which the song's own is made.
        song: for the name.
        midi: whether a MIDI file is written.
        others: names of files that others write to `staged`.
        overwrite: replace files that are there already.

    Raises: UsageError if a file is there and must not be replaced, or is the song itself or a folder, or if `out` is a file;
        MissingExtraError for a MIDI file without mido; AudioError if `out` cannot be looked at. On entering AudioError if the
        folder cannot be made or written to.
    """

    def __init__(self, out: Path, song: Path, *, midi: bool = False, others: Sequence[str] = (), overwrite: bool = False):
        self.folder, self._midi = out / song.stem, midi
        self.paths = {name: self.folder / name for name in (*others, *([MIDI_FILE] if midi else []), HITS_FILE)}
        if midi:
            check_midi()
        try:
            self._check(song, overwrite)
        except OSError as error:  # a folder that nobody may look into, a name that is too long
            raise write_error(self.paths[HITS_FILE], error) from None

    def __enter__(self) -> Self:
        made = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        with ExitStack() as stack:
            stack.callback(_remove_empty, made)
            self.staged = stack.enter_context(StagedFolder(self.folder / "drums")).path
            stack.push(self._give_names)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, found: SongHits, *, models: Sequence[str]) -> None:
        """Write `hits.json` and the MIDI file. Raises: AudioError if they cannot be written.

        Args:
            models: the names of those that were used, for the record.
        """
        contents = {HITS_FILE: hits_json(found, models)} | ({MIDI_FILE: midi_bytes(found.hits)} if self._midi else {})
        for name, content in contents.items():
            with AtomicFile(self.staged / name) as target:
                try:
                    target.file.write(content)
                    target.file.flush()
                except OSError as error:  # a full disk
                    raise write_error(self.paths[name], error) from None

    def _check(self, song: Path, overwrite: bool) -> None:
        for folder in (self.folder, *self.folder.parents):
            if folder.exists() and not folder.is_dir():
                raise UsageError(f"{folder}: is a file, so no folder can be made there: choose another --out")
        for path in self.paths.values():
            if path.resolve() == song.resolve() or (path.exists() and song.exists() and path.samefile(song)):
                raise UsageError(f"{path}: is the song itself and would be overwritten: choose another --out")
            if path.is_dir():
                raise UsageError(f"{path}: is a folder, so no file of that name can be written: choose another --out")
            if path.exists() and not overwrite:
                raise UsageError(f"{path}: is there already: use --overwrite, or choose another --out")

    def _give_names(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            return
        try:
            exchange(self.staged, self.folder, list(self.paths))
        except OSError as failure:
            raise write_error(self.paths[HITS_FILE], failure) from None


def hits_json(found: SongHits, models: Sequence[str]) -> bytes:
    """Return hits as JSON: the song's name and length, the models, and a list of `time_s`, `drum` and `velocity`."""
    rows = [{"time_s": round(hit.time_s, 5), "drum": hit.drum, "velocity": round(hit.velocity, 3)} for hit in found.hits]
    listed = ",\n  ".join(json.dumps(row) for row in rows)
    about = {"song": found.song.name, "duration_s": round(found.duration_s, 3), "models": list(models)}
    head = json.dumps(about, indent=1)[:-2]
    body = f"[\n  {listed}\n ]" if rows else "[]"
    return f'{head},\n "hits": {body}\n}}\n'.encode()


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the inmost first, as far as they are empty."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
