"""`manifest.json`: every file that the command has made, with its hash, its licence and where it is from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfsep.errors import DataError
from tfsep.separation.runtime_contract import sha256_of

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
FOLDERS = ("models", "clips", "golden")  # that the command makes, and nobody else
AGAIN = "make the folder again with tfsep-export ios-demo"


@dataclass(frozen=True, kw_only=True)
class About:
    """What is told of one file or, of a package, of all files in it.

    Attributes:
        kind: model, contract, routing, clip, golden.
        licence: SPDX identifier.
        source: what it was made from.
        in_git: whether it is small enough to be kept there; if not, it may be missing.
    """

    kind: str
    licence: str
    source: str
    in_git: bool = True


def listed_files(folder: Path, about: Mapping[str, About]) -> list[dict[str, Any]]:
    """Return an entry for each file below `FOLDERS`, sorted by path.

    Args:
        about: by path, or by that of a package, relative to `folder`; each file must have one.
    """
    entries = []
    for path in made_files(folder):
        told = about.get(path) or next(about[part.as_posix()] for part in Path(path).parents if part.as_posix() in about)
        file = folder / path
        entries.append(
            {
                "path": path,
                "bytes": file.stat().st_size,
                "sha256": sha256_of(file),
                "kind": told.kind,
                "licence": told.licence,
                "source": told.source,
                "in_git": told.in_git,
            }
        )
    return entries


def made_files(folder: Path) -> list[str]:
    """Return the paths of all files below `FOLDERS`, relative to `folder`, sorted."""
    found = (path for name in FOLDERS for path in (folder / name).rglob("*"))
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest."""
    text = json.dumps({"manifest_version": MANIFEST_VERSION, **content}, indent=1, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest. Raises: DataError if it is missing, damaged or of another version."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no manifest: {AGAIN}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}): {AGAIN}") from None
    version = content.get("manifest_version") if isinstance(content, dict) else None
    if version != MANIFEST_VERSION:
        raise DataError(f"{path}: manifest version {version}, this program reads {MANIFEST_VERSION}: {AGAIN}")
    return content


def check_manifest(folder: Path) -> list[dict[str, Any]]:
    """Compare the manifest with the disk; return the entries of the files that are there.

    Files that are not kept in git may be missing; `.gitignore` and the sources beside the made folders are not looked at.

    Raises: DataError, which names every file that is missing, altered or not listed.
    """
    content = read_manifest(folder)
    try:
        entries = {entry["path"]: entry for entry in content["files"]}
        present = {path for path in entries if (folder / path).is_file()}
        missing = sorted(path for path in set(entries) - present if entries[path]["in_git"])
        altered = sorted(path for path in present if not _unchanged(folder / path, entries[path]))
    except (KeyError, TypeError) as error:
        raise DataError(f"{folder / MANIFEST}: incomplete or wrong ({error}): {AGAIN}") from None
    unlisted = sorted(set(made_files(folder)) - set(entries))
    complaints = [
        f"{', '.join(paths)} {_is(paths)} {what}"
        for paths, what in (
            (missing, "missing"),
            (altered, "not what was made: size or SHA-256 differ"),
            (unlisted, "not listed"),
        )
        if paths
    ]
    if complaints:
        raise DataError(f"{folder}: {'; '.join(complaints)}: {AGAIN}")
    return [entries[path] for path in sorted(present)]


def _unchanged(path: Path, entry: Mapping[str, Any]) -> bool:
    return path.stat().st_size == entry["bytes"] and sha256_of(path) == entry["sha256"]


def _is(paths: Sequence[str]) -> str:
    return "is" if len(paths) == 1 else "are"
