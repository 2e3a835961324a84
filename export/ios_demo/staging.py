"""Putting made files and folders in their places, all of them or none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tfsep.audio.atomic import write_error
from tfsep.audio.staging import exchange

from ..artefact import workshop


@contextmanager
def staged(out: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield a folder to make `names` in; after a clean exit these replace what `out` holds under the same names.

    It lies in `out`, on the same disk, so that only names change at the end. Everything else in `out` stays untouched, and after
    a failure all of it does.

    Raises: AudioError if `out` cannot be written.
    """
    try:
        with workshop(out) as folder:
            yield folder
            exchange(folder, out, names)
    except OSError as error:
        raise write_error(out, error) from None
