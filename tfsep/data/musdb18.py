"""MUSDB18 and MUSDB18-HQ (Rafii et al., doi 10.5281/zenodo.1117372 and 10.5281/zenodo.3338373), and the sample of 7-second excerpts.

The package `musdb` says which songs are for validation, which stream of a file is which stem and what the files are called. Its
own reader is not used: it starts `ffprobe` for each song while listing them, fails as a whole at one damaged file, and
decodes to 16 bits; ours reads the same streams (a test compares them), resamples while reading, and skips what is damaged.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfsep.data.files import FileTrack, Part, check_folder, not_excluded, own_names
from tfsep.errors import DataError, MissingExtraError, UsageError

SPLITS = ("train", "valid", "test")
TRACK_LIST = "tracklist.csv"
_STEM_FILE = ".stem.mp4"


@dataclass(frozen=True, kw_only=True)
class Musdb18Source:
    """One split of MUSDB18 as published: 86 songs to train, 14 for validation, both in `root/train`, 50 to test; a `StemSource`.

    `root` holds `train/` and `test/`, with `NAME.stem.mp4` (MUSDB18 and its 7-second sample) or `NAME/drums.wav` and so on
    (MUSDB18-HQ). Genres are those of `root/tracklist.csv` (columns "Track Name" and "Genre"), which is published apart from
    the music at github.com/sigsep/website in content/datasets/assets; without it they are None.

    Raises: UsageError for an unknown split.
    """

    root: Path
    split: str = "train"
    exclude: frozenset[str] = frozenset()  # names of songs, "Artist - Title"
    paired: bool = True

    def __post_init__(self):
        if self.split not in SPLITS:
            raise UsageError(f"split={self.split!r}: use one of {', '.join(SPLITS)}")

    def names(self) -> frozenset[str]:
        """Return what the recordings are called. Raises: DataError as `tracks`."""
        songs = self._songs(_published())
        return own_names(songs[0].parent, songs)

    def tracks(self) -> Sequence[FileTrack]:
        """Return one track for each song of the split.

        Raises: DataError if there is none or the layout is another; MissingExtraError without `musdb`.
        """
        published, genres = _published(), self._genres()
        tracks = []
        songs = self._songs(published)
        for path in not_excluded(songs[0].parent, songs, self.exclude):
            name = _name(path)
            parts = _streams(path, published) if path.is_file() else _files(path, published)
            tracks.append(FileTrack(name=name, genre=genres.get(name), parts=parts))
        return tracks

    def _songs(self, published: dict[str, Any]) -> list[Path]:
        """Return the split's files (MUSDB18) or folders (MUSDB18-HQ), in the order of their names."""
        check_folder(self.root)
        folder = self.root / ("test" if self.split == "test" else "train")
        layout = "give the folder with train/ and test/, which hold NAME.stem.mp4 (MUSDB18) or NAME/drums.wav ... (MUSDB18-HQ)"
        if not folder.is_dir():
            raise DataError(f"{self.root}: {folder.name}/ is not in it: {layout}")
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
        files = [path for path in found if path.name.endswith(_STEM_FILE) and path.is_file()]
        folders = [path for path in found if any((path / file).is_file() for file in published["sources"].values())]
        if files and folders:
            raise DataError(f"{folder}: holds stem files and folders of songs, which would count songs twice: keep one of them")
        songs = sorted(files or folders, key=_name)
        if not songs:
            raise DataError(f"{folder}: no song in it: {layout}")
        held = set(published["validation_tracks"])
        if self.split != "test":
            songs = [song for song in songs if (_name(song) in held) == (self.split == "valid")]
        if not songs:
            raise DataError(f"{folder}: none of its songs is of the split {self.split}: use the whole of MUSDB18")
        return songs

    def _genres(self) -> dict[str, str]:
        path = self.root / TRACK_LIST
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file, strict=True)
                return {row["Track Name"]: row["Genre"] for row in rows if row["Genre"]}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
        except (KeyError, csv.Error, UnicodeDecodeError) as error:
            raise DataError(
                f'{path}: is not the published list ({error}): it has columns "Track Name" and "Genre"; delete it or get it again'
            ) from None


def _published() -> dict[str, Any]:
    """Return what `musdb` knows: `validation_tracks`, `stem_ids` and `sources` (file names in MUSDB18-HQ)."""
    try:
        import musdb
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "musdb", "train", "reading MUSDB18") from None
    except RuntimeError as error:  # by stempeg, which musdb loads
        raise DataError(f"reading MUSDB18 needs the package musdb, which cannot be loaded ({error}): install ffmpeg") from None
    return musdb.DB(root=".", subsets=[]).setup


def _name(path: Path) -> str:
    return path.name.removesuffix(_STEM_FILE)


def _streams(path: Path, published: dict[str, Any]) -> tuple[Part, ...]:
    return tuple(Part(stem=stem, path=path, stream=published["stem_ids"][stem]) for stem in sorted(published["sources"]))


def _files(folder: Path, published: dict[str, Any]) -> tuple[Part, ...]:
    """Return the parts of a song of MUSDB18-HQ; a stem without a file is not known."""
    files = {stem: folder / name for stem, name in published["sources"].items()}
    return tuple(Part(stem=stem, path=path) for stem, path in sorted(files.items()) if path.is_file())
