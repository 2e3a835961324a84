"""NI Stems files: the mixture and four named stems in one `.stem.mp4` or `.stem.m4a`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsep.audio import AudioInfo, read_info, read_stem_atom
from tfsep.data.files import FileTrack, Part, UnreadableTrack, audio_files, not_excluded, own_names, relative_name
from tfsep.data.stem_names import IGNORED, checked_stem, read_object, stem_by_words, words
from tfsep.errors import AudioError, DataError

CONFIG = "stems.json"
SUFFIXES = (".stem.mp4", ".stem.m4a")


@dataclass(frozen=True, kw_only=True)
class StemNames:
    """What the stems in files are: the content of a `stems.json`.

    Attributes:
        path: where it lies.
        names: stem, or "ignore", by a name in the files, in lower case.
        order: stems of the streams after the mixture, for files that name none.
    """

    path: Path
    names: dict[str, str]
    order: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "StemNames":
        """Read `{"names": {"Plucks": "other"}, "order": ["drums", ...]}`; both may be left out, and the file as well.

        Raises: DataError if it holds anything else.
        """
        fields = read_object(path)
        names, order = fields.get("names", {}), fields.get("order", [])
        unknown = sorted(set(fields) - {"names", "order"})
        if unknown or not isinstance(names, dict) or not isinstance(order, list):
            raise DataError(f'{path}: use {{"names": {{"Plucks": "other"}}, "order": ["drums", "bass", "other", "vocals"]}}')
        return cls(
            path=path,
            names={name.strip().lower(): checked_stem(stem, path, name) for name, stem in names.items()},
            order=tuple(checked_stem(stem, path, "order") for stem in order),
        )

    def stem(self, name: str) -> str | None:
        """Return the stem that a name in a file stands for, "ignore", or None."""
        return self.names.get(name.strip().lower()) or stem_by_words(words(name))


@dataclass(frozen=True, kw_only=True)
class StemFileSource:
    """Every stem file below `root`; a `StemSource`.

    Stems are told by the names in the file, never by their position: by the nearest `stems.json`, in the file's folder or one
    above it up to `root`, or by the words of the name. Two of one stem are summed. The genre is that of the file's tags.
    """

    root: Path
    exclude: frozenset[str] = frozenset()  # names of files, with or without suffix, or of folders below `root`
    paired: bool = True

    def names(self) -> frozenset[str]:
        """Return what the recordings are called. Raises: DataError as `tracks`."""
        return own_names(self.root, self._files())

    def tracks(self) -> Sequence[FileTrack | UnreadableTrack]:
        """Return one track for each file.

        Raises: DataError if there is none or, with a list of all of them, if there are stems whose names nothing explains.
        """
        tracks, unknown = [], []
        for path in not_excluded(self.root, self._files(), self.exclude):
            try:
                tracks.append(self._track(path, unknown))
            except AudioError as error:
                tracks.append(UnreadableTrack(name=relative_name(path, self.root), paths=(path,), error=error))
        if unknown:
            raise DataError(
                f"{self.root}: stems of unknown names in {len(unknown)} of its files: {'; '.join(unknown)}: say in {self.root / CONFIG} "
                f'what they are, such as {{"names": {{"Plucks": "other", "FX": "{IGNORED}"}}}}, and for files without names '
                '{"order": ["drums", "bass", "other", "vocals"]}'
            )
        return tracks

    def _files(self) -> list[Path]:
        files = audio_files(self.root, SUFFIXES, wanted="stem files")
        return sorted(files, key=lambda path: relative_name(path, self.root))

    def _track(self, path: Path, unknown: list[str]) -> FileTrack | UnreadableTrack:
        """Return the file's track; what nothing explains is added to `unknown`."""
        config, info = self._config(path.parent), read_info(path)
        names = _stem_names(path)
        stems = [config.stem(name) for name in names] if names else list(config.order)
        place = relative_name(path, self.root)
        if not stems or None in stems:
            told = (
                ", ".join(name for name, stem in zip(names, stems, strict=True) if stem is None) if names else "no names at all"
            )
            unknown.append(f"{place} ({told})")
            return FileTrack(name=place, parts=())
        problem = _problem(path, info, stems)
        if problem:
            return UnreadableTrack(name=place, paths=(path,), error=problem)
        parts = tuple(Part(stem=stem, path=path, stream=1 + at) for at, stem in enumerate(stems) if stem != IGNORED)
        return FileTrack(name=place, genre=info.tags.get("genre"), parts=parts)

    def _config(self, folder: Path) -> StemNames:
        while folder != self.root and not (folder / CONFIG).is_file():
            folder = folder.parent
        return StemNames.read(folder / CONFIG)


def _stem_names(path: Path) -> list[str]:
    """Return the names in the file's stem atom, none if it has no atom. Raises: AudioError if the atom is damaged."""
    atom = read_stem_atom(path)
    try:
        return [str(stem["name"]) for stem in atom["stems"]] if atom else []
    except (KeyError, TypeError):
        raise AudioError(f"{path}: its stem atom has no list of stems: export the file again") from None


def _problem(path: Path, info: AudioInfo, stems: Sequence[str]) -> DataError | None:
    if info.streams != 1 + len(stems):
        return DataError(
            f"{path}: has {info.streams} streams for a mixture and {len(stems)} stems ({', '.join(stems)}): export it again"
        )
    if len({stem for stem in stems if stem != IGNORED}) < 2:
        return DataError(f"{path}: all of its streams are {stems[0]}; a multitrack has two or more stems: take it out")
    return None
