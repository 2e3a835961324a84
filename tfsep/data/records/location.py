"""Where records lie: a folder, or a web server that is read through tensorflow-io."""

import hashlib
from pathlib import Path

from tfsep.errors import DataError, MissingExtraError, UsageError

SCHEMES = ("http://", "https://")
_BLOCK_BYTES = 1 << 22


def is_remote(folder: str | Path) -> bool:
    """Return whether `folder` is an address rather than a path."""
    return "://" in str(folder)


def check_location(folder: str | Path) -> str:
    """Return `folder` as text that TensorFlow can open things below.

    Raises: UsageError for a scheme that is not known to work; MissingExtraError if an address needs tensorflow-io and it is
    not installed.
    """
    text = str(folder).rstrip("/")
    if not is_remote(text):
        return str(folder)
    if not text.startswith(SCHEMES):
        raise UsageError(f"{text}: records are read from folders, {' and '.join(SCHEMES)}; mount or copy what lies elsewhere")
    try:
        import tensorflow_io  # noqa: F401  (registers the file systems)
    except ModuleNotFoundError:
        raise MissingExtraError("tensorflow_io", "scale", "reading records from a web server") from None
    return text


def inside(folder: str, name: str) -> str:
    """Return the path or address of a file in a folder."""
    return f"{folder}/{name}"


def read_bytes(location: str) -> bytes:
    """Return a whole file. Raises: FileNotFoundError if it is not there; DataError if it cannot be read."""
    if not is_remote(location):
        try:
            return Path(location).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(location) from None
        except OSError as error:
            raise DataError(f"{location}: cannot be read ({error.strerror}): check the permissions and the disk") from None
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(location, "rb") as file:
            return file.read()
    except tf.errors.NotFoundError:
        raise FileNotFoundError(location) from None
    except tf.errors.OpError as error:
        raise DataError(f"{location}: the server cannot be read ({first_line(error)}): check the address") from None


def sha256_of(location: str) -> str:
    """Return the hash of a file, in hexadecimal. Raises: DataError if it is not there or cannot be read."""
    import tensorflow as tf

    digest = hashlib.sha256()
    try:
        with open(location, "rb") if not is_remote(location) else tf.io.gfile.GFile(location, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except (FileNotFoundError, tf.errors.NotFoundError):
        raise DataError(f"{location}: the index names this shard, but it is missing: copy it again or pack again") from None
    except OSError as error:
        raise DataError(f"{location}: cannot be read ({error.strerror}): check the permissions and the disk") from None
    except tf.errors.OpError as error:
        raise DataError(f"{location}: the server cannot be read ({first_line(error)}): check the address") from None
    return digest.hexdigest()


def first_line(error: Exception) -> str:
    """Return the first line of what an error says: TensorFlow adds pages."""
    return (str(getattr(error, "message", error)).strip().splitlines() or [type(error).__name__])[0][:200]
