"""The kinds of sources there are, by the name that stands before a path: `musdb18-train:DIR`. One line each."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tfsep.data.source import StemSource
from tfsep.errors import UsageError

DEFAULT_KIND = "folders"
_PREFIX = re.compile(r"([a-z0-9-]{2,}):(.*)", re.DOTALL)  # two characters at least: C:\Music is a path


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    Attributes:
        place: "module:class", imported when used. The class takes `root`, `exclude` and `options` by name.
        holds: what the folder holds, in a few words.
    """

    place: str
    holds: str
    options: Mapping[str, object] = field(default_factory=dict)


KINDS: Mapping[str, SourceKind] = MappingProxyType(
    {
        "folders": SourceKind("tfsep.data.folders:FolderSource", "song folders, SONG/drums.wav and so on"),
        "musdb18-train": SourceKind("tfsep.data.musdb18:Musdb18Source", "MUSDB18 or -HQ, to train", {"split": "train"}),
        "musdb18-valid": SourceKind("tfsep.data.musdb18:Musdb18Source", "MUSDB18 or -HQ, for validation", {"split": "valid"}),
        "musdb18-test": SourceKind("tfsep.data.musdb18:Musdb18Source", "MUSDB18 or -HQ, to test", {"split": "test"}),
        "stem-files": SourceKind("tfsep.data.stem_files:StemFileSource", "NI Stems, .stem.mp4"),
        "multitracks": SourceKind(
            "tfsep.data.multitracks:MultitrackSource", "sessions, many files a song, told by their names"
        ),
        "catalogue": SourceKind("tfsep.data.catalogue.source:CatalogueSource", "songs filed by `tfsep data add`"),
        "samples": SourceKind("tfsep.data.samples:SampleSource", "drum loops and one-shots; unpaired"),
        "drums": SourceKind("tfsep.data.unpaired:UnpairedSource", "drums alone; unpaired", {"stem": "drums"}),
        "no-drums": SourceKind(
            "tfsep.data.unpaired:UnpairedSource", "music without drums; unpaired", {"stem": "accompaniment"}
        ),
        "mixtures": SourceKind("tfsep.data.unpaired:UnpairedSource", "finished songs; unpaired", {"stem": "mixture"}),
    }
)


def open_source(text: str, *, exclude: frozenset[str] = frozenset()) -> StemSource:
    """Return the source that `[KIND:]PATH` names; without a kind, song folders. Nothing is read yet.

    Args:
        exclude: names of recordings to leave out: of files, with or without suffix, or of folders.
    Raises: UsageError for an unknown kind or no path.
    """
    kind, path = split_kind(text)
    module, name = KINDS[kind].place.split(":")
    return getattr(importlib.import_module(module), name)(root=path, exclude=exclude, **KINDS[kind].options)


def split_kind(text: str) -> tuple[str, Path]:
    """Return kind and path of `[KIND:]PATH`. Raises: UsageError as `open_source`."""
    match = _PREFIX.fullmatch(text)
    kind, path = match.groups() if match else (DEFAULT_KIND, text)
    if kind not in KINDS:
        kinds = ", ".join(KINDS)
        raise UsageError(f"{text}: {kind!r} is no kind of source: use one of {kinds}; for a path with a colon write ./{text}")
    if not path:
        raise UsageError(
            f"{text!r}: the path is missing: use {kind}:PATH" if match else "the path of a source is empty: name one"
        )
    # The shell leaves the ~ in drums:~/breaks alone.
    return kind, Path(path).expanduser() if match and path.startswith("~/") else Path(path)


def source_names(text: str) -> frozenset[str]:
    """Return what the recordings in a source are called: names that `exclude` may use, here or in another source.

    Raises: as `open_source`; DataError for a folder that does not hold what its kind promises.
    """
    return open_source(text).names()
