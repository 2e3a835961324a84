"""Writing one file: converted, tried, and only then given its name."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tfsep.audio.atomic import write_error
from tfsep.errors import ModelError, UsageError
from tfsep.separation.runtime_contract import sha256_of, sidecar_path

from .census import Census
from .format import Format, Options
from .graph import Graph
from .parity import Parity, Reference


@dataclass(frozen=True)
class Exported:
    """What was written: the model, its contract beside it, and how far it is from Keras."""

    path: Path
    contract_path: Path
    precision: str
    megabytes: float
    parity: Parity
    census: Census

    @property
    def parity_db(self) -> float:
        """Of the worst trial."""
        return self.parity.worst_db


def write_artefact(
    graph: Graph, reference: Reference, path: Path, chosen: Format, precision: str, options: Options | None = None
) -> Exported:
    """Convert a graph, run the file that was written, and compare it with Keras.

    Args:
        path: of the file, with the format's suffix; the contract is written beside it, see `sidecar_path`.
    Raises: UsageError for another suffix; ModelError if the conversion fails or the file differs from Keras by more than its
        precision may; AudioError if it cannot be written; MissingExtraError. Nothing is left behind then, and a file that was
        there before stays.
    """
    if path.suffix != chosen.suffix:
        raise UsageError(f"{path}: {chosen.title} files end in {chosen.suffix}")
    if path.is_dir() and not chosen.folder:
        raise UsageError(f"{path}: is a folder, so no file of that name can be written: choose another name")
    try:
        with workshop(path.parent) as folder:
            made = folder / path.name
            chosen.write(graph.renamed(path.stem), made, precision, options or Options())
            runtime = chosen.load(made)
            parity = reference.compare(runtime.predict)
            if shortfall := parity.shortfall(precision):
                raise ModelError(f"{path}: {shortfall}: not written")
            census = chosen.census(made)
            sidecar_path(made).write_bytes(runtime.contract.to_bytes(sha256=sha256_of(made)))
            _put(made, path)
            _put(sidecar_path(made), sidecar_path(path))
    except OSError as error:
        raise write_error(path, error) from None
    return Exported(path, sidecar_path(path), precision, size_of(path) / 1e6, parity, census)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) if path.is_dir() else path.stat().st_size


@contextmanager
def workshop(parent: Path) -> Iterator[Path]:
    """Make a hidden folder inside `parent`, on the same disk, so that what is made there needs only be renamed; remove it after.

    If something fails, the folders that had to be made for it go as well.
    """
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    done = False
    try:
        folder = Path(tempfile.mkdtemp(prefix=".tfsep-export-", dir=parent))
        try:
            yield folder
            done = True
        finally:
            shutil.rmtree(folder)
    finally:
        if not done:
            for folder in missing:
                with suppress(OSError):  # somebody else has put something there
                    folder.rmdir()


def _put(made: Path, path: Path) -> None:
    """Rename, replacing what is there; a folder cannot be replaced by renaming, so the old one is moved aside first."""
    if path.is_dir():
        os.replace(path, made.with_name("replaced"))
    os.replace(made, path)
